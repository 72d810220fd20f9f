import { search } from "@aws-lambda-powertools/jmespath";
import { noteFailure, variable } from "./call.ts";

/** Global options of a command line, which say how its answer is printed. */
export interface Printing {
	/** A JMESPath expression for the part that is wanted; default: all. */
	readonly query?: string | undefined;
	/** `tsv`: as bare text; `none`: not at all; default: JSON. */
	readonly output?: string | undefined;
}

/** Tells a cloud's desk in the test what the command line was told, and prints what it answers. */
export async function askDesk(program: string, words: readonly string[], options: Readonly<Record<string, string>>, printing: Printing) {
	try {
		const response = await fetch(variable("DOCS_CLOUD_DESK"), { method: "POST", body: JSON.stringify({ words, options }) });
		const text = await response.text();
		if (!response.ok) throw new Error(text);
		print(JSON.parse(text), printing);
	} catch (error) {
		noteFailure([program, ...words], String(error));
		process.exitCode = 1;
	}
}

function print(answer: unknown, { query, output = "json" }: Printing): void {
	if (!["json", "tsv", "none"].includes(output)) throw new Error(`there is no output ${output}`);
	const wanted = query === undefined ? answer : search(query, answer as Parameters<typeof search>[1]);
	if (wanted === undefined || wanted === null) throw new Error(`the answer has no ${query}`);
	if (output === "none") return;
	process.stdout.write(output === "tsv" ? `${String(wanted)}\n` : `${JSON.stringify(wanted, undefined, 2)}\n`);
}

/** `--name VALUE` and `--name=VALUE`, each with one value, behind the words. */
export function readCommandLine(list: readonly string[]): {
	readonly words: readonly string[];
	readonly options: Readonly<Record<string, string>>;
} {
	const start = list.findIndex((word) => word.startsWith("--"));
	const words = start === -1 ? list : list.slice(0, start);
	const options: Record<string, string> = {};
	const rest = list.slice(words.length).flatMap((word) => {
		const [, name, value] = /^(--[a-z][a-z0-9-]*)=(.*)$/s.exec(word) ?? [];
		return name === undefined || value === undefined ? [word] : [name, value];
	});
	for (let index = 0; index < rest.length; index += 2) {
		const [name = "", value] = rest.slice(index, index + 2);
		if (!name.startsWith("--") || value === undefined) throw new Error(`${name} is no option with a value`);
		options[name.slice(2)] = value;
	}
	return { words, options };
}
