import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { parse as parseProperties } from "dot-properties";
import { parse as parseDotenv } from "dotenv";
import fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { ProviderError } from "../../provider/errors.ts";
import type { Content } from "../../provider/render/content.ts";
import { formatOfPath, formats, type StructuredFormatName } from "../../provider/render/formats/formats.ts";
import { type JsonValue, parseJson } from "../../provider/shared/json.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

type Pair = readonly [name: string, value: JsonValue];

function encode(format: StructuredFormatName, pairs: readonly Pair[]): string {
	const entries = pairs.map(([name, value]) => ({
		name,
		content: { kind: "part", value, subject: `object "o", key "${name}"` } satisfies Content,
	}));
	return formats[format].encode(entries);
}

/** What a standard reader of each format makes of a file, as pairs. */
const readers: Readonly<Record<Exclude<StructuredFormatName, "shell">, (text: string) => readonly Pair[]>> = {
	json: (text) => Object.entries(JSON.parse(text)),
	yaml: (text) => Object.entries(parseYaml(text)),
	dotenv: (text) => Object.entries(parseDotenv(text)),
	properties: (text) => Object.entries(parseProperties(text)).map(([name, value]) => [name, String(value)]),
};

const awkwardTexts = [
	...[
		"",
		" ",
		" a ",
		"a b",
		"'",
		'"',
		"`",
		"\\",
		"a\\",
		"\\n",
		"a\\nb",
		"\n",
		"a\nb\n",
		"\r",
		"a\r\nb",
		"\t",
		"#",
		"a #b",
		"a#b",
		"$HOME",
		"$(id)",
		"$x-",
	],
	...[
		"yes",
		"no",
		"null",
		"~",
		"0644",
		"1e3",
		"1_000",
		"2001-01-01",
		"12:30:45",
		"true",
		"- a",
		"a: b",
		"&a",
		"*a",
		"!a",
		"%a",
		"@a",
		"<<",
		"=",
		"!!str",
	],
	...[
		"\u0000",
		"\u0007",
		"\u001b",
		"\u007f",
		"\u0085",
		"\u009f",
		"\u00a0",
		"\u2028",
		"\u2029",
		"\ufeff",
		"\ufeffx",
		"\ufffe",
		"\uffff",
		"ß",
		"日本",
		"😀",
	],
	...[
		"it's",
		'it\'s "x"',
		"\"'`",
		"export A=b",
		"a=b",
		"a:b",
		"!a",
		"x\\",
		"'x\\",
		"A='1'\nB='2'",
		"\\'",
		"'\\''",
		"#\\",
		"a\u2028'b'",
		"\\\r",
		"\\\n",
	],
];
const text = fc.oneof(
	fc.constantFrom(...awkwardTexts),
	fc.string({ unit: "binary" }),
	fc.array(fc.constantFrom(...awkwardTexts, "a"), { maxLength: 6 }).map((parts) => parts.join("")),
);
const environmentName = fc.stringMatching(/^[A-Z_a-z][A-Z_a-z0-9]{0,12}$/).map((name) => `V_${name}`);
const anyName = fc.oneof(
	environmentName,
	fc.string({ unit: "binary", minLength: 1 }),
	fc.constantFrom("a b", "a:", "#", "!", "=", "- ", "ключ", "constructor"),
);

function pairsOf(name: fc.Arbitrary<string>, value: fc.Arbitrary<JsonValue>) {
	return fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, minLength: 1, maxLength: 6 });
}

/** Either a refusal that names the key and a remedy, or the file. */
function tryEncode(t: ExecutionContext, format: StructuredFormatName, pairs: readonly Pair[]): string | undefined {
	try {
		return encode(format, pairs);
	} catch (error) {
		if (!(error instanceof ProviderError)) throw error;
		t.true(
			pairs.some(([name]) => error.message.includes(`key "${name}"`)),
			error.message,
		);
		t.regex(error.remedy ?? "", /another format|encode: base64|Correct the value/);
		return undefined;
	}
}

function sorted(pairs: readonly Pair[]): readonly Pair[] {
	return [...pairs].sort(([a], [b]) => (a < b ? -1 : 1));
}

for (const format of ["json", "yaml", "dotenv", "properties"] as const) {
	test(`a standard reader of ${format} reads back exactly the names and texts`, (t) => {
		const name = (format === "dotenv" ? environmentName : anyName).filter(
			(candidate) => formats[format].nameProblem(candidate) === undefined,
		);
		fc.assert(
			fc.property(pairsOf(name, text), (pairs) => {
				const written = tryEncode(t, format, pairs);
				if (written !== undefined) t.deepEqual(sorted(readers[format](written)), sorted(pairs));
			}),
			{ numRuns: 1_000 },
		);
	});

	test(`every awkward text is read back from ${format} or refused`, (t) => {
		for (const value of awkwardTexts) {
			const pairs: readonly Pair[] = [
				["BEFORE", "'"],
				["V", value],
				["AFTER", '"'],
			];
			const written = tryEncode(t, format, pairs);
			if (written !== undefined) t.deepEqual(readers[format](written), pairs, JSON.stringify(value));
		}
	});
}

