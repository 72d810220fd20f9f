import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** A command line that cannot be understood. The message says why, as a sentence, and repeats no value. */
export class SealUsageError extends Error {
	override readonly name = "SealUsageError";
}

/**
 * Takes options apart.
 *
 * @throws SealUsageError
 */
export function parseSealOptions<const Config extends ParseArgsOptionsConfig>(args: readonly string[], options: Config) {
	const { values, tokens } = parse(args, options);
	const names = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
	// Node takes the last one, so a slip of the pen would seal for somebody else.
	const twice = names.find((name, index) => names.indexOf(name) !== index && options[name]?.multiple !== true);
	if (twice !== undefined) throw new SealUsageError(`The option --${twice} is given twice.`);
	return values;
}

function parse<const Config extends ParseArgsOptionsConfig>(args: readonly string[], options: Config) {
	try {
		return parseArgs({ args: [...args], options, strict: true, allowPositionals: false, tokens: true });
	} catch (error) {
		throw new SealUsageError(describe(error));
	}
}

/** Node's own message of a positional argument repeats it. */
function describe(error: unknown): string {
	const [code, message] = error instanceof Error && "code" in error ? [error.code, error.message] : [undefined, ""];
	const option = /'(?:-\w, )?(--[a-z][a-z-]{0,20})\b/.exec(message)?.[1];
	if (code === "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL")
		return "There are more arguments than this command takes. A secret value never belongs on the command line, where other users can see it: pipe it in, or use --file.";
	if (code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE")
		return `The option ${option ?? "at the end"} lacks its value, or has one and takes none; write --option=VALUE for one that begins with "-".`;
	return option === undefined ? "An option is not known." : `The option ${option} is not known.`;
}
