import { generateKeyPairSync } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ProviderError } from "../../errors.ts";
import { readPublicKey } from "../../sealing/sealing-key.ts";
import { errorCodeOf } from "../../shared/error-code.ts";
import type { CommandStreams } from "../command.ts";
import { makeKind, type SealKind } from "./kind.ts";
import { parseSealOptions, SealUsageError } from "./options.ts";

const usage = `claviger seal keys: make the installation's key pair for sealed values

Usage: claviger seal keys --out DIRECTORY > PUBLIC-KEY-FILE

The private key becomes a file of the directory, named by the time, for the provider alone. A directory may hold several:
all of them open values, and the last by name is the current one. The public key goes to standard output, for everybody
who seals; "openssl pkey -pubout -in FILE" shows it again.

  --out DIRECTORY          where the private key goes; made when it is not there

No key is overwritten. Exit code: 0 done, 1 failed, 2 wrong usage.
`;

interface KeysOptions {
	readonly directory: string;
}

/** Makes a key pair. */
export const keys: SealKind = makeKind({ usage, parse, seal: makeKeys });

function parse(args: readonly string[]): KeysOptions | undefined {
	const { out, help } = parseSealOptions(args, { out: { type: "string" }, help: { type: "boolean", short: "h", default: false } });
	if (help) return undefined;
	if (out === undefined || out === "") throw new SealUsageError("--out is missing: say where the private key goes.");
	return { directory: out };
}

async function makeKeys({ directory }: KeysOptions, io: CommandStreams): Promise<void> {
	const { publicKey, privateKey } = generateKeyPairSync("x25519");
	const publicText = publicKey.export({ type: "spki", format: "pem" }).toString();
	const known = readPublicKey(publicText);
	if (typeof known === "string") throw new ProviderError("internal", `The key that was made ${known}.`);
	const file = join(directory, fileName(new Date()));
	await writePrivate(file, directory, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
	io.stdout.write(publicText);
	io.stderr.write(
		`The private key ${known.id} is in ${file}. Give the directory to the provider, keep a copy offline, and remove it from here:\n` +
			`  kubectl create secret generic claviger-sealing --namespace claviger-system --from-file=${directory}${await handOver(directory)}\n`,
	);
}

/** Such as `sealing-2026-11-24-141502.pem`: in the order of names the newest key is the last. */
function fileName(now: Date): string {
	const [day = "", time = ""] = now.toISOString().split(/[T.]/);
	return `sealing-${day}-${time.replaceAll(":", "")}.pem`;
}

/** A further key joins the others in the Secret that is there. `kubectl apply` would note the keys in an annotation too. */
async function handOver(directory: string): Promise<string> {
	const isFirst = (await readdir(directory)).length === 1;
	return isFirst ? "" : " \\\n    --dry-run=client --output yaml | kubectl replace --filename -";
}

async function writePrivate(file: string, directory: string, text: string): Promise<void> {
	try {
		await mkdir(directory, { recursive: true, mode: 0o700 });
		await writeFile(file, text, { mode: 0o600, flag: "wx" });
	} catch (cause) {
		const code = errorCodeOf(cause) ?? "no reason given";
		const problem = code === "EEXIST" ? "is there already, and no key is overwritten" : `cannot be written (${code})`;
		throw new ProviderError("invalid", `The file ${file} ${problem}.`, {
			remedy: "Try again, or name another directory with --out.",
			cause,
		});
	}
}
