import type { Writable } from "node:stream";
import { type Call, type Command, commonOptions, type Option } from "./strongroom-command.ts";

/** Prints one JSON document. */
export function printJson(stdout: Writable, value: unknown): void {
	stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Tells what was done, in a sentence or in JSON; returns the exit code 0. */
export function printResult(call: Call, result: unknown, sentence: string): number {
	if (call.switches.has("json")) printJson(call.io.stdout, result);
	else call.io.stdout.write(`${sentence}\n`);
	return 0;
}

/** Prints rows under headings, in columns as wide as their widest cell. */
export function printTable(stdout: Writable, headings: readonly string[], rows: readonly (readonly string[])[]): void {
	const lines = [headings, ...rows.map((row) => row.map(printable))];
	const widths = headings.map((_, column) => Math.max(...lines.map((line) => [...(line[column] ?? "")].length)));
	for (const line of lines) stdout.write(`${formatLine(line, widths)}\n`);
}

function formatLine(cells: readonly string[], widths: readonly number[]): string {
	return cells
		.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - [...cell].length))
		.join("  ")
		.trimEnd();
}

/** Texts come from a database that others may have changed; none may steer the terminal. */
function printable(text: string): string {
	return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}

export function commandHelp(name: string, command: Command): string {
	const usage = [`claviger strongroom ${name}`, ...command.operands, "[OPTIONS]"].join(" ");
	const options = { ...command.options, ...commonOptions };
	return `${capitalised(command.summary)}.\n\nUsage: ${usage}\n\n${command.details}\n\nOptions:\n${optionLines(options)}\n`;
}

function optionLines(options: Readonly<Record<string, Option>>): string {
	const entries = Object.entries(options).map(
		([name, { value, help }]) => [value === undefined ? `--${name}` : `--${name} ${value}`, help] as const,
	);
	const width = Math.max(...entries.map(([left]) => left.length));
	return entries.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`).join("\n");
}

export function overview(commands: ReadonlyMap<string, Command>): string {
	const lines = [...commands].map(([name, command]) => `  ${[name, ...command.operands].join(" ").padEnd(16)}${command.summary}`);
	return `Administers the strongroom, Claviger's own encrypted store. It is write-only: no command shows a value.

Usage: claviger strongroom COMMAND [OPTIONS]

${lines.join("\n")}

"claviger strongroom COMMAND --help" tells a command's options.
Exit code: 0 done, 1 failed, 2 wrong usage.
`;
}

function capitalised(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}
