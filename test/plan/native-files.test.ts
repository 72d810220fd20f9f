import test, { type ExecutionContext } from "ava";
import { parse as parseDotenv } from "dotenv";
import fc from "fast-check";
import { ProviderError } from "../../provider/errors.ts";
import { Secret } from "../../provider/shared/secret.ts";
import { found, foundJson, plan, render, renderFile } from "./native-support.ts";

type Values = Parameters<typeof render>[1];

function refusal(t: ExecutionContext, make: () => unknown): string {
	const error = t.throws(make, { instanceOf: ProviderError, code: "invalid" });
	t.truthy(error?.remedy, "a refusal has a remedy");
	return error?.text ?? "";
}

const exactBytes: Readonly<Record<string, Buffer>> = {
	"no bytes": Buffer.alloc(0),
	NUL: Buffer.from([0]),
	"invalid UTF-8": Buffer.from([0xff, 0xfe, 0x80, 0xc3, 0x28]),
	CRLF: Buffer.from("a\r\nb\r\n"),
	"a byte order mark": Buffer.from("\uFEFFtext"),
	"a trailing newline": Buffer.from("text\n"),
	...Object.fromEntries(["12345678901234567890", "1.0", "null", '"quoted"', ' { "a" : 1.0 } \n'].map((text) => [text, Buffer.from(text)])),
};
for (const [what, bytes] of Object.entries(exactBytes)) {
	test(`a file of a whole value is byte-identical: ${JSON.stringify(what)}`, (t) => {
		for (const structure of ["bytes", "json"] as const) {
			const value = { ...found(bytes), structure };
			t.deepEqual(renderFile("from: a", { a: value }), bytes);
			t.deepEqual(render({ objects: "- {name: a, path: p}" }, { a: value }).get("a"), bytes);
			t.deepEqual(renderFile("template: '{{a}}'", { a: value }), bytes);
		}
	});
}

test("any bytes pass through from and through decode unchanged", (t) => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 100 }), (array) => {
			const bytes = Buffer.from(array);
			t.deepEqual(renderFile("from: a", { a: found(bytes) }), bytes);
			for (const encoding of ["base64", "base64url", "hex"] as const) {
				const json = found({ k: bytes.toString(encoding) });
				t.deepEqual(renderFile(`from: a\nkey: k\ndecode: ${encoding}`, { a: json }), bytes);
				const written = renderFile(`values: {A: {from: a, encode: ${encoding}}}`, { a: found(bytes) }, "f.json");
				t.is(JSON.parse(written.toString()).A, bytes.toString(encoding));
			}
		}),
	);
});

const secret = foundJson(
	'{"user": "alice", "port": 5432, "big": 12345678901234567890, "rate": 1.0, "on": true, "none": null, "list": [1.50, "x"], "odd.key": {"sub": "s"}, "nested": "{\\"a\\": 2.0}", "b64": "aGk=", "bad64": "aGk", "constructor": "own", "__proto__": "own too"}',
);

const selected: readonly (readonly [string, string])[] = [
	["key: user", "alice"],
	["key: port", "5432"],
	["key: big", "12345678901234567890"],
	["key: rate", "1.0"],
	["key: on", "true"],
	["key: list", '[1.50,"x"]'],
	["key: odd.key", '{"sub":"s"}'],
	["key: constructor", "own"],
	["key: __proto__", "own too"],
	["key: b64\ndecode: base64", "hi"],
	["jmespath: list[0]", "1.50"],
	["jmespath: '\"odd.key\".sub'", "s"],
	["jmespath: '[user, big]'", '["alice",12345678901234567890]'],
	["jmespath: constructor", "own"],
];
for (const [selection, expected] of selected) {
	test(`${JSON.stringify(selection)} selects ${expected}, in a file and in an object`, (t) => {
		t.is(renderFile(`from: o\n${selection}`, { o: secret }).toString(), expected);
		const objects = `- name: o\n  path: p\n  ${selection.replace("\n", "\n  ")}`;
		t.is(render({ objects }, { o: secret }).get("o")?.toString(), expected);
		t.is(plan({ objects }).objects[0]?.versionedContent?.(secret).toString(), expected);
	});
}

