import test from "ava";
import { GoJsonFields, goJsonKind } from "../../provider/shared/go-json-fields.ts";
import { goJsonScalar } from "../../provider/shared/go-json-text.ts";
import { type GoYaml, readGoYaml } from "../../provider/shared/go-yaml.ts";

/** Scalars as sigs.k8s.io/yaml 1.6 was seen to put them into a Go `string`. */
const scalarCases: readonly (readonly [written: string, text: string])[] = [
	["abc", "abc"],
	["'0400'", "0400"],
	["!!str 0400", "0400"],
	["0400", "256"],
	["0o400", "256"],
	["08", "8"],
	["0x1F", "31"],
	["-0x1F", "-31"],
	["0b11", "3"],
	["-0b11", "-3"],
	["+12", "12"],
	["1_000", "1000"],
	["0_1", "1"],
	["_1", "_1"],
	["00", "0"],
	["-0", "0"],
	["0o", "0o"],
	["0x", "0x"],
	["12345678901234567890", "12345678901234567890"],
	["9223372036854775808", "9223372036854775808"],
	["18446744073709551616", "1.8446744e+19"],
	["-9223372036854775809", "-9.223372e+18"],
	["123456789012345678901", "1.2345679e+20"],
	["1.10", "1.1"],
	["-1.5", "-1.5"],
	[".5", "0.5"],
	["5.", "5"],
	["0.1", "0.1"],
	["0.0", "0"],
	["-0.0", "-0"],
	["07.5", "7.5"],
	["1e3", "1000"],
	["1e5", "100000"],
	["1e21", "1e+21"],
	["1e-7", "1e-07"],
	["0.00001", "1e-05"],
	["1234567.0", "1.234567e+06"],
	["123456789.5", "1.2345679e+08"],
	["1e400", "1e400"],
	[".inf", "+Inf"],
	["-.inf", "-Inf"],
	[".nan", "NaN"],
	["true", "true"],
	["False", "false"],
	["yes", "true"],
	["Y", "true"],
	["on", "true"],
	["Off", "false"],
	["n", "false"],
	["yEs", "yEs"],
	["~", ""],
	["null", ""],
	["2020-01-02", "2020-01-02"],
	["2020-01-02 10:00:00", "2020-01-02 10:00:00"],
	["12:30", "12:30"],
	["=", "="],
];

for (const [written, text] of scalarCases) {
	test(`the field ${written} is the text ${JSON.stringify(text)}`, (t) => {
		const node = readGoYaml(`key: ${written}`);
		const value = node.kind === "mapping" ? node.entries.get("key") : undefined;
		t.is(value?.kind === "scalar" ? goJsonScalar(value).text : undefined, text);
	});
}

interface Read {
	readonly fields: GoJsonFields;
	readonly reports: readonly string[];
}

function read(yaml: string): Read {
	const reports: string[] = [];
	const node = readGoYaml(yaml);
	if (node.kind !== "mapping") throw new Error("no mapping");
	const report = (path: string, problem: string) => reports.push(`${path}: ${problem}`);
	return { fields: new GoJsonFields(node, { path: "list[0]", package: "pkg", type: "Outer", above: "", report }), reports };
}

test("names match in any case, unknown ones are ignored, null is missing", (t) => {
	const { fields, reports } = read("{NAME: a, Inner: {KEY: b}, LIST: [{Key: c}, ~], gone: ~, other: [1]}");
	t.is(fields.text("name"), "a");
	t.is(fields.mapping("inner", "Inner")?.text("key"), "b");
	t.deepEqual(
		fields.mappings("list", "Item").map((item) => [item.path, item.text("key")]),
		[
			["list[0].list[0]", "c"],
			["list[0].list[1]", ""],
		],
	);
	t.is(fields.mapping("gone", "Inner"), undefined);
	t.is(fields.text("missing"), "");
	t.deepEqual(reports, []);
});

test("a value of another type is reported in the words of encoding/json, and read as nothing", (t) => {
	const { fields, reports } = read("{name: [a], inner: x, list: {a: b}, items: [5, {key: {}}]}");
	t.is(fields.text("name"), "");
	t.is(fields.mapping("inner", "Inner"), undefined);
	t.deepEqual(fields.mappings("list", "Item"), []);
	t.deepEqual(
		fields.mappings("items", "Item").map((item) => item.text("key")),
		[""],
	);
	t.deepEqual(reports, [
		"list[0].name: json: cannot unmarshal array into Go struct field Outer.name of type string",
		"list[0].inner: json: cannot unmarshal string into Go struct field Outer.inner of type pkg.Inner",
		"list[0].list: json: cannot unmarshal object into Go struct field Outer.list of type []pkg.Item",
		"list[0].items[0]: json: cannot unmarshal number into Go struct field Outer.items of type pkg.Item",
		"list[0].items[1].key: json: cannot unmarshal object into Go struct field Item.items.key of type string",
	]);
});

test("a field that is there twice, in upper and lower case, is reported", (t) => {
	t.deepEqual(read("{name: a, Name: b}").reports, ["list[0].Name: json: the field is there twice, in upper and lower case"]);
});

test("values are called as encoding/json calls them", (t) => {
	const kinds: readonly (readonly [yaml: string, kind: string])[] = [
		["[1]", "array"],
		["{a: b}", "object"],
		["yes", "bool"],
		["1.5", "number"],
		["text", "string"],
		["~", "null"],
	];
	const kindOf = (yaml: string) => goJsonKind(readGoYaml(yaml) satisfies GoYaml);
	t.deepEqual(
		kinds.map(([yaml]) => kindOf(yaml)),
		kinds.map(([, kind]) => kind),
	);
});
