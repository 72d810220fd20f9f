// Stands in for the command line of `az`, as far as the documents use it: what it is told, the test's desk checks and does.
import { askDesk, readCommandLine } from "./ask-desk.ts";

const { words, options } = readCommandLine(process.argv.slice(2));
const { query, output, ...own } = options;
await askDesk("az", words, own, { query, output });
