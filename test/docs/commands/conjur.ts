// Stands in for the command line of `conjur`, as far as the documents use it: what it is told, the test's desk checks and does.
import { readFileSync } from "node:fs";
import { askDesk, readCommandLine } from "./ask-desk.ts";

const { words, options } = readCommandLine(process.argv.slice(2));
const { file, ...own } = options;
await askDesk("conjur", words, file === undefined ? own : { ...own, file: readFileSync(file, "utf8") }, { output: "none" });
