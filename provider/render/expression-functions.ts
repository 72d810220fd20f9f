import { ArityError, JMESPathTypeError } from "@aws-lambda-powertools/jmespath";
import { Functions } from "@aws-lambda-powertools/jmespath/functions";
import { stringifyJson } from "../shared/json.ts";
import { type DigitKeeper, ExpressionError } from "./expression-numbers.ts";

/** A joined text longer than this is no part of a secret any more. */
const maximumJoinedLength = 4 * 1024 * 1024;

/**
 * JMESPath's functions, two of them mended: `to_string` keeps the digits of numbers, and `join` is bounded.
 * The library calls each with one list of all arguments, whatever the declared types say, and
 * swallows errors other than its own; hence `failure`.
 */
export class ExpressionFunctions extends Functions {
	readonly #digits: DigitKeeper;
	failure: ExpressionError | undefined;

	constructor(digits: DigitKeeper) {
		super();
		this.#digits = digits;
	}

	override funcToString(list: unknown): string {
		const [value] = argumentsOf(list, 1);
		if (typeof value === "string") return value;
		try {
			return stringifyJson(this.#digits.restore(value, unknowable));
		} catch (error) {
			this.failure ??= error instanceof ExpressionError ? error : new ExpressionError("gives to_string what it cannot take");
			return "";
		}
	}

	override funcJoin(list: unknown): string {
		const [separator, items] = argumentsOf(list, 2);
		if (typeof separator !== "string") throw typeError("string");
		if (!Array.isArray(items) || !items.every((item) => typeof item === "string")) throw typeError("array-string");
		const length = items.reduce((sum, item) => sum + item.length + separator.length, 0);
		if (length <= maximumJoinedLength) return items.join(separator);
		this.failure ??= new ExpressionError(`joins more than ${maximumJoinedLength} characters`);
		return "";
	}
}

function argumentsOf(list: unknown, count: number): readonly unknown[] {
	const values: readonly unknown[] = Array.isArray(list) ? list : [];
	if (values.length !== count) throw new ArityError({ expectedArity: count, actualArity: values.length });
	return values;
}

/** Without the value: the library would quote it. */
function typeError(expected: string): JMESPathTypeError {
	return new JMESPathTypeError({ currentValue: null, expectedTypes: [expected], actualType: "other" });
}

function unknowable(): never {
	throw new ExpressionError("writes numbers as text that the document writes in several ways, such as 1 and 1.0");
}
