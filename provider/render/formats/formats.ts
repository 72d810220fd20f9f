import { dotenv } from "./dotenv.ts";
import type { Format } from "./format.ts";
import { json } from "./json.ts";
import { properties } from "./properties.ts";
import { shell } from "./shell.ts";
import { yaml } from "./yaml.ts";

/** Formats of files with many values; `raw` is the format of a file with one. */
export const formats = { json, yaml, dotenv, properties, shell } as const satisfies Readonly<Record<string, Format>>;

export type StructuredFormatName = keyof typeof formats;
export type FormatName = "raw" | StructuredFormatName;

export const formatNames: readonly FormatName[] = ["raw", "json", "yaml", "dotenv", "properties", "shell"];

const endings: readonly (readonly [RegExp, StructuredFormatName])[] = [
	[/\.json$/, "json"],
	[/\.ya?ml$/, "yaml"],
	[/\.properties$/, "properties"],
	[/\.sh$/, "shell"],
	[/(?:^|[./])env(?:\.[^./]+)?$/, "dotenv"],
];

/** The format that a file's name tells, such as `json` for `config.json`; undefined when it tells none. */
export function formatOfPath(path: string): StructuredFormatName | undefined {
	return endings.find(([ending]) => ending.test(path))?.[1];
}
