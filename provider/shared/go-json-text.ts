import { resolveGoScalar } from "./go-scalar.ts";
import type { GoScalar } from "./go-yaml.ts";
import { isRawNumber } from "./json.ts";

/** What gopkg.in/yaml.v2 takes for booleans beside what version 3 does. */
const oldTruths: ReadonlySet<string> = new Set(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"]);
const oldFalsehoods: ReadonlySet<string> = new Set(["n", "N", "no", "No", "NO", "off", "Off", "OFF"]);

/** A scalar as sigs.k8s.io/yaml 1.6 makes JSON of it. */
export interface GoJsonScalar {
	/** How encoding/json calls it. */
	readonly kind: "null" | "bool" | "number" | "string";
	/** What a Go `string` gets: numbers and booleans become text; empty for null. */
	readonly text: string;
}

export function goJsonScalar({ text, quoted }: GoScalar): GoJsonScalar {
	if (quoted) return { kind: "string", text };
	if (oldTruths.has(text)) return { kind: "bool", text: "true" };
	if (oldFalsehoods.has(text)) return { kind: "bool", text: "false" };
	const { tag, value } = resolveGoScalar(text);
	if (tag === "!!null") return { kind: "null", text: "" };
	if (tag === "!!bool") return { kind: "bool", text: String(value) };
	if (tag === "!!int") return { kind: "number", text: isRawNumber(value) ? value.rawJSON : integerText(Number(value)) };
	if (tag === "!!float") return { kind: "number", text: singleFloatText(Number(value)) };
	return { kind: "string", text };
}

/** Go has no integer `-0`. */
function integerText(value: number): string {
	return String(value === 0 ? 0 : value);
}

const mostSingleDigits = 9;

/** Go's strconv.FormatFloat(value, 'g', -1, 32): the fewest digits that a single-precision float can be read back from. */
function singleFloatText(value: number): string {
	const single = Math.fround(value);
	if (Number.isNaN(single)) return "NaN";
	if (!Number.isFinite(single)) return single > 0 ? "+Inf" : "-Inf";
	const sign = Object.is(single, -0) || single < 0 ? "-" : "";
	const [digits = "", exponent = "0"] = fewestDigits(Math.abs(single)).split("e");
	const power = Number(exponent);
	return power < -4 || power >= 6 ? scientific(sign, digits, power) : `${sign}${Number(`${digits}e${power}`)}`;
}

function fewestDigits(single: number): string {
	for (let fraction = 0; fraction < mostSingleDigits - 1; fraction += 1) {
		const text = single.toExponential(fraction);
		if (Math.fround(Number(text)) === single) return text;
	}
	return single.toExponential(mostSingleDigits - 1);
}

function scientific(sign: string, digits: string, power: number): string {
	return `${sign}${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