test("dotenv refuses only what no way of quoting holds", (t) => {
	const refused = awkwardTexts.filter((value) => tryEncode(t, "dotenv", [["V", value]]) === undefined);
	t.deepEqual(refused, ["\u0000", "\"'`", "'x\\", "#\\"]);
});

test("a real shell reads back exactly the texts", (t) => {
	const directory = temporaryDirectory(t);
	const file = join(directory, "values.sh");
	fc.assert(
		fc.property(pairsOf(environmentName, text), (pairs) => {
			const written = tryEncode(t, "shell", pairs);
			if (written === undefined) return;
			writeFileSync(file, written);
			const print = pairs.map(([name]) => `printf '%s\\0' "$${name}"`).join("; ");
			const result = spawnSync("/bin/sh", ["-c", `set -a; . "$1"; ${print}`, "sh", file], { env: {}, encoding: "utf8" });
			t.is(result.stderr, "");
			t.deepEqual(
				result.stdout.split("\0").slice(0, -1),
				pairs.map(([, value]) => value),
			);
		}),
		{ numRuns: 100 },
	);
});

test("json and yaml keep numbers, lists, mappings and truth values", (t) => {
	const value = fc.jsonValue({ maxDepth: 3, noUnicodeString: false }).map((plain) => parseJson(JSON.stringify(plain)));
	for (const format of ["json", "yaml"] as const) {
		fc.assert(
			fc.property(pairsOf(environmentName, value), (pairs) => {
				if (pairs.some(([, part]) => part === null)) return;
				const written = tryEncode(t, format, pairs);
				if (written !== undefined) t.deepEqual(readers[format](written), pairs);
			}),
		);
	}
});

for (const format of Object.keys(readers) as readonly (keyof typeof readers)[]) {
	test(`${format} keeps the digits of numbers`, (t) => {
		const written = encode(format, [
			["A", parseJson("12345678901234567890")],
			["B", parseJson("1.0")],
			["C", parseJson('{"d":[1e400]}')],
		]);
		t.regex(written, /12345678901234567890/);
		t.regex(written, /1\.0/);
		t.regex(written, /1e400/);
	});
}

test("yaml and properties files hold printable characters only", (t) => {
	const pairs = awkwardTexts.map((value, index) => [`V${index}`, value] as const);
	// YAML 1.2.2, 5.1, without the tab, which stands escaped, and without the separators that break lines for YAML 1.1.
	t.regex(encode("yaml", pairs), /^(?:[\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\u{10000}-\u{10ffff}])*$/u);
	t.regex(encode("properties", pairs), /^[\n\x20-\x7e]*$/);
});

test("null is refused by every format", (t) => {
	for (const format of Object.keys(formats) as readonly StructuredFormatName[]) {
		t.throws(() => encode(format, [["A", null]]), { instanceOf: ProviderError, message: /key "A": is null/ }, format);
	}
});

test("no entries still make a file that is right", (t) => {
	for (const format of ["json", "yaml", "dotenv", "properties"] as const) t.deepEqual(readers[format](encode(format, [])), [], format);
});

const badNames: readonly (readonly [StructuredFormatName, string])[] = [
	["json", ""],
	["yaml", ""],
	["yaml", "x".repeat(1_030)],
	["yaml", "\ud800"],
	["properties", ""],
	["properties", "__proto__"],
	["dotenv", "a-b"],
	["dotenv", "a.b"],
	["dotenv", "1a"],
	["dotenv", "A\n"],
	["dotenv", "__proto__"],
	["dotenv", ""],
	["shell", "a-b"],
	["shell", "a b"],
	["shell", "A\n"],
	["shell", "A;id"],
	["shell", "PPID"],
	["shell", "UID"],
	["shell", ""],
];
for (const [format, name] of badNames) {
	test(`${format} does not take the name ${JSON.stringify(name.slice(0, 10))}`, (t) => {
		t.is(typeof formats[format].nameProblem(name), "string");
	});
}

test("a file's name tells its format", (t) => {
	const told = [
		"a.json",
		"a/b.yaml",
		"b.yml",
		"x.properties",
		"run.sh",
		"app.env",
		".env",
		".env.production",
		"a/.env",
		"key.pem",
		"envoy",
		"json",
	].map(formatOfPath);
	t.deepEqual(told, [
		"json",
		"yaml",
		"yaml",
		"properties",
		"shell",
		"dotenv",
		"dotenv",
		"dotenv",
		"dotenv",
		undefined,
		undefined,
		undefined,
	]);
});
