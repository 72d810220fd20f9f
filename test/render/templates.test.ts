import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse as parseProperties } from "dot-properties";
import { parse as parseDotenv } from "dotenv";
import fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { ProviderError } from "../../provider/errors.ts";
import type { FormatName } from "../../provider/render/formats/formats.ts";
import { parseReference } from "../../provider/render/reference.ts";
import { compileTemplate } from "../../provider/render/templates/template.ts";
import { parseJson } from "../../provider/shared/json.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { fill, problemsOf } from "./template-support.ts";

const hostile = [
	...[
		"",
		"plain",
		" lead",
		"trail ",
		"a: b",
		"a #b",
		"#",
		"'",
		'"',
		"`",
		"\\",
		"x\\",
		"\n",
		"a\nb",
		"a\nkey: evil\n",
		"\r\n",
		"\t",
		"\\n",
		"\\u0041",
		"$HOME",
		"$(id)",
	],
	...[
		"`id`",
		"no",
		"0644",
		"null",
		"~",
		"- a",
		"{a: b}",
		"[x]",
		"]",
		"}",
		"{{x}}",
		"}}",
		"*a",
		"&a",
		"!a",
		"|",
		">",
		"%",
		"@",
		"\u0000",
		"\u0085",
		"\u2028",
		"\ufeff",
		"ß",
		"😀",
	],
	...'it\'s|say "hi"|\'; id; \'|"; id; "|\',"evil":"|","evil":"|=x|:x|!x|\uE0000\uE001'.split("|"),
];
const text = fc.oneof(
	fc.constantFrom(...hostile),
	fc.string({ unit: "binary" }),
	fc.array(fc.constantFrom(...hostile), { maxLength: 4 }).map((parts) => parts.join("")),
);

interface Round {
	readonly format: Exclude<FormatName, "raw">;
	readonly template: string;
	readonly read: (written: string) => unknown;
	readonly expected: (x: string, y: string) => unknown;
}

const rounds: readonly Round[] = [
	{
		format: "json",
		template: '{ "u": "pg://{{x}}:{{ y }}@h", "x": {{x}}, "l": [ {{x}}, {{y}} ], "n": 1.50, "e": "\\"{{x}}\\\\" }',
		read: (written) => JSON.parse(written),
		expected: (x, y) => ({ u: `pg://${x}:${y}@h`, x, l: [x, y], n: 1.5, e: `"${x}\\` }),
	},
	{
		format: "yaml",
		template: [
			"# a comment",
			"u: pg://{{x}}:{{ y }}@h # another",
			"plain: {{x}}",
			'double: "a\\n{{x}}"',
			"single: 'it''s {{x}}'",
			"flow: [ {{x}}, '{{y}}', {k: {{y}}} ]",
			"literal: |",
			"  first {{x}}",
			"  second",
			"folded: >-",
			"  a {{x}}",
			"  b",
			"list:",
			"- {{x}}",
			"- deep: {{y}}",
			"after: &anchor {{x}}",
			"last: {{y}}",
		].join("\n"),
		read: (written) => parseYaml(written),
		expected: (x, y) => ({
			u: `pg://${x}:${y}@h`,
			plain: x,
			double: `a\n${x}`,
			single: `it's ${x}`,
			flow: [x, y, { k: y }],
			literal: `first ${x}\nsecond\n`,
			folded: `a ${x} b`,
			list: [x, { deep: y }],
			after: x,
			last: y,
		}),
	},
	{
		format: "properties",
		template: "# {{x}}\na={{x}}\nb = pre-{{y}}-post\nc:{{x}}{{y}}\n! {{y}}\nlast={{y}}",
		read: (written) => parseProperties(written),
		expected: (x, y) => ({ a: x, b: `pre-${y}-post`, c: x + y, last: y }),
	},
	{
		format: "dotenv",
		template: "# comment\nA={{x}}\nexport B=\"pre\\n{{y}} post\" # why\nC='{{x}}{{y}}'\nD= a {{x}} b # c\n\nE=plain",
		read: (written) => parseDotenv(written),
		expected: (x, y) => ({ A: x, B: `pre\n${y} post`, C: x + y, D: `a ${x} b`, E: "plain" }),
	},
];

