/** The largest text read, in UTF-16 units. A SecretProviderClass as a whole fits into 1.5 MiB of etcd; its lists are far smaller. */
const maximumYamlLength = 256 * 1024;
/** The deepest nesting and the most nodes that a reader of the parsed document accepts. */
export const maximumYamlDepth = 32;
export const maximumYamlNodes = 20_000;

/**
 * Why a text must not reach a YAML parser, as a clause, or undefined when it may: what would keep the parser
 * busy (it goes on after a mistake and notes each) or exhaust its stack (it recurses with the nesting).
 * Takes time linear in the length.
 */
export function yamlHazard(text: string): string | undefined {
	if (text.length > maximumYamlLength) return `is ${text.length} characters long; ${maximumYamlLength} are read`;
	if (hasTooManyEntries(text)) return "has too many entries";
	return nestsTooDeeply(text) ? "nests too deeply" : undefined;
}

/** More of one indicator than there may be nodes can only be more entries than are read. */
function hasTooManyEntries(text: string): boolean {
	const counts = new Map<string, number>();
	for (const [indicator] of text.matchAll(/[\r\n,:?&*!"'%@|>[\]{}]/g)) {
		const count = (counts.get(indicator) ?? 0) + 1;
		if (count > maximumYamlNodes) return true;
		counts.set(indicator, count);
	}
	return false;
}

function nestsTooDeeply(text: string): boolean {
	let open = 0;
	for (const character of text) {
		if (character === "[" || character === "{") open += 1;
		else if (character === "]" || character === "}") open = Math.max(0, open - 1);
		// Brackets inside texts count too, hence the margin.
		if (open > maximumYamlDepth * 4) return true;
	}
	return /^(?:[ \t]*[-?:][ \t]){33}/m.test(text);
}
