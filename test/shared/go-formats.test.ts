import test from "ava";
import fc from "fast-check";
import { goJson } from "../../provider/shared/go-json.ts";
import { goQuote, parseGoBoolean } from "../../provider/shared/go-text.ts";
import { GoFields, GoYamlError, goYamlValue, isGoNull, readGoYaml } from "../../provider/shared/go-yaml.ts";
import { parseJson } from "../../provider/shared/json.ts";

/** What gopkg.in/yaml.v3 v3.0.1 decodes into an `interface{}` and encoding/json then writes; recorded with Go 1.26. */
const recorded: readonly (readonly [yaml: string, json: string])[] = [
	["0644", "420"],
	["0o644", "420"],
	["0O17", "15"],
	["-0644", "-420"],
	["-0o17", "-15"],
	["08", "8"],
	["0o8", '"0o8"'],
	["0o", '"0o"'],
	["00", "0"],
	["1_000", "1000"],
	["1__0", "10"],
	["1_", "1"],
	["_1", '"_1"'],
	["1.5_0", "1.5"],
	["0x1F", "31"],
	["0X1F", "31"],
	["-0x1f", "-31"],
	["0x", '"0x"'],
	["0b101", "5"],
	["-0b11", "-3"],
	["+5", "5"],
	["-0", "0"],
	["9007199254740993", "9007199254740993"],
	["12345678901234567890", "12345678901234567890"],
	["123456789012345678901234567890", "1.2345678901234568e+29"],
	["1.0", "1"],
	["1e3", "1000"],
	[".5", "0.5"],
	["5.", "5"],
	["1e", '"1e"'],
	["e5", '"e5"'],
	["--5", '"--5"'],
	["1E400", '"1E400"'],
	["1e21", "1e+21"],
	["0.0000001", "1e-7"],
	["~", "null"],
	["null", "null"],
	["", "null"],
	["True", "true"],
	["yes", '"yes"'],
	["on", '"on"'],
	["2001-01-01", '"2001-01-01T00:00:00Z"'],
	["2001-1-1 10:11:12", '"2001-01-01T10:11:12Z"'],
	["2001-01-01T10:11:12.5+02:00", '"2001-01-01T10:11:12.5+02:00"'],
	["2001-02-30", '"2001-02-30"'],
	["!!str 5", '"5"'],
	["'5'", '"5"'],
	["|-\n  5", '"5"'],
	["{b: [1, ~], a: {c: '<'}}", '{"a":{"c":"\\u003c"},"b":[1,null]}'],
	["{__proto__: 1}", '{"__proto__":1}'],
];

for (const [yaml, json] of recorded) {
	test(`YAML ${JSON.stringify(yaml)} is ${json} to Go`, (t) => {
		t.is(goJson(goYamlValue(readGoYaml(yaml))), json);
	});
}

test("numbers that JSON lacks are refused", (t) => {
	for (const yaml of [".inf", "-.Inf", ".NaN"]) t.throws(() => goYamlValue(readGoYaml(yaml)), { instanceOf: GoYamlError });
});

test("text fields take the source of any scalar, and nothing for null", (t) => {
	const mapping = readGoYaml("{a: 0644, b: 1e3, c: true, d: 2001-01-01, e: ~, f: '~', g: }");
	if (mapping.kind !== "mapping") return t.fail();
	const fields = new GoFields(mapping, (key) => t.fail(key));
	t.deepEqual(
		["a", "b", "c", "d", "e", "f", "g", "missing"].map((key) => fields.text(key)),
		["0644", "1e3", "true", "2001-01-01", "", "~", "", ""],
	);
});

const unsigned: readonly (readonly [yaml: string, value: number, problem?: string])[] = [
	["0600", 384],
	["0o600", 384],
	["384", 384],
	["4294967295", 4294967295],
	["~", 0],
	["1e2", 100],
	["'0600'", 0, "line 1: cannot unmarshal !!str `0600` into fs.FileMode"],
	["-1", 0, "line 1: cannot unmarshal !!int `-1` into fs.FileMode"],
	["5000000000", 0, "line 1: cannot unmarshal !!int `5000000000` into fs.FileMode"],
	["420.7", 0, "line 1: cannot unmarshal !!float `420.7` into fs.FileMode"],
	["true", 0, "line 1: cannot unmarshal !!bool `true` into fs.FileMode"],
	["[1]", 0, "line 1: cannot unmarshal !!seq into fs.FileMode"],
	["rw-r--r--", 0, "line 1: cannot unmarshal !!str `rw-r--r--` into fs.FileMode"],
];