for (const { format, template, read, expected } of rounds) {
	test(`values in a ${format} template are data wherever they stand`, (t) => {
		let refusals = 0;
		const check = (x: string, y: string) => {
			let written: string;
			try {
				written = fill(template, format, { x, y });
			} catch (error) {
				if (!(error instanceof ProviderError)) throw error;
				t.regex(error.message, /^object "[xy]"/);
				t.truthy(error.remedy);
				refusals += 1;
				return;
			}
			t.deepEqual(read(written), expected(x, y), JSON.stringify([x, y]));
		};
		for (const x of hostile) for (const y of hostile) check(x, y);
		t.true(refusals <= (format === "dotenv" ? hostile.length ** 2 / 2 : 0), `${refusals} refusals`);
		fc.assert(fc.property(text, text, check));
	});
}

test("values in a shell template are data wherever they stand", (t) => {
	const directory = temporaryDirectory(t);
	const file = join(directory, "values.sh");
	const template = [
		'# it\'s a comment with "quotes"',
		`P=/bin; Q=$P:\${P}x`,
		"A={{x}}",
		'B="pre-{{x}}\\"$P-{{y}}"',
		"C='it'\\''s {{x}}'{{y}}",
		"D={{x}}\\ {{y}} # it's the end",
		"E=a#b{{y}}",
	].join("\n");
	const check = (x: string, y: string) => {
		if (`${x}${y}`.includes("\0")) return t.throws(() => fill(template, "shell", { x, y }), { instanceOf: ProviderError, message: /NUL/ });
		writeFileSync(file, fill(template, "shell", { x, y }));
		const result = spawnSync("/bin/sh", ["-c", '. "$1"; printf \'%s\\0\' "$A" "$B" "$C" "$D" "$E" "$Q"', "sh", file], {
			env: {},
			encoding: "utf8",
		});
		t.is(result.stderr, "");
		t.deepEqual(result.stdout.split("\0").slice(0, -1), [x, `pre-${x}"/bin-${y}`, `it's ${x}${y}`, `${x} ${y}`, `a#b${y}`, "/bin:/binx"]);
	};
	for (const x of hostile) check(x, "'\"$x`\\");
	fc.assert(
		fc.property(text, text, (x, y) => void check(x, y)),
		{ numRuns: 50 },
	);
});

test("what is not text keeps its shape in json and yaml", (t) => {
	const values = { n: parseJson("12345678901234567890"), f: parseJson("1.0"), o: parseJson('{"a b":[1,null,"x: y"]}'), b: true };
	const json = '{"n":{{n}},"f":{{f}},"o":{{o}},"b":{{b}},"t":"{{o}}-{{n}}"}';
	t.is(
		fill(json, "json", values),
		'{"n":12345678901234567890,"f":1.0,"o":{"a b":[1,null,"x: y"]},"b":true,"t":"{\\"a b\\":[1,null,\\"x: y\\"]}-12345678901234567890"}',
	);
	const yaml = fill("n: {{n}}\nf: {{f}}\no: {{o}}\nb: {{b}}\nt: '{{n}}'\n", "yaml", values);
	t.deepEqual(parseYaml(yaml, { intAsBigInt: true }), {
		n: 12345678901234567890n,
		f: 1,
		o: { "a b": [1n, null, "x: y"] },
		b: true,
		t: "12345678901234567890",
	});
	t.regex(yaml, /^f: 1\.0$/m);
});

