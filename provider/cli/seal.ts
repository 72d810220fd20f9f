import { ProviderError } from "../errors.ts";
import type { CommandStreams } from "./command.ts";
import type { SealKind } from "./seal/kind.ts";

/** The ways to seal a value, one line each; each loads on use, and with it the library of its cloud. */
const kinds: Readonly<Record<string, { readonly summary: string; load(): Promise<SealKind> }>> = {
	value: { summary: "with the installation's own public key", load: async () => (await import("./seal/value.ts")).value },
	keys: { summary: "makes the installation's key pair", load: async () => (await import("./seal/keys.ts")).keys },
	kms: { summary: "with a key of AWS KMS", load: async () => (await import("./seal/kms.ts")).kms },
	azure: { summary: "for a key of Azure Key Vault", load: async () => (await import("./seal/azure.ts")).azure },
	gcp: { summary: "with a key of Google Cloud KMS", load: async () => (await import("./seal/gcp.ts")).gcp },
};

/**
 * `claviger seal`: encrypts a value so that it may lie in a SecretProviderClass, open to the pods that it is for.
 * The value comes from a file or standard input, and nothing shows it.
 *
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage
 */
export async function run(args: readonly string[], io: CommandStreams): Promise<number> {
	const [first, ...rest] = args;
	if (first === undefined || first === "help" || first === "--help" || first === "-h") {
		io.stdout.write(usage());
		return first === undefined ? 2 : 0;
	}
	const { name, options } = readKind(first, rest);
	const entry = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
	if (entry === undefined) {
		io.stderr.write(`claviger seal: the first argument names no way to seal.\n\n${usage()}`);
		return 2;
	}
	try {
		const kind = await entry.load();
		const request = kind.read(options);
		if (request.kind === "seal") return await request.run(io);
		if (request.problem === undefined) io.stdout.write(kind.usage);
		else io.stderr.write(`claviger seal ${name}: ${request.problem}\nSee: claviger seal ${name} --help\n`);
		return request.problem === undefined ? 0 : 2;
	} catch (error) {
		io.stderr.write(`claviger seal ${name}: ${ProviderError.from(error).text}\n`);
		return 1;
	}
}

/** `seal --kms` reads as well as `seal kms`, and `seal --gcp-key KEY` as `seal gcp --key KEY`. */
function readKind(first: string, rest: readonly string[]): { readonly name: string; readonly options: readonly string[] } {
	const [, name, value] = /^--(azure|gcp)-key(=.*)?$/s.exec(first) ?? [];
	if (name === undefined) return { name: first.replace(/^--/, ""), options: rest };
	return { name, options: [`--key${value ?? ""}`, ...rest] };
}

function usage(): string {
	const lines = Object.entries(kinds).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`);
	return `claviger seal: encrypt a value, so that it may lie in a SecretProviderClass

Usage: claviger seal KIND [OPTIONS]

${lines.join("\n")}

"claviger seal KIND --help" tells a kind's options.
Exit code: 0 done, 1 failed, 2 wrong usage.
`;
}
