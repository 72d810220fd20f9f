const truths: ReadonlySet<string> = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const falsehoods: ReadonlySet<string> = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** What Go's strconv.ParseBool makes of a text; undefined where it fails. */
export function parseGoBoolean(text: string): boolean | undefined {
	if (truths.has(text)) return true;
	return falsehoods.has(text) ? false : undefined;
}

const shortEscapes: ReadonlyMap<string, string> = new Map([
	["\x07", "\\a"],
	["\b", "\\b"],
	["\f", "\\f"],
	["\n", "\\n"],
	["\r", "\\r"],
	["\t", "\\t"],
	["\v", "\\v"],
	['"', '\\"'],
	["\\", "\\\\"],
]);

/** A text as Go prints it with `%q`: in double quotes, unprintable characters escaped. */
export function goQuote(text: string): string {
	return `"${text.toWellFormed().replace(/["\\]|[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, escapeCharacter)}"`;
}

function escapeCharacter(character: string): string {
	const short = shortEscapes.get(character);
	if (short !== undefined) return short;
	const code = character.codePointAt(0) ?? 0;
	const hex = code.toString(16);
	if (code < 0x80) return `\\x${hex.padStart(2, "0")}`;
	return code > 0xffff ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
}