test("a harmless text stays unquoted in yaml as its author wrote it", (t) => {
	t.is(fill("url: postgres://{{u}}:{{p}}@db/shop\n", "yaml", { u: "alice", p: "s3cret" }), "url: postgres://alice:s3cret@db/shop\n");
	for (const word of ["yes", "No", "TRUE", "null", "y", "1", "1e3", "0x1", "a:", ".inf", "-"])
		t.is(parseYaml(fill("k: {{u}}", "yaml", { u: word }), { version: "1.1" }).k, word);
});

test("raw inserts bytes and escapes nothing", (t) => {
	const compiled = compileTemplate('<{{x}}>{{"{{"}}y}}', "raw", () => t.fail());
	const bytes = Buffer.from([0, 0xff, 0xfe, 10, 13]);
	t.deepEqual(compiled.fill([{ kind: "bytes", bytes, subject: "x" }]), Buffer.concat([Buffer.from("<"), bytes, Buffer.from(">{{y}}")]));
});

test("what an optional object would fill stays empty", (t) => {
	const empty: readonly (readonly [FormatName, string, string])[] = [
		["raw", "<{{x}}>", "<>"],
		["json", '[{{x}}, "{{x}}"]', '["", ""]'],
		["yaml", "a: {{x}}\nb: '{{x}}'", 'a: ""\nb: ""'],
		["properties", "a={{x}}", "a="],
		["dotenv", "A={{x}}", "A=''"],
		["shell", 'A={{x}} B="{{x}}"', "A='' B=\"\""],
	];
	for (const [format, template, expected] of empty) t.is(fill(template, format, {}), expected);
});

test("references are names, keys, and keys in quotes", (t) => {
	t.deepEqual(parseReference("db"), { object: "db", keys: [] });
	t.deepEqual(parseReference("db.a.b-c"), { object: "db", keys: ["a", "b-c"] });
	t.deepEqual(parseReference('db["odd key}}"].x["\\u0041\\""]'), { object: "db", keys: ["odd key}}", "x", 'A"'] });
	t.deepEqual(parseReference("db.__proto__"), { object: "db", keys: ["__proto__"] });
	t.is(fill('{{ db["}}"] }}', "raw", { db: "v" }), "v");
});

/** Keys and nesting of what was read, without its texts. */
function shapeOf(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(shapeOf);
	if (typeof value !== "object" || value === null) return typeof value;
	return Object.entries(value).map(([key, member]) => [key, shapeOf(member)]);
}

const readers = {
	json: (written: string): unknown => JSON.parse(written),
	yaml: (written: string): unknown => parseYaml(written, { uniqueKeys: false, logLevel: "silent" }),
	properties: (written: string): unknown => Object.keys(parseProperties(written)).length,
	dotenv: (written: string): unknown => parseDotenv(written),
};

test("in any template that compiles no value changes what is read but its own text", (t) => {
	const part = fc.constantFrom(
		...'a|{{x}}|{{x}}|{{|}}|"|\'|`|\\|$|#|=|:| |\n|[|]|{|}|,|- |&|*|!|\\n|x: |A=|>-\n |"{{x}}"'.split("|"),
		"|\n ",
	);
	const format = fc.constantFrom<keyof typeof readers>("json", "yaml", "properties", "dotenv");
	let compared = 0;
	fc.assert(
		fc.property(fc.array(part, { maxLength: 10 }), format, text, (parts, name, value) => {
			const template = parts.join("");
			if (problemsOf(template, name).length > 0) return;
			let plain: unknown;
			let filled: string;
			try {
				plain = readers[name](fill(template, name, { x: "a" }));
				filled = fill(template, name, { x: value });
			} catch {
				return;
			}
			compared += 1;
			// In a properties file the template may make keys of values, so the number of pairs is what counts.
			t.deepEqual(shapeOf(readers[name](filled)), shapeOf(plain), JSON.stringify([name, template, value]));
		}),
		{ numRuns: 5_000 },
	);
	t.true(compared > 500, String(compared));
});