for (const [yaml, value, problem] of unsigned) {
	test(`the unsigned number ${yaml} is ${problem ?? value}`, (t) => {
		const mapping = readGoYaml(`a: ${yaml}`);
		if (mapping.kind !== "mapping") return t.fail();
		const problems: string[] = [];
		t.is(new GoFields(mapping, (_key, found) => problems.push(found)).unsigned("a", "fs.FileMode"), value);
		t.deepEqual(problems, problem === undefined ? [] : [problem]);
	});
}

test("problems tell the line", (t) => {
	const list = readGoYaml("- a: x\n  # comment\n  b:\n    - c\n");
	const [first] = list.kind === "sequence" ? list.items : [];
	if (first?.kind !== "mapping") return t.fail();
	const problems: string[] = [];
	new GoFields(first, (_key, found) => problems.push(found)).text("b");
	t.deepEqual(problems, ["line 4: cannot unmarshal !!seq into string"]);
	t.true(isGoNull(readGoYaml("# nothing\n")));
});

test("what makes a small text large or strange is refused, quickly", (t) => {
	const bomb = ["a: &a [x,x]", ...Array.from({ length: 9 }, (_, index) => `b${index}: [*a,*a]`)].join("\n");
	const texts = [bomb, "a: *x", "<<: {a: 1}", "a: 1\na: 2", "a: !x 1", "a: 1\n---\nb: 2", "[".repeat(10_000), "- ".repeat(10_000)];
	const more = ["? ".repeat(5_000), "x".repeat(300_000), "a: [1", "\t- a", "? [a]\n: b", `${"- a\n".repeat(60_000)}`];
	const nested = Array.from({ length: 600 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n");
	for (const text of [...texts, ...more, nested]) {
		const started = Date.now();
		t.throws(() => readGoYaml(text), { instanceOf: GoYamlError }, text.slice(0, 40));
		t.true(Date.now() - started < 1000, text.slice(0, 40));
	}
});

test("any text is read or refused, never a crash", (t) => {
	const texts = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[-:?&*![\]{}|>'"#%@`, \na-c01]{0,60}$/));
	fc.assert(
		fc.property(texts, (text) => {
			try {
				goYamlValue(readGoYaml(text));
			} catch (error) {
				if (!(error instanceof GoYamlError)) throw error;
			}
		}),
		{ numRuns: 500 },
	);
	t.pass();
});

test("Go's JSON: key order by bytes, escapes, digits", (t) => {
	const cases: readonly (readonly [string, string])[] = [
		['{"b":1.0,"a":12345678901234567890,"c":1E5,"d":-0}', '{"a":12345678901234567890,"b":1.0,"c":1E5,"d":-0}'],
		['{"😀":1,"�":2}', '{"�":2,"😀":1}'],
		['"<a href=\\"x\\">&\\u2028\\u2029\\u007f/\\/"', '"\\u003ca href=\\"x\\"\\u003e\\u0026\\u2028\\u2029\u007f//"'],
		['"\\b\\f\\n\\r\\t\\u0001\\\\"', '"\\b\\f\\n\\r\\t\\u0001\\\\"'],
		['"\\ud800"', '"\ufffd"'],
		['{"__proto__":{"x":null}, "constructor":[]}', '{"__proto__":{"x":null},"constructor":[]}'],
	];
	for (const [json, expected] of cases) t.is(goJson(parseJson(json)), expected);
});

test("Go's JSON says the same as JavaScript's", (t) => {
	fc.assert(
		fc.property(fc.jsonValue({ stringUnit: "grapheme" }), (value) => {
			t.deepEqual(JSON.parse(goJson(parseJson(JSON.stringify(value)))), JSON.parse(JSON.stringify(value)));
		}),
	);
	t.pass();
});

test("Go's booleans and quotes", (t) => {
	for (const text of ["1", "t", "T", "TRUE", "true", "True"]) t.true(parseGoBoolean(text));
	for (const text of ["0", "f", "F", "FALSE", "false", "False"]) t.false(parseGoBoolean(text));
	for (const text of ["", "yes", "tRUE", " true", "10"]) t.is(parseGoBoolean(text), undefined);
	t.is(goQuote('a"b\\c\n\u0007\u0000é\u00a0\u2028😀\u{e0001}'), '"a\\"b\\\\c\\n\\a\\x00é\\u00a0\\u2028😀\\U000e0001"');
});
