import { statSync } from "node:fs";
import { join } from "node:path";
import { ProviderError } from "../../errors.ts";
import type { AcceptedAnswer } from "./answer.ts";
import type { Change } from "./atomic-writer.ts";
import type { CallFailure } from "./client.ts";
import type { Volume } from "./volume.ts";

/** What a mount did, without a value. */
export interface MountReport {
	readonly directory: string;
	readonly medium: Volume["medium"];
	readonly files: readonly FileReport[];
	/** By object, as the driver records them in the SecretProviderClassPodStatus. */
	readonly versions: Readonly<Record<string, string>>;
}

interface FileReport {
	readonly path: string;
	readonly change: Change;
	/** As it is on disk, in octal digits; undefined for a removed file. */
	readonly mode?: string;
	/** Bytes. */
	readonly size?: number;
	/** The version of the object of this name, where there is one. */
	readonly version?: string;
	/** The mode that the answer asks for and that waits for the next change of contents. */
	readonly waitingMode?: string;
}

export function describeMount(volume: Volume, answer: AcceptedAnswer, changes: ReadonlyMap<string, Change>): MountReport {
	const files = [...changes].map(([path, change]): FileReport => {
		const wanted = answer.files.get(path);
		if (wanted === undefined) return { path, change };
		const { size, mode } = statSync(join(volume.directory, path));
		const version = answer.versions.get(path);
		const waits = (mode & 0o777) !== (wanted.mode & 0o777);
		return {
			path,
			change,
			mode: octal(mode),
			size,
			...(version === undefined ? {} : { version }),
			...(waits ? { waitingMode: octal(wanted.mode) } : {}),
		};
	});
	return { directory: volume.directory, medium: volume.medium, files, versions: Object.fromEntries(answer.versions) };
}

/** The report for people. */
export function reportText(report: MountReport): string {
	const objects = Object.entries(report.versions);
	const files = report.files.map(({ path, mode, size, change }) => [path, mode ?? "", size === undefined ? "" : String(size), change]);
	const blocks = [
		files.length === 0
			? "The answer has no files: nothing is written and nothing removed.\n"
			: table(["PATH", "MODE", "SIZE", "CHANGE"], files),
		objects.length === 0 ? "" : table(["OBJECT", "VERSION"], objects),
		...report.files.flatMap(({ path, mode, waitingMode }) =>
			waitingMode === undefined
				? []
				: [`${printable(path)} keeps mode ${mode}; ${waitingMode} waits for its next change of contents, as with the driver.\n`],
		),
	];
	return blocks.filter((block) => block !== "").join("\n");
}

/** A failed call for people: the code on one line, the provider's own text below it. */
export function failureText(failure: CallFailure): string {
	const claviger = failure.errorCode === undefined ? "" : `, ${failure.errorCode}`;
	const text = printable(failure.text).replace(/^/gm, "  ");
	return `claviger mount: the provider did not mount (${failure.status}${claviger}):\n${text}\n`;
}

/** Turns whatever a step threw into a text: errors of the file system tell of paths only. */
export function errorText(error: unknown): string {
	if (error instanceof ProviderError) return error.text;
	if (error instanceof Error && "syscall" in error) return error.message;
	return ProviderError.from(error).text;
}

/** Text from elsewhere without the characters that steer a terminal. */
export function printable(text: string): string {
	return text.replace(/[^\P{Cc}\n]/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const lines = [head, ...rows.map((row) => row.map((cell) => printable(cell).replaceAll("\n", "\\n")))];
	const widths = head.map((_title, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
	return lines
		.map(
			(line) =>
				`${line
					.map((cell, column) => cell.padEnd(widths[column] ?? 0))
					.join("  ")
					.trimEnd()}\n`,
		)
		.join("");
}

function octal(mode: number): string {
	return (mode & 0o777).toString(8).padStart(4, "0");
}