const unselectable: readonly (readonly [string, RegExp])[] = [
	["key: User", /object "o", key "User": there is no such key\. Correct the key, which is case-sensitive/],
	["key: toString", /key "toString": there is no such key/],
	["key: none", /key "none": is null\. Store a value there/],
	["key: bad64\ndecode: base64", /key "bad64": is not base64\. Remove `decode`/],
	["key: user\ndecode: hex", /key "user": is not hex/],
	["key: odd.key\ndecode: base64", /key "odd\.key": is not base64/],
	["jmespath: missing", /object "o", jmespath "missing": selects nothing, or null\. Correct the expression/],
	["jmespath: none", /selects nothing, or null/],
	["jmespath: abs(user)", /cannot be applied to this document.*Change the expression/],
	["jmespath: '{a: user}.toString'", /no JSON value/],
];
for (const [selection, expected] of unselectable) {
	test(`${JSON.stringify(selection)} is an error that names object and part and holds no value`, (t) => {
		const text = refusal(t, () => renderFile(`from: o\n${selection}`, { o: secret }));
		t.regex(text, expected);
		t.notRegex(text, /alice|aGk/);
	});
}

test("parts are selected from text that is JSON, and refused from what is none", (t) => {
	t.is(renderFile("from: o\nkey: a", { o: found('\uFEFF{"a": 1.0}') }).toString(), "1.0");
	t.is(renderFile("template: '{{o.nested.a}}'", { o: secret }).toString(), "2.0");
	t.is(
		refusal(t, () => renderFile("from: o\nkey: a", { o: found("hunter2") })),
		'object "o": is not JSON, so no part of it can be selected. Take the value as a whole: leave out key, jmespath and expand.',
	);
	t.regex(
		refusal(t, () => renderFile("from: o\nkey: a", { o: found(Buffer.from([0xff])) })),
		/object "o": is binary/,
	);
	t.regex(
		refusal(t, () => renderFile("from: o\nkey: a", { o: foundJson("[1]") })),
		/key "a": the value is a list, which has no keys\. Select from a JSON object, or use `jmespath`/,
	);
});

test("decoding is strict", (t) => {
	const decode = (text: string, encoding: string) => renderFile(`from: o\ndecode: ${encoding}`, { o: found(text) }).toString("latin1");
	t.is(decode("+/8=", "base64"), "\u00fb\u00ff");
	t.is(decode("-_8", "base64url"), "\u00fb\u00ff");
	t.is(decode("-_8=", "base64url"), "\u00fb\u00ff");
	t.is(decode("aGVsbG8g\nd29ybGQ=\n", "base64"), "hello world");
	t.is(decode("00fFAb", "hex"), "\u0000\u00ff\u00ab");
	const wrong = ["aGk", "aGk==", "a", "aG k=", "-_8=", "aGl=", "aGk=x", "=", "aGk=aGk="].map((text) => [text, "base64"]);
	for (const [text, encoding] of [
		...wrong,
		["+/8=", "base64url"],
		["aGl", "base64url"],
		["0", "hex"],
		["0x00", "hex"],
		["zz", "hex"],
	] as const) {
		t.regex(
			refusal(t, () => decode(text ?? "", encoding ?? "")),
			/^object "o": is not (base64|base64url|hex)\. /,
			text,
		);
	}
});

test("one file is made of many objects", (t) => {
	const files = `
- path: app.env
  mode: "0400"
  values:
    USER: o.user
    BIG: o.big
    SUB: o["odd.key"].sub
    ALL: other
    LIST: {from: o, jmespath: "list[0]"}
    RAW: {from: o, key: b64, decode: base64, encode: hex}`;
	const [recipe] = plan({ objects: "- {name: o, path: p}\n- {name: other, path: q, key: k}", files }).files;
	const [file, ...rest] = recipe?.produce(new Map(Object.entries({ o: secret, other: found({ k: "v w" }) }))) ?? [];
	t.deepEqual([rest, recipe?.path, recipe?.objects, file?.path, file?.mode], [[], "files[0]", ["o", "other"], "app.env", 0o400]);
	t.deepEqual(parseDotenv(file?.contents ?? ""), {
		USER: "alice",
		BIG: "12345678901234567890",
		SUB: "s",
		ALL: "v w",
		LIST: "1.50",
		RAW: "6869",
	});
});

