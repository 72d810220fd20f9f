import { JMESPathTypeError, search } from "@aws-lambda-powertools/jmespath";
import type { JsonValue } from "../shared/json.ts";
import { ExpressionFunctions } from "./expression-functions.ts";
import { DigitKeeper, ExpressionError } from "./expression-numbers.ts";

/** A JMESPath expression that has been checked (https://jmespath.org/specification.html). */
export interface Expression {
	readonly text: string;
}

const maximumLength = 1_000;
/** How many times larger than its document a result may become: `[@, @]` counts 2, and twice in a row 4. */
const maximumGrowth = 100;

const functionNames = new Set([
	...["abs", "avg", "ceil", "contains", "ends_with", "floor", "join", "keys", "length", "map", "max", "max_by", "merge", "min"],
	...["min_by", "not_null", "reverse", "sort", "sort_by", "starts_with", "sum", "to_array", "to_number", "to_string", "type", "values"],
]);

/** In this order: strings, function calls, brackets that only select, all other brackets, commas. */
const tokens = /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|([A-Za-z_]\w*)\s*\(|\[\s*(?=[\]*?:\d-])|[[\]{}(),]/gs;

/**
 * Checks an expression without a document.
 *
 * @throws ExpressionError
 */
export function compileExpression(text: string): Expression {
	if (text.length > maximumLength) throw new ExpressionError(`is longer than ${maximumLength} characters`);
	checkTokens(text);
	try {
		run(text, null);
	} catch (error) {
		// Applied to nothing, most functions find an argument of the wrong type, which says nothing of the expression.
		if (error instanceof JMESPathTypeError) return { text };
		throw new ExpressionError(`is not a JMESPath expression: ${error instanceof Error ? error.message : "unknown"}`);
	}
	return { text };
}

/**
 * The part of a document that an expression selects; null when there is none. Selected numbers keep their digits.
 *
 * @throws ExpressionError when the expression cannot be applied; the message holds nothing of the document
 */
export function evaluate(expression: Expression, document: JsonValue): JsonValue {
	const digits = new DigitKeeper(document);
	const functions = new ExpressionFunctions(digits);
	try {
		const result = run(expression.text, digits.numericCopy(), functions);
		if (functions.failure !== undefined) throw functions.failure;
		return digits.restore(result, () => run(expression.text, digits.exactCopy()));
	} catch (error) {
		if (error instanceof ExpressionError) throw error;
		// The library's own messages quote the value.
		throw new ExpressionError("cannot be applied to this document: a function gets an argument of the wrong type");
	}
}

/**
 * The library looks expressions up in a plain object, where a bare `constructor` would find what
 * every object inherits; no such name starts with a space.
 */
function run(text: string, document: JsonValue, customFunctions?: ExpressionFunctions): unknown {
	return search(` ${text}`, document, customFunctions === undefined ? undefined : { customFunctions });
}

/** Refuses unknown functions, which the library notices only where it calls them, and expressions that multiply their document. */
function checkTokens(text: string): void {
	let growth = 1;
	const open: { readonly multiplies: boolean; entries: number }[] = [];
	for (const [written, functionName] of text.matchAll(tokens)) {
		if (functionName !== undefined && !functionNames.has(functionName)) {
			throw new ExpressionError(`calls the unknown function ${functionName}; known are ${[...functionNames].join(", ")}`);
		}
		// Every quotation mark inside doubles, and again at the next to_string.
		if (functionName === "to_string") growth *= 2;
		if (written.endsWith("(")) open.push({ multiplies: false, entries: 1 });
		else if (written.startsWith("[") || written === "{") open.push({ multiplies: written === "[" || written === "{", entries: 1 });
		else if (written === ",") addEntry(open);
		else if (/^[\]})]$/.test(written)) growth *= entriesOf(open.pop());
		if (growth > maximumGrowth) throw new ExpressionError("lists or copies so many parts that its result could become too large");
	}
}

function addEntry(open: { entries: number }[]): void {
	const innermost = open.at(-1);
	if (innermost !== undefined) innermost.entries += 1;
}

function entriesOf(bracket: { readonly multiplies: boolean; readonly entries: number } | undefined): number {
	return bracket?.multiplies ? bracket.entries : 1;
}
