import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { rules } from "./rules.ts";

export const formats = ["text", "json", "github"] as const;
export type Format = (typeof formats)[number];

export interface LintOptions {
	readonly kind: "lint";
	readonly paths: readonly string[];
	readonly policyFile: string | undefined;
	/** Undefined: all that Claviger has dialects for. */
	readonly providers: readonly string[] | undefined;
	readonly format: Format;
	/** Whether warnings fail too. */
	readonly strict: boolean;
}

/** The command line asks for help, or cannot be understood; `problem` then says why, as a sentence. */
export interface UsageRequest {
	readonly kind: "usage";
	readonly problem?: string;
}

const flags = {
	policy: { type: "string" },
	"provider-names": { type: "string" },
	format: { type: "string" },
	json: { type: "boolean", default: false },
	strict: { type: "boolean", default: false },
	help: { type: "boolean", short: "h", default: false },
} as const satisfies ParseArgsOptionsConfig;

export function usage(): string {
	const lines = Object.entries(rules).map(([id, { severity, summary }]) => `  ${id.padEnd(30)}${severity.padEnd(9)}${summary}`);
	return `claviger lint: find every fault of SecretProviderClasses and of the pods that mount them, before they are applied

Usage: claviger lint [OPTIONS] PATH...

A PATH is a manifest (YAML or JSON, one or several documents, lists), a folder of them, or - for standard input. What is
given together is looked at together: pods with their classes, classes with the Secrets they sync and the CSIDriver
object. Classes are planned by the code that mounts them; no store and no cluster is asked.

  --policy FILE            the provider's policy file: judges addresses and audiences, and knows the stores that the
                           administrator defined; without it those are taken on trust
  --provider-names NAMES   provider names that are served, by comma (all that Claviger serves); the parameters of a
                           provider that Claviger does not know are not looked at
  --format FORMAT          text, json, or github for annotations in GitHub Actions (text)
  --json                   the same as --format json
  --strict                 fail on warnings too

A line of text is FILE:LINE:COLUMN: SEVERITY RULE: PATH: CAUSE. REMEDY. Whatever looks like a credential is never printed.
Exit status: 0 clean, 1 faults, 2 wrong usage.

Rules
${lines.join("\n")}
`;
}

/** Reads the command line. */
export function parseLintOptions(args: readonly string[]): LintOptions | UsageRequest {
	let parsed: ReturnType<typeof parse>;
	try {
		parsed = parse(args);
	} catch (error) {
		return wrong(error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : "The command line cannot be read.");
	}
	const { values, positionals } = parsed;
	if (values.help) return { kind: "usage" };
	const format = formats.find((name) => name === (values.format ?? (values.json ? "json" : "text")));
	if (format === undefined) return wrong(`--format is none of ${formats.join(", ")}.`);
	if (values.json && format !== "json") return wrong(`--json and --format ${format} exclude each other.`);
	const providers = values["provider-names"]?.split(",").map((name) => name.trim());
	if (providers?.some((name) => !/^[a-zA-Z0-9_-]{1,30}$/.test(name)))
		return wrong("--provider-names is written by comma, such as claviger,vault.");
	if (positionals.length === 0) return wrong("Name the manifests or folders to look at, or - for standard input.");
	if (positionals.filter((path) => path === "-").length > 1) return wrong("Standard input (-) can be read once only.");
	return { kind: "lint", paths: positionals, policyFile: values.policy, providers, format, strict: values.strict };
}

function parse(args: readonly string[]) {
	return parseArgs({ args: [...args], options: flags, strict: true, allowPositionals: true });
}

function wrong(problem: string): UsageRequest {
	return { kind: "usage", problem };
}
