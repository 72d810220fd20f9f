import type { Finding, FindingStatus } from "../../shared/finding.ts";
import { runtimeVersion } from "../../shared/runtime-version.ts";
import { printable } from "../mount/report.ts";
import type { ServeProcess } from "./serve-process.ts";

/** The findings about one thing, under its name. */
export interface Section {
	readonly title: string;
	readonly findings: readonly Finding[];
}

const statuses: readonly FindingStatus[] = ["failed", "warning", "ok", "unchecked"];
const words: Readonly<Record<FindingStatus, string>> = { ok: "ok", warning: "warning", failed: "FAILED", unchecked: "not checked" };
const margin = Math.max(...Object.values(words).map((word) => word.length)) + 4;

/** How often each status was found. */
export function summarize(sections: readonly Section[]): Readonly<Record<FindingStatus, number>> {
	const found = sections.flatMap(({ findings }) => findings);
	const count = (status: FindingStatus) => found.filter((finding) => finding.status === status).length;
	return { failed: count("failed"), warning: count("warning"), ok: count("ok"), unchecked: count("unchecked") };
}

/** For `--json`: every finding with the title of its section. */
export function reportDocument(sections: readonly Section[], running: ServeProcess | undefined): object {
	const findings = sections.flatMap(({ title, findings: found }) =>
		found.map(({ check, status, message, remedy }) => ({
			section: title,
			check,
			status,
			message,
			...(remedy === undefined ? {} : { remedy }),
		})),
	);
	return { version: runtimeVersion, process: running?.id ?? null, summary: summarize(sections), findings };
}

/** For people. */
export function reportText(sections: readonly Section[], running: ServeProcess | undefined): string {
	const source =
		running === undefined ? "no running provider found; options of this command line and environment" : `options of process ${running.id}`;
	const blocks = sections
		.filter(({ findings }) => findings.length > 0)
		.map(({ title, findings }) => `${printable(title)}\n${findings.map(lines).join("")}`);
	const summary = summarize(sections);
	const counts = statuses.map((status) => `${summary[status]} ${words[status].toLowerCase()}`).join(", ");
	return `claviger doctor ${runtimeVersion}: ${source}\n\n${blocks.join("\n")}\n${counts}\n`;
}

function lines({ check, status, message, remedy }: Finding): string {
	const indent = " ".repeat(margin);
	const text = (words: string) => printable(words).replaceAll("\n", `\n${indent}`);
	const advice = remedy === undefined ? "" : `${indent}→ ${text(remedy)}\n`;
	return `  ${words[status].padEnd(margin - 2)}${text(`${check}: ${message}`)}\n${advice}`;
}