test("json and yaml files hold documents as documents and bytes as text", (t) => {
	const values: Values = { o: foundJson('{ "n": 1.0 }'), b: found('{ "n": 1.0 }') };
	t.is(
		renderFile("values: {A: o, B: b, C: o.n}", values, "f.json").toString(),
		'{\n  "A": {"n":1.0},\n  "B": "{ \\"n\\": 1.0 }",\n  "C": 1.0\n}\n',
	);
	t.is(renderFile("values: {A: o, B: b, C: o.n}", values, "f.yaml").toString(), '"A": {"n": 1.0}\n"B": "{ \\"n\\": 1.0 }"\n"C": 1.0\n');
	t.is(renderFile("values: {A: o}", values, "f.env").toString(), "A='{ \"n\": 1.0 }'\n");
});

test("binary values do not fit into text formats, and the way out is told", (t) => {
	for (const format of ["json", "yaml", "dotenv", "properties", "shell"]) {
		const text = refusal(t, () => renderFile(`format: ${format}\nvalues: {A: b}`, { b: found(Buffer.from([0xff])) }));
		t.is(text, 'object "b": is binary, not UTF-8 text. Add `encode: base64`, or write it to a file of its own with `from`.', format);
	}
	t.regex(
		refusal(t, () => renderFile("format: shell\nvalues: {A: b}", { b: found("\0") })),
		/object "b", as "A": a NUL byte cannot stand .*encode: base64/,
	);
	t.regex(
		refusal(t, () => renderFile("from: o\nkey: k", { o: foundJson('{"k":"\\ud800"}') })),
		/half of a surrogate pair/,
	);
});

const expandable: Values = { all: foundJson('{"a": "1", "b.c": 2.0, "__proto__": "p"}') };

test("an expanded object is a file for each key", (t) => {
	const files = render({ objects: "- {name: all, path: p, expand: true, prefix: db/x-}" }, expandable);
	t.deepEqual(
		[...files].map(([path, contents]) => [path, contents.toString()]),
		[
			["db/x-a", "1"],
			["db/x-b.c", "2.0"],
			["db/x-__proto__", "p"],
		],
	);
});

test("an expanded object adds its keys to a file of values", (t) => {
	const objects = "- {name: all, path: p, expand: true, prefix: X_}\n- {name: o, path: p}";
	const values = { ...expandable, o: secret };
	for (const written of ["{USER: o.user, REST: all}", "{REST: all, USER: o.user}"]) {
		const file = render({ objects, files: `- {path: f.json, values: ${written}}` }, values).get("f.json");
		t.deepEqual(JSON.parse(file?.toString() ?? ""), { USER: "alice", X_a: "1", "X_b.c": 2, X___proto__: "p" });
	}
	t.is(
		render({ objects, files: "- {path: f.json, values: [all]}" }, values).get("f.json")?.toString(),
		'{\n  "X_a": "1",\n  "X_b.c": 2.0,\n  "X___proto__": "p"\n}\n',
	);
});

test("keys that cannot be what they are expanded to are refused by name", (t) => {
	const expand = (value: Values[string], file = "", prefix = "") =>
		render(
			{
				objects: `- {name: all, path: p, expand: true, prefix: "${prefix}"}\n- {name: o, path: p}`,
				...(file === "" ? {} : { files: file }),
			},
			{ all: value, o: secret },
		);
	t.regex(
		refusal(t, () => expand(found({ "../x": "1" }))),
		/object "all", key "\.\.\/x": as the file "\.\.\/x" it has an element.*Rename the key/,
	);
	t.regex(
		refusal(t, () => expand(found({ "": "1" }))),
		/as the file "" it is empty/,
	);
	t.regex(
		refusal(t, () => expand(found({ "a\nb": "1" }))),
		/as the file "a\\nb" it holds a control character/,
	);
	t.regex(
		refusal(t, () => expand(found({ "x.y": "1" }), "- {path: f.env, values: [all]}")),
		/key "x\.y": the name "x\.y" is no name of an environment variable.*Rename/,
	);
	t.regex(
		refusal(t, () => expand(found({ USER: "1" }), "- {path: f.env, values: {USER: o.user, ALL: all}}")),
		/object "all", key "USER": gets the name "USER", which object "o", key "user" has already\. Use another `prefix`/,
	);
	t.regex(
		refusal(t, () => expand(found({ a: null }))),
		/object "all", key "a": is null/,
	);
	t.regex(
		refusal(t, () => expand(foundJson("[1]"))),
		/object "all": is a list, so it has no keys to expand\. Remove `expand`/,
	);
	t.regex(
		refusal(t, () => expand(found("text"))),
		/object "all": is not JSON/,
	);
	const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`k${index}`, "v"]));
	t.regex(
		refusal(t, () => expand(found(many))),
		/object "all": has 1001 keys; 1000 are expanded/,
	);
});

