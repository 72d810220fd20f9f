import { ProviderError } from "../errors.ts";
import type { RenderedFile } from "../plan/mount-plan.ts";
import { maximumFileMode } from "../shared/file-mode.ts";
import { filePathProblem, pathCollision } from "../shared/file-path.ts";
import { asBuffer } from "./codec.ts";
import { v1alpha1 } from "./generated/codec.js";
import type { MountAnswer } from "./options.ts";

const namedFiles = 3;

/** What kept files were encoded to; gone with them. */
const encodings = new WeakMap<readonly RenderedFile[], { readonly versions: ReadonlyMap<string, string>; readonly bytes: Buffer }>();

/**
 * Encodes the answer of a Mount, after making sure that the driver will take all of it: what the
 * driver refuses at this point would leave a volume behind that nobody can explain.
 *
 * @param maximumBytes the driver's receive limit
 * @throws ProviderError `invalid` for paths, `too-large` for the size, `internal` for what only a defect can cause
 */
export function encodeAnswer({ files, versions, isKept }: MountAnswer, maximumBytes: number): Buffer {
	if (isKept !== true) return encode(files, versions, maximumBytes);
	const known = encodings.get(files);
	if (known?.versions === versions && known.bytes.length <= maximumBytes) return known.bytes;
	const bytes = encode(files, versions, maximumBytes);
	encodings.set(files, { versions, bytes });
	return bytes;
}

function encode(files: readonly RenderedFile[], versions: ReadonlyMap<string, string>, maximumBytes: number): Buffer {
	checkPresence(files, versions);
	for (const file of files) checkFile(file);
	checkPaths(files);
	for (const [id, version] of versions) checkVersion(id, version);
	// Contents alone may be far larger than the limit, so they are not copied before they are counted.
	const contents = files.reduce((sum, file) => sum + file.contents.length, 0);
	if (contents > maximumBytes) throw tooLarge(files, contents, maximumBytes);
	const objectVersion = Array.from(versions, ([id, version]) => ({ id, version }));
	const bytes = v1alpha1.MountResponse.encode({ objectVersion, files: [...files] }).finish();
	if (bytes.length > maximumBytes) throw tooLarge(files, bytes.length, maximumBytes);
	return asBuffer(bytes);
}

/** An answer without files changes nothing in the volume, and one without versions fails in the driver. */
function checkPresence(files: readonly RenderedFile[], versions: ReadonlyMap<string, string>): void {
	if (files.length === 0) throw defect("The answer has no file.");
	if (versions.size === 0) throw defect("The answer has no object version.");
}

function checkFile({ path, mode, contents }: RenderedFile): void {
	if (typeof path !== "string") throw defect("A file of the answer has no path.");
	if (!(contents instanceof Uint8Array)) throw defect(`The file ${quote(path)} has no contents.`);
	if (!Number.isInteger(mode) || mode < 0 || mode > maximumFileMode) throw defect(`The file ${quote(path)} has no mode from 0 to 0777.`);
}

function checkPaths(files: readonly RenderedFile[]): void {
	for (const { path } of files) {
		const problem = path.isWellFormed() ? filePathProblem(path) : "is not Unicode text";
		if (problem === undefined) continue;
		throw new ProviderError("invalid", `The file path ${quote(path)} ${problem}.`, {
			remedy: "Give the file another path in the SecretProviderClass.",
		});
	}
	const collision = pathCollision(files.map((file) => file.path));
	if (collision === undefined) return;
	const [first, second] = collision;
	const message =
		first === second
			? `Two files have the path ${quote(first)}.`
			: `The file path ${quote(first)} is a folder of the file ${quote(second)}.`;
	throw new ProviderError("invalid", message, { remedy: "Give one of them another path in the SecretProviderClass." });
}

function checkVersion(id: string, version: string): void {
	if (typeof id !== "string" || id === "" || !id.isWellFormed()) throw defect("An object version of the answer has no id.");
	if (typeof version !== "string" || !version.isWellFormed()) throw defect(`The object ${quote(id)} has no version.`);
}

function tooLarge(files: readonly RenderedFile[], bytes: number, maximumBytes: number): ProviderError {
	const largest = files.toSorted((one, other) => other.contents.length - one.contents.length).slice(0, namedFiles);
	const named = largest.map(({ path, contents }) => `${quote(path)} (${contents.length} bytes)`).join(", ");
	const message = `The files of the volume take ${bytes} bytes; the driver takes ${maximumBytes}. The largest: ${named}.`;
	return new ProviderError("too-large", message, {
		remedy: "Spread the objects over several SecretProviderClasses, each with its own volume.",
	});
}

function defect(message: string): ProviderError {
	return new ProviderError("internal", message, { remedy: "This is a defect of Claviger; report it with the SecretProviderClass." });
}

function quote(text: string): string {
	return JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}…` : text);
}
