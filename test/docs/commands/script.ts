// Stands in for a script of the project, each of which has a test or is one: checks that the flags with which it is
// called are told of in its first lines.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { noteFailure } from "./call.ts";

const [script = "", ...parameters] = process.argv.slice(2);
const [, ...lines] = readFileSync(script, "utf8").split("\n");
const head = lines.slice(
	0,
	lines.findIndex((line) => !line.startsWith("#")),
);
for (const flag of parameters.filter((parameter) => parameter.startsWith("--"))) {
	if (head.some((line) => new RegExp(`${flag}\\b`).test(line))) continue;
	noteFailure([basename(script), ...parameters], `${flag} is not among its options`);
	process.exitCode = 1;
}