test("an optional object that is not there leaves out its files and names, and templates stay whole", (t) => {
	const objects = "- {name: o, path: p}\n- {name: gone, path: q, optional: true}\n- {name: keys, path: q, optional: true, expand: true}";
	t.deepEqual([...render({ objects }, { o: secret }).keys()], ["o"]);
	const files = `
- {path: single, from: gone}
- {path: a.env, values: {USER: o.user, GONE: gone.x, KEYS: keys}}
- {path: b.json, template: '{"u": "{{o.user}}", "g": {{gone.x}}, "k": "{{keys.y}}"}'}`;
	const made = render({ objects, files }, { o: secret });
	t.deepEqual(
		[...made].map(([path, contents]) => [path, contents.toString()]),
		[
			["a.env", "USER=alice\n"],
			["b.json", '{"u": "alice", "g": "", "k": ""}'],
		],
	);
});

test("a template reaches own data of declared objects and nothing else", (t) => {
	t.is(renderFile("template: '{{o.constructor}} {{o.__proto__}}'", { o: secret }).toString(), "own own too");
	for (const key of ["toString", "hasOwnProperty", "user.length", "list.length", "user.constructor"]) {
		t.regex(
			refusal(t, () => renderFile(`template: '{{o.${key}}}'`, { o: secret })),
			/there is no such key|which has no keys|is not JSON/,
			key,
		);
	}
	t.false("own" in {});
});

test("a template takes its format from the file's name unless one is declared", (t) => {
	const values: Values = { o: found({ p: 'a: "b"' }) };
	t.is(renderFile("template: 'url: x-{{o.p}}'", values, "db.yaml").toString(), 'url: "x-a: \\"b\\""');
	t.is(renderFile("format: raw\ntemplate: 'url: x-{{o.p}}'", values, "db.yaml").toString(), 'url: x-a: "b"');
	t.is(renderFile("template: 'url: x-{{o.p}}'", values, "db.txt").toString(), 'url: x-a: "b"');
	t.is(renderFile("format: json\ntemplate: '[\"{{o.p}}\"]'", values, "db.txt").toString(), '["a: \\"b\\""]');
});

test("files without a mode of their own get the request's", (t) => {
	const files = plan({ objects: "- {name: o, path: p}", files: "- {path: a, from: o}\n- {path: b, from: o, mode: '000'}" }).files;
	t.deepEqual(
		files.flatMap((recipe) => recipe.produce(new Map([["o", secret]])).map(({ mode }) => mode)),
		[0o644, 0],
	);
});

test("a value is read and parsed once for all the files of its object", (t) => {
	class CountedSecret extends Secret {
		reads = 0;
		override reveal(): Buffer {
			this.reads += 1;
			return super.reveal();
		}
	}
	const value = new CountedSecret('{"a": "1", "b": {"c": "2"}}');
	const files = plan({
		objects: "- {name: o, path: p}",
		files: "- {path: f.env, values: {A: o.a, C: o.b.c}}\n- {path: t, template: '{{o.a}} {{o.b.c}}'}\n- {path: a, from: o, key: a}",
	}).files;
	const values = new Map([["o", { kind: "found", structure: "json", value } as const]]);
	t.deepEqual(
		files.flatMap((recipe) => recipe.produce(values).map(({ contents }) => contents.toString())),
		["A=1\nC=2\n", "1 2", "1"],
	);
	t.is(value.reads, 1);
});
