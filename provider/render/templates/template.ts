import type { FormatName } from "../formats/formats.ts";
import { compileDotenv } from "./dotenv.ts";
import { compileJson } from "./json.ts";
import { type Fill, type Insertion, isInsertion, type Piece, type Report, readPieces } from "./pieces.ts";
import { compileProperties } from "./properties.ts";
import { compileRaw } from "./raw.ts";
import { compileShell } from "./shell.ts";
import { compileYaml } from "./yaml.ts";

/** Knows a format's grammar well enough to see at plan time where each insertion stands. */
type TemplateCompiler = (pieces: readonly Piece[], report: Report) => Fill;

export interface Template {
	readonly insertions: readonly Insertion[];
	readonly fill: Fill;
}

const maximumLength = 64 * 1024;

const compilers: Readonly<Record<FormatName, TemplateCompiler>> = {
	raw: compileRaw,
	json: compileJson,
	yaml: compileYaml,
	dotenv: compileDotenv,
	properties: compileProperties,
	shell: compileShell,
};

/**
 * Compiles a logic-less template. Whatever is inserted is data: in every format but `raw` a value can end no
 * quote, line or item of the text around it, because it is quoted for the place where it stands.
 */
export function compileTemplate(text: string, format: FormatName, report: Report): Template {
	if (text.length > maximumLength) {
		report(`is longer than ${maximumLength} characters`, "Divide it into several files.");
		return { insertions: [], fill: () => "" };
	}
	const pieces = readPieces(text, report);
	return { insertions: pieces.filter(isInsertion), fill: compilers[format](pieces, report) };
}
