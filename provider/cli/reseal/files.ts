import { chmod, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { ProviderError } from "../../errors.ts";
import { errorCodeOf } from "../../shared/error-code.ts";

/** @throws ProviderError `invalid` when the file cannot be read as UTF-8 */
export async function readText(file: string): Promise<string> {
	const bytes = await attempt(file, "read", () => readFile(file));
	const text = bytes.toString("utf8");
	// What is no UTF-8 would be written back as something else.
	if (Buffer.from(text).equals(bytes)) return text;
	throw new ProviderError("invalid", `The file ${file} is not UTF-8.`, { remedy: "Name a manifest." });
}

/**
 * Puts a whole new file in the old one's place, with its mode: a reader sees the one or the other. A link stays one.
 *
 * @throws ProviderError `invalid`
 */
export async function replaceFile(file: string, text: string): Promise<void> {
	await attempt(file, "written", async () => {
		const place = await realpath(file);
		const temporary = `${place}.reseal-${process.pid}`;
		const { mode } = await stat(place);
		try {
			await writeFile(temporary, text, { flag: "wx" });
			await chmod(temporary, mode & 0o777);
			await rename(temporary, place);
		} finally {
			await rm(temporary, { force: true });
		}
	});
}

async function attempt<Result>(file: string, verb: string, act: () => Promise<Result>): Promise<Result> {
	try {
		return await act();
	} catch (cause) {
		const code = errorCodeOf(cause) ?? "no reason given";
		throw new ProviderError("invalid", `The file ${file} cannot be ${verb} (${code}).`, {
			remedy: "Check its path and its rights.",
			cause,
		});
	}
}
