import { styleText } from "node:util";
import { printable } from "../mount/report.ts";
import type { Finding } from "./findings.ts";
import type { Format } from "./options.ts";

/**
 * What a lint found, and the document of `--json`:
 *
 * ```json
 * {
 *   "version": 1,
 *   "findings": [{"file": "web.yaml", "line": 12, "column": 9, "severity": "error", "rule": "parameters-invalid",
 *     "object": "SecretProviderClass shop/web", "path": "spec.parameters.objects[2].filePermission", "cause": "…", "remedy": "…"}],
 *   "summary": {"files": 1, "classes": 1, "pods": 0, "errors": 1, "warnings": 0, "policy": false}
 * }
 * ```
 *
 * Lines and columns count from 1. `findings` are in the order of files and places; `object` is empty for a file that
 * cannot be read. `policy` tells whether addresses and audiences were judged. A later version only adds fields.
 */
export interface LintReport {
	readonly version: 1;
	readonly findings: readonly Finding[];
	readonly summary: LintSummary;
}

export interface LintSummary {
	readonly files: number;
	readonly classes: number;
	readonly pods: number;
	readonly errors: number;
	readonly warnings: number;
	readonly policy: boolean;
}

/** @param colour whether a terminal reads the text */
export function renderReport(report: LintReport, format: Format, colour: boolean): string {
	if (format === "json") return `${JSON.stringify({ ...report, findings: report.findings.map(inOrder) }, undefined, 2)}\n`;
	const lines = report.findings.map((finding) => (format === "github" ? githubLine(finding) : textLine(finding, colour)));
	return [...lines, ...summaryLines(report.summary), ""].join("\n");
}

function inOrder({ file, line, column, severity, rule, object, path, cause, remedy }: Finding): Finding {
	return { file, line, column, severity, rule, object, path, cause, remedy };
}

function textLine({ file, line, column, severity, rule, path, cause, remedy }: Finding, colour: boolean): string {
	const paint = (style: "bold" | "red" | "yellow", text: string) => (colour ? styleText(style, text, { validateStream: false }) : text);
	const place = paint("bold", oneLine(`${file}:${line}:${column}:`));
	return `${place} ${paint(severity === "error" ? "red" : "yellow", severity)} ${rule}: ${oneLine(`${path}: ${cause}. ${remedy}`)}`;
}

/** An annotation. Source: GitHub Actions' workflow commands. */
function githubLine({ file, line, column, severity, rule, path, cause, remedy }: Finding): string {
	const properties = { file: oneLine(file), line, col: column, title: `claviger ${rule}` };
	const written = Object.entries(properties).map(
		([name, value]) => `${name}=${escaped(String(value)).replaceAll(":", "%3A").replaceAll(",", "%2C")}`,
	);
	return `::${severity} ${written.join(",")}::${escaped(oneLine(`${path}: ${cause}. ${remedy}`))}`;
}

function escaped(text: string): string {
	return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function oneLine(text: string): string {
	return printable(text).replaceAll("\n", "\\n");
}

function summaryLines({ files, classes, pods, errors, warnings, policy }: LintSummary): readonly string[] {
	const faults = errors + warnings === 0 ? "No faults" : `${counted(errors, "error")} and ${counted(warnings, "warning")}`;
	const line = `${faults} in ${counted(files, "file")}: ${counted(classes, "class", "classes")}, ${counted(pods, "pod")} with volumes of the driver.`;
	return policy ? [line] : [line, "Without --policy the administrator's stores, addresses and audiences are taken on trust."];
}

function counted(count: number, one: string, many = `${one}s`): string {
	return `${count} ${count === 1 ? one : many}`;
}
