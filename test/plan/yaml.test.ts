import test from "ava";
import fc from "fast-check";
import { stringify } from "yaml";
import { readYaml, YamlError, type YamlNode } from "../../provider/plan/yaml.ts";
import { plan } from "./native-support.ts";

const aliasBomb = [
	"a: &a [x, x, x, x, x, x, x, x, x]",
	..."bcdefghi".split("").map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[index]}`).join(", ")}]`),
];

const hostile: Readonly<Record<string, readonly [string, RegExp]>> = {
	"an alias bomb": [aliasBomb.join("\n"), /alias \*a/],
	"10,000 nested lists in flow style": ["[".repeat(10_000) + "]".repeat(10_000), /nests too deeply/],
	"10,000 nested lists in block style": [`${"- ".repeat(10_000)}x`, /nests too deeply/],
	"700 nested lists on lines of their own": [
		Array.from({ length: 700 }, (_, depth) => `${" ".repeat(depth)}-`).join("\n"),
		/nests too deeply/,
	],
	"700 nested mappings": [Array.from({ length: 700 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n"), /nests too deeply/],
	"10,000 nested keys": ["? ".repeat(10_000), /nests too deeply/],
	"a merge key": ["a: &x {b: 1}\nc:\n  <<: *x", /alias \*x/],
	"a duplicate key": ["- a: 1\n  b: 2\n  a: 3", /has the key "a" twice \(line 3\)/],
	"a tag of a language": ["a: !!js/function 'x'", /tag/],
	"a tag of its own": ["a: !secret x", /tag/],
	"2 MiB": [`a: ${"x".repeat(2 * 1024 * 1024)}`, /is 2097155 characters long; 262144 are read/],
	tabs: ["a:\n\t- b", /Tabs.*\(line 2\)/],
	"two documents": ["a: 1\n---\nb: 2", /more than one document/],
	"250,000 line breaks": ["\n".repeat(250_000), /too many entries/],
	"250,000 carriage returns": ["\r".repeat(250_000), /too many entries/],
	"30,000 keys": [Array.from({ length: 30_000 }, (_, index) => `k${index}:`).join("\n"), /too many entries/],
	"100,000 entries on one line": [`[${"a,".repeat(100_000)}]`, /too many entries/],
	"250,000 quotes": ['"'.repeat(250_000), /too many entries/],
	"85,000 anchors": ["&a ".repeat(85_000), /too many entries/],
	"19,000 anchors": ["&a ".repeat(19_000), /anchor/],
	"an open quote": ["a: 'x", /is not YAML: .*\(line 1\)/],
	"a list as a key": ["[a]: b", /key that is not plain text/],
};

for (const [what, [text, expected]] of Object.entries(hostile)) {
	test(`${what} is refused quickly, and the parameter named`, (t) => {
		const started = performance.now();
		t.throws(() => readYaml(text), { instanceOf: YamlError, message: expected });
		t.true(performance.now() - started < 1_000);
		const error = t.throws(() => plan({ objects: text }));
		t.regex(error?.message ?? "", /^The SecretProviderClass parameters: objects /);
		t.regex(error?.message ?? "", expected);
	});
}

test("every scalar is the text that was written", (t) => {
	const text = "{a: 0400, b: yes, c: 1e3, d: null, e: ~, f: 2001-01-01, g: '0x1', h: , i: 1_000, <<: x, __proto__: y}";
	const expected = {
		a: "0400",
		b: "yes",
		c: "1e3",
		d: "null",
		e: "~",
		f: "2001-01-01",
		g: "0x1",
		h: "",
		i: "1_000",
		"<<": "x",
		["__proto__"]: "y",
	};
	t.deepEqual(readYaml(text), new Map(Object.entries(expected)));
	t.is(readYaml(""), "");
	t.is(readYaml("# nothing"), "");
});

function toNode(value: unknown): YamlNode {
	if (Array.isArray(value)) return value.map(toNode);
	return typeof value === "object" && value !== null
		? new Map(Object.entries(value).map(([key, member]) => [key, toNode(member)]))
		: String(value);
}

test("what a YAML writer makes of texts, lists and mappings is read back", (t) => {
	const { tree } = fc.letrec((tie) => ({
		tree: fc.oneof(
			{ depthSize: "small" },
			fc.string({ unit: "grapheme" }),
			fc.array(tie("tree")),
			fc.dictionary(fc.string({ minLength: 1 }), tie("tree")),
		),
	}));
	fc.assert(fc.property(tree, (value) => t.deepEqual(readYaml(stringify(value, { aliasDuplicateObjects: false })), toNode(value))));
});

test("any text is read or refused with YamlError", (t) => {
	const part = fc.constantFrom(
		..."a|: |- |\n|  |[|]|{|}|,|\"|'|&x |*x|!t |? |#| #|%|---|...|>|\t|\\|\u2028|\ufeff|=|<<: ".split("|"),
		"|\n",
		"|",
	);
	fc.assert(
		fc.property(fc.array(part, { maxLength: 25 }), (parts) => {
			try {
				readYaml(parts.join(""));
			} catch (error) {
				if (!(error instanceof YamlError)) throw error;
				t.notRegex(error.message, /\n/);
			}
		}),
		{ numRuns: 3_000 },
	);
	t.pass();
});
