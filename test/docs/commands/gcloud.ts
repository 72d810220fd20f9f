// Stands in for the command line of `gcloud`, as far as the documents use it: what it is told, the test's desk checks and does.
import { readFileSync } from "node:fs";
import { askDesk, readCommandLine } from "./ask-desk.ts";

const { words, options } = readCommandLine(process.argv.slice(2));
const { format, ...own } = options;
// `value(NAME)` prints one field as bare text.
const query = /^value\(([\w.]+)\)$/.exec(format ?? "")?.[1];
const given = Object.fromEntries(
	Object.entries(own).map(([name, value]) => [name, name === "data-file" && value === "-" ? readFileSync(0, "utf8") : value]),
);
await askDesk("gcloud", words, given, query === undefined ? { output: "none" } : { query, output: "tsv" });
