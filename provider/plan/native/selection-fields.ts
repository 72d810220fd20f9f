import { type Encoding, encodings } from "../../render/encoding.ts";
import { compileExpression } from "../../render/expression.ts";
import { ExpressionError } from "../../render/expression-numbers.ts";
import type { Selection, SelectionStep } from "../../render/selection.ts";
import { type Fields, quote } from "../fields.ts";

/** Reads `key` or `jmespath`, and `decode`: which part of a value is meant. */
export function readSelection(fields: Fields): Selection {
	const steps: SelectionStep[] = [];
	const key = fields.text("key");
	const jmespath = fields.text("jmespath");
	if (key !== undefined && jmespath !== undefined) fields.reject("jmespath", "stands beside key", "Keep one of the two.");
	if (key !== undefined) steps.push({ kind: "key", key });
	if (jmespath !== undefined) steps.push(...readExpression(fields, jmespath));
	const encoding = readEncoding(fields, "decode");
	if (encoding !== undefined) steps.push({ kind: "decode", encoding });
	return steps;
}

export function readEncoding(fields: Fields, name: string): Encoding | undefined {
	const text = fields.text(name);
	if (text === undefined) return undefined;
	const encoding = encodings.find((candidate) => candidate === text);
	if (encoding === undefined) fields.reject(name, `is ${quote(text)}`, `Write one of ${encodings.join(", ")}.`);
	return encoding;
}

function readExpression(fields: Fields, text: string): Selection {
	try {
		return [{ kind: "jmespath", expression: compileExpression(text) }];
	} catch (error) {
		if (!(error instanceof ExpressionError)) throw error;
		fields.reject("jmespath", error.message, "Correct it, or select one key with `key`.");
		return [];
	}
}
