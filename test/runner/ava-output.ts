import { stripVTControlCharacters } from "node:util";

/** What one file's tests came to. */
export interface Tally {
	readonly passed: number;
	readonly failed: number;
	readonly skipped: number;
	/** The names of what failed, which are fewer than `failed` when a run ended before it could name all. */
	readonly failures: readonly string[];
	/** All that ava said, without the tests that passed. */
	readonly details: string;
}

const passedLine = /^ {2}[✔√] /;
/** A failed test or run, or one that was still pending at the time limit. */
const failedLine = /^ {2}[✘×◌] (?:\[fail\]: )?(.*)$/;
const counted = {
	failed: /^ {2}(\d+) (?:(?:tests?|hooks?) failed|unhandled rejections?|uncaught exceptions?|tests? remained pending after a timeout)$/,
	skipped: /^ {2}(\d+) tests? (?:skipped|todo)$/,
};

/**
 * Sums up what ava printed. This reads the report for people and not TAP, because the TAP reporter of
 * ava 8.0 breaks down on a test that never ends, without naming it.
 */
export function readAvaOutput(output: string): Tally {
	const lines = stripVTControlCharacters(output).split("\n");
	const end = lines.lastIndexOf("  ─");
	const summary = end === -1 ? [] : lines.slice(end);
	const sum = (pattern: RegExp) => summary.reduce((total, line) => total + Number(pattern.exec(line)?.[1] ?? 0), 0);
	return {
		// Counted by line, because the summary leaves them out when a test failed.
		passed: lines.filter((line) => passedLine.test(line)).length,
		failed: sum(counted.failed),
		skipped: sum(counted.skipped),
		failures: lines.flatMap((line) => failedLine.exec(line)?.[1] ?? []),
		details: lines.filter((line) => !passedLine.test(line)).join("\n"),
	};
}
