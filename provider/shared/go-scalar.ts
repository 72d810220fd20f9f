import type { JsonValue } from "./json.ts";

/** What a plain scalar means to gopkg.in/yaml.v3. */
export interface ResolvedScalar {
	readonly tag: "!!null" | "!!bool" | "!!int" | "!!float" | "!!timestamp" | "!!str";
	readonly value: JsonValue;
}

const constants = new Map<string, ResolvedScalar>();
for (const text of ["", "~", "null", "Null", "NULL"]) constants.set(text, { tag: "!!null", value: null });
for (const text of ["true", "True", "TRUE"]) constants.set(text, { tag: "!!bool", value: true });
for (const text of ["false", "False", "FALSE"]) constants.set(text, { tag: "!!bool", value: false });
for (const text of [".inf", ".Inf", ".INF"]) {
	constants.set(text, { tag: "!!float", value: Infinity });
	constants.set(`+${text}`, { tag: "!!float", value: Infinity });
	constants.set(`-${text}`, { tag: "!!float", value: -Infinity });
}
for (const text of [".nan", ".NaN", ".NAN"]) constants.set(text, { tag: "!!float", value: Number.NaN });

const integer = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const smallestInteger = -(2n ** 63n);
const integerLimit = 2n ** 64n;

/**
 * Resolves a plain scalar as gopkg.in/yaml.v3 v3.0.1 does: octal with `0` or `0o`, hexadecimal,
 * binary, underscores inside numbers, dates; `yes` and `on` are text. Integers keep all their digits.
 */
export function resolveGoScalar(text: string): ResolvedScalar {
	const constant = constants.get(text);
	if (constant !== undefined) return constant;
	if (!/^[-+.0-9]/.test(text)) return { tag: "!!str", value: text };
	const timestamp = resolveTimestamp(text);
	if (timestamp !== undefined) return { tag: "!!timestamp", value: timestamp };
	const digits = text.replaceAll("_", "");
	const whole = resolveInteger(digits);
	if (whole !== undefined) return { tag: "!!int", value: whole };
	if (float.test(digits) && Number.isFinite(Number(digits))) return { tag: "!!float", value: Number(digits) };
	return { tag: "!!str", value: text };
}

function resolveInteger(text: string): JsonValue | undefined {
	const match = integer.exec(text);
	if (match === null) return undefined;
	const [, sign, body = ""] = match;
	const octal = /^0[0-7]/.test(body) ? `0o${body.slice(1)}` : body;
	const value = sign === "-" ? -BigInt(octal) : BigInt(octal);
	if (value < smallestInteger || value >= integerLimit) return undefined;
	const number = Number(value);
	return Number.isSafeInteger(number) ? number : JSON.rawJSON(String(value));
}

const date = String.raw`(?<year>\d{4})-(?<month>\d{1,2})-(?<day>\d{1,2})`;
const time = String.raw`(?<hour>\d{1,2}):(?<minute>\d{1,2}):(?<second>\d{1,2})(?<fraction>\.\d{1,9})?`;
const timestampForms = [
	new RegExp(`^${date}$`),
	new RegExp(`^${date} ${time}$`),
	new RegExp(`^${date}[Tt]${time}(?<zone>Z|[-+][0-2]\\d:[0-5]\\d)$`),
];

/** The timestamp in RFC 3339 as Go writes it, or undefined when the text is none. */
function resolveTimestamp(text: string): string | undefined {
	for (const form of timestampForms) {
		const parts = form.exec(text)?.groups;
		if (parts !== undefined) return formatTimestamp(parts);
	}
	return undefined;
}

function formatTimestamp(parts: Readonly<Record<string, string | undefined>>): string | undefined {
	const { year = "", month = "", day = "", hour = "0", minute = "0", second = "0", fraction = "", zone = "Z" } = parts;
	if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
	const calendar = new Date(0);
	calendar.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
	if (calendar.getUTCMonth() !== Number(month) - 1 || calendar.getUTCDate() !== Number(day)) return undefined;
	const two = (digits: string) => digits.padStart(2, "0");
	const shortFraction = fraction.replace(/\.?0+$/, "");
	const shortZone = /^[-+]00:00$/.test(zone) ? "Z" : zone;
	return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}${shortFraction}${shortZone}`;
}
