import { ProviderError } from "../errors.ts";
import { KeyDirectory } from "../sealing/key-directory.ts";
import type { CommandStreams } from "./command.ts";
import { readText, replaceFile } from "./reseal/files.ts";
import { parseResealOptions, type ResealOptions, usage } from "./reseal/options.ts";
import { type Resealed, resealText } from "./reseal/text.ts";
import { SealUsageError } from "./seal/options.ts";
import { readPublicKeyFile } from "./seal/public-key-file.ts";

/**
 * `claviger reseal`: seals every sealed value of manifests anew, for another key, for whom it was sealed before. Nothing
 * else of a file changes, and nothing shows the values.
 *
 * @returns the exit code: 0 done, 1 failed for some value, 2 wrong usage
 */
export async function run(args: readonly string[], io: CommandStreams): Promise<number> {
	try {
		const options = parseResealOptions(args);
		if (options !== undefined) return await reseal(options, io);
		io.stdout.write(usage);
		return 0;
	} catch (reason) {
		if (reason instanceof SealUsageError) {
			io.stderr.write(`claviger reseal: ${reason.message}\nSee: claviger reseal --help\n`);
			return 2;
		}
		io.stderr.write(`claviger reseal: ${ProviderError.from(reason).text}\n`);
		return 1;
	}
}

async function reseal({ keyDirectory, publicKeyFile, write, files }: ResealOptions, io: CommandStreams): Promise<number> {
	const newKey = await readPublicKeyFile(publicKeyFile);
	const keys = new KeyDirectory(keyDirectory).keys().map(({ key }) => key);
	let failed = false;
	for (const file of files) {
		const before = await readText(file);
		const result = await resealText(before, keys, newKey);
		if (!write) io.stdout.write(result.text);
		else if (result.text !== before) await replaceFile(file, result.text);
		io.stderr.write(report(file, result));
		failed ||= result.problems.length > 0;
	}
	return failed ? 1 : 0;
}

function report(file: string, { resealed, current, problems }: Resealed): string {
	const told = `${file}: ${resealed} sealed anew, ${current} for this key already`;
	return [told, ...problems.map((problem) => `${file}: ${problem}`)].map((line) => `${line}\n`).join("");
}
