import { ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import type { FileRecipe } from "../../plan/mount-plan.ts";
import { type Content, shapeOf, toBytes, toDocument, wellFormed } from "../../render/content.ts";
import { type Expression, evaluate } from "../../render/expression.ts";
import { ExpressionError } from "../../render/expression-numbers.ts";
import { wholeOf } from "../../render/selection.ts";
import type { JsonValue } from "../../shared/json.ts";
import type { Found } from "../store.ts";
import { notFetched } from "./legacy-texts.ts";
import type { AwsFile, AwsObject } from "./object.ts";

/** How each file of an object is made of the object's value. */
export function recipesOf(object: AwsObject, defaultMode: number): readonly FileRecipe[] {
	return object.files.map((written) => {
		const file = { path: written.file, mode: written.mode ?? defaultMode };
		return {
			path: written.path,
			objects: [written.file],
			file,
			produce(values) {
				const found = values.get(written.file);
				return found === undefined ? [] : [{ ...file, contents: contentsOf(found, object, written) }];
			},
		};
	});
}

function contentsOf(found: Found, object: AwsObject, { path, expression }: AwsFile): Buffer {
	const content = wholeOf(found, object.name);
	return expression === undefined ? toBytes(content) : selectText(content, expression, { object, path });
}

/** What a part is of. */
interface PartOf {
	readonly object: AwsObject;
	/** Where the part is written, such as `objects[2].jmesPath[0]`. */
	readonly path: string;
}

/**
 * The text that an expression selects, which may be empty.
 *
 * @throws ProviderError `invalid` when it is no text, or the value no JSON
 */
function selectText(content: Content, expression: Expression, part: PartOf): Buffer {
	const value = selectValue(content, expression, part);
	if (typeof value === "string") return Buffer.from(wellFormed(value, `${part.path} of object ${quote(part.object.name)}`));
	if (value === null)
		throw partError(
			part,
			expression,
			"selects nothing, or null",
			"Correct the expression, whose names are case-sensitive, or store a text there.",
		);
	throw partError(
		part,
		expression,
		`selects ${shapeOf(value)}, and a file holds text`,
		"Select a text, or write to_string(…) around the expression.",
	);
}

function selectValue(content: Content, expression: Expression, part: PartOf): JsonValue {
	try {
		return evaluate(expression, toDocument(content));
	} catch (error) {
		if (error instanceof ExpressionError) throw partError(part, expression, error.message, "Change the expression, or what is stored.");
		if (error instanceof ProviderError)
			throw partError(part, expression, "selects from a value that is no JSON", "Store JSON, or remove jmesPath.");
		throw error;
	}
}

/** Nothing of the value is in the message. */
function partError({ object, path }: PartOf, expression: Expression, cause: string, remedy: string): ProviderError {
	const message = `${path}.path of object ${quote(object.name)}: ${quote(expression.text)} ${cause}.`;
	const legacyText = notFetched(object.ref, object.name);
	return new ProviderError("invalid", message, { remedy, ...(legacyText === undefined ? {} : { legacyText }) });
}
