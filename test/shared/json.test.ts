import test from "ava";
import fc from "fast-check";
import {
	isJsonArray,
	isJsonNumber,
	isJsonObject,
	isRawNumber,
	JsonError,
	type JsonValue,
	jsonMember,
	parseJson,
	parseJsonObject,
	stringifyJson,
} from "../../provider/shared/json.ts";

const awkwardNumbers = [
	"12345678901234567890",
	"1.0",
	"1e400",
	"-0",
	"1E5",
	"1e5",
	"0.10",
	"-1.50e-7",
	"9007199254740993",
	"-0.0",
	"1e-400",
];

for (const digits of awkwardNumbers) {
	test(`${digits} keeps its digits`, (t) => {
		const value = parseJson(`{"n":[${digits}]}`);
		t.is(stringifyJson(value), `{"n":[${digits}]}`);
		t.true(isRawNumber(parseJson(digits)));
		t.true(isJsonNumber(parseJson(digits)));
		t.false(isJsonObject(parseJson(digits)));
	});
}

test("a number that JavaScript writes alike stays a number", (t) => {
	for (const digits of ["0", "1", "-1", "5432", "0.5", "9007199254740991"]) t.is(parseJson(digits), JSON.parse(digits));
});

test("any JSON text of any numbers survives parsing and writing", (t) => {
	const number = fc
		.tuple(
			fc.constantFrom("", "-"),
			fc.oneof(fc.constant("0"), fc.bigInt({ min: 1n, max: 10n ** 40n }).map(String)),
			fc.oneof(fc.constant(""), fc.stringMatching(/^\.[0-9]{1,30}$/)),
			fc.oneof(fc.constant(""), fc.stringMatching(/^[eE][+-]?[0-9]{1,3}$/)),
		)
		.map((parts) => parts.join(""));
	const leaf = fc.oneof(
		number,
		fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
		fc.constantFrom("null", "true", "false"),
	);
	const { document } = fc.letrec<{ document: string }>((tie) => ({
		document: fc.oneof(
			{ depthSize: "small" },
			leaf,
			fc.array(tie("document")).map((items) => `[${items.join(",")}]`),
			fc
				// Integer-like keys would be put first by every JavaScript object; the values stay right.
				.uniqueArray(
					fc.tuple(fc.oneof(fc.constantFrom("__proto__", "constructor", "prototype"), fc.stringMatching(/^[^0-9"\\]*$/)), tie("document")),
					{
						selector: ([key]) => key,
					},
				)
				.map((members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`),
		),
	}));
	fc.assert(fc.property(document, (text) => stringifyJson(parseJson(text)) === text));
	t.pass();
});

test("whatever JSON.stringify makes is read as JSON.parse reads it", (t) => {
	fc.assert(
		fc.property(fc.json({ noUnicodeString: false }), (text) => {
			t.deepEqual(JSON.parse(stringifyJson(parseJson(text))), JSON.parse(text));
		}),
	);
});

test("__proto__ and constructor are ordinary keys and change no prototype", (t) => {
	const text = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":1.0}}}';
	const value = parseJson(text);
	if (!isJsonObject(value)) return t.fail("not an object");
	t.is(Object.getPrototypeOf(value), Object.prototype);
	t.deepEqual(jsonMember(value, "__proto__"), { polluted: true });
	t.is(jsonMember({}, "__proto__"), undefined);
	t.is(jsonMember({}, "toString"), undefined);
	t.false("polluted" in {});
	t.is(stringifyJson(value), text);
});

test("a text that is no JSON is refused without repeating it", (t) => {
	for (const text of ["", "hunter2", '{"a":hunter2}', "[1,]", "NaN", "01", "1.", "\uFEFF1", "{'a':1}", "[1.0", '"\u0000"']) {
		const error = t.throws(() => parseJson(text), { instanceOf: JsonError });
		t.is(error?.message, "is not JSON", text);
	}
});

test("of an answer's body nothing but an object counts", (t) => {
	t.deepEqual(parseJsonObject(Buffer.from('{"a":"ä"}')), { a: "ä" });
	t.deepEqual(parseJsonObject("{}"), {});
	for (const text of ["", "[]", "null", '"a"', "1.0", "<html>", '{"a":', "[".repeat(600)]) t.is(parseJsonObject(text), undefined, text);
});

test("a million nested brackets are refused quickly and leave the stack alone", (t) => {
	const started = performance.now();
	for (const [open, close] of [
		["[", "]"],
		['{"a":', "}"],
		["[1.0,", "]"],
	] as const) {
		const error = t.throws(() => parseJson(`${open.repeat(1e6)}1${close.repeat(1e6)}`), { instanceOf: JsonError });
		t.regex(error?.message ?? "", /nests deeper/);
	}
	t.true(performance.now() - started < 1_000);
	t.notThrows(() => parseJson(`${"[".repeat(500)}${"]".repeat(500)}`));
	t.notThrows(() => parseJson(JSON.stringify("[".repeat(5_000))));
});

test("the guards tell the kinds apart", (t) => {
	const kinds = (value: JsonValue | undefined) => [isJsonObject(value), isJsonArray(value), isJsonNumber(value)];
	t.deepEqual(kinds({ rawJSON: "1" }), [true, false, false]);
	t.deepEqual(kinds([]), [false, true, false]);
	t.deepEqual(kinds(1), [false, false, true]);
	for (const value of [null, undefined, true, "1"]) t.deepEqual(kinds(value), [false, false, false]);
});
