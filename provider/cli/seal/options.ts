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
	return parseSealArguments(args, options, false).values;
}

/**
 * Takes options and, where a command has them, further arguments apart.
 *
 * @throws SealUsageError
 */
export function parseSealArguments<const Config extends ParseArgsOptionsConfig>(
	args: readonly string[],
	options: Config,
	allowPositionals = true,
) {
	const { values, tokens, positionals } = parse(args, options, allowPositionals);
	const names = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
	// Node takes the last one, so a slip of the pen would seal for somebody else.
	const twice = names.find((name, index) => names.indexOf(name) !== index && options[name]?.multiple !== true);
	if (twice !== undefined) throw new SealUsageError(`The option --${twice} is given twice.`);
	return { values, positionals };
}

/** @throws SealUsageError for a text that is none of the choices */
export function choice<Choice extends string>(
	option: string,
	text: string | undefined,
	choices: readonly Choice[],
	fallback: Choice,
): Choice {
	const found = text === undefined ? fallback : choices.find((candidate) => candidate === text);
	if (found === undefined) throw new SealUsageError(`${option} is none of ${choices.join(", ")}.`);
	return found;
}

/**
 * What a value is not bound to must not stand there, or somebody might take it for a bound one.
 *
 * @throws SealUsageError
 */
export function checkName(option: string, text: string, problem: string | undefined, isWanted: boolean): void {
	if (!isWanted && text !== "") throw new SealUsageError(`${option} has no effect with this --bind.`);
	if (isWanted && text === "") throw new SealUsageError(`${option} is missing: say whose pods may have the value.`);
	if (isWanted && problem !== undefined) throw new SealUsageError(`${option} ${problem}.`);
}

/** The value itself goes there, so plain HTTP stays on this machine. @throws SealUsageError */
export function checkedEndpoint(text: string): string {
	const url = URL.canParse(text) ? new URL(text) : undefined;
	const isHere = url?.protocol === "http:" && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
	if (url?.protocol === "https:" || isHere) return text;
	throw new SealUsageError("--endpoint is no https:// address; http:// is for this machine only.");
}

function parse<const Config extends ParseArgsOptionsConfig>(args: readonly string[], options: Config, allowPositionals: boolean) {
	try {
		return parseArgs({ args: [...args], options, strict: true, allowPositionals, tokens: true });
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
