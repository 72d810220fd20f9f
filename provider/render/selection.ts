import { isJsonObject, jsonMember } from "../shared/json.ts";
import type { Found } from "../stores/store.ts";
import { type Content, contentError, quoted, shapeOf, toDocument, toText } from "./content.ts";
import { decodeText, type Encoding } from "./encoding.ts";
import { type Expression, evaluate } from "./expression.ts";
import { ExpressionError } from "./expression-numbers.ts";
import { keysOf } from "./keys.ts";

/** One step from a value to the part that is wanted. A step's input is what the step before it gave. */
export type SelectionStep =
	| { readonly kind: "key"; readonly key: string }
	| { readonly kind: "jmespath"; readonly expression: Expression }
	| { readonly kind: "decode"; readonly encoding: Encoding };

export type Selection = readonly SelectionStep[];

/** A store's value as the start of selections; the object's name is for messages. @param main see {@link Content} */
export function wholeOf(found: Found, object: string, main?: string): Content {
	return { kind: "whole", found, subject: `object ${quoted(object)}`, ...(main === undefined ? {} : { main }) };
}

/**
 * Follows the steps.
 *
 * @throws ProviderError `invalid` naming object and step when there is nothing, or null
 */
export function select(content: Content, selection: Selection): Content {
	return selection.reduce(take, content);
}

export function keySteps(keys: readonly string[]): Selection {
	return keys.map((key) => ({ kind: "key", key }));
}

/**
 * Every top-level key of a document, with its value.
 *
 * @throws ProviderError `invalid` when the content is no mapping
 */
export function members(content: Content): readonly (readonly [string, Content])[] {
	const keys = content.kind === "whole" ? keysOf(content.found) : undefined;
	if (keys !== undefined) return [...keys.keys()].map((key) => [key, takeKey(content, key)] as const);
	const document = toDocument(content);
	if (!isJsonObject(document)) {
		throw contentError(content.subject, `is ${shapeOf(document)}, so it has no keys to expand`, "Remove `expand`, or store a JSON object.");
	}
	return Object.keys(document).map((key) => [key, take(content, { kind: "key", key })] as const);
}

function take(content: Content, step: SelectionStep): Content {
	if (step.kind === "key") return takeKey(content, step.key);
	return step.kind === "jmespath" ? takeExpression(content, step.expression) : decode(content, step.encoding);
}

function takeKey(content: Content, key: string): Content {
	const subject = `${content.subject}, key ${quoted(key)}`;
	const keys = content.kind === "whole" ? keysOf(content.found) : undefined;
	const bytes = keys?.get(key);
	if (bytes !== undefined) return { kind: "bytes", bytes, subject };
	const document = keys === undefined ? toDocument(content) : {};
	if (!isJsonObject(document)) {
		throw contentError(subject, `the value is ${shapeOf(document)}, which has no keys`, "Select from a JSON object, or use `jmespath`.");
	}
	const value = jsonMember(document, key);
	if (value === undefined) throw contentError(subject, "there is no such key", "Correct the key, which is case-sensitive, or store it.");
	if (value === null) throw contentError(subject, "is null", "Store a value there, or leave it out here.");
	return { kind: "part", value, subject };
}

function takeExpression(content: Content, expression: Expression): Content {
	const subject = `${content.subject}, jmespath ${quoted(expression.text)}`;
	try {
		const value = evaluate(expression, toDocument(content));
		if (value !== null) return { kind: "part", value, subject };
	} catch (error) {
		if (!(error instanceof ExpressionError)) throw error;
		throw contentError(subject, error.message, "Change the expression, or select the part with `key`.");
	}
	throw contentError(
		subject,
		"selects nothing, or null",
		"Correct the expression, whose names are case-sensitive, or store a value there.",
	);
}

function decode(content: Content, encoding: Encoding): Content {
	const bytes = decodeText(toText(content), encoding);
	if (bytes !== undefined) return { kind: "bytes", bytes, subject: content.subject };
	throw contentError(
		content.subject,
		`is not ${encoding}`,
		"Remove `decode`, or store the value in that encoding, with padding and nothing else.",
	);
}
