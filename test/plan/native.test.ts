import test, { type ExecutionContext } from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { storeTypesIn } from "../../provider/plan/native/index.ts";
import { configuredStore, found, makeEnvironment, makeRequest, oneStore, plan } from "./native-support.ts";

type Parameters = Readonly<Record<string, string>>;

function messageOf(t: ExecutionContext, parameters: Parameters, environment = makeEnvironment()): string {
	const error = t.throws(() => plan(parameters, environment), { instanceOf: ProviderError, code: "invalid" });
	return error?.message ?? "";
}

const company = makeEnvironment({ company: configuredStore("company"), other: configuredStore("other") });
const db = "- {name: db, path: p}";

test("stores, objects and files become a plan", (t) => {
	const planned = plan({
		stores:
			"main: {type: remote, address: https://a.example, role: shop}\ncloud: {type: remote, address: https://b.example, audience: mine}\nunused: {type: remote, address: https://c.example}",
		objects:
			"- {name: one, store: cloud, path: x}\n- {name: two, store: main, path: y, optional: true, onRevoked: grace 1h, refresh: 30s}\n- {name: three, store: cloud, path: z, version: 3}",
	});
	t.deepEqual(
		planned.stores.map(({ instance, audience, role, origin, addressParameter, audienceParameter }) => [
			instance.name,
			audience,
			role,
			origin,
			addressParameter,
			audienceParameter,
		]),
		[
			["cloud", "mine", "", "parameters", "stores.cloud.address", "stores.cloud.audience"],
			["main", "remote-audience", "shop", "parameters", "stores.main.address", "stores.main.audience"],
		],
	);
	t.deepEqual(
		planned.objects.map(({ name, path, store, optional }) => [name, path, store, optional]),
		[
			["one", "objects[0]", 0, false],
			["two", "objects[1]", 1, true],
			["three", "objects[2]", 0, false],
		],
	);
	t.deepEqual(planned.objects[1]?.onRevoked, { kind: "grace", seconds: 3_600 });
	t.is(planned.objects[1]?.refreshSeconds, 30);
	t.deepEqual(planned.objects[0]?.onRevoked, { kind: "delete" });
	t.is(planned.objects[2]?.ref.key, '["remote|https://b.example","z","3"]');
	t.deepEqual(
		planned.files.map(({ path, objects }) => [path, objects]),
		[
			["objects[0]", ["one"]],
			["objects[1]", ["two"]],
			["objects[2]", ["three"]],
		],
	);
	t.is(planned.objects[0]?.versionedContent, undefined);
});

test("the version of an object is that of the part it selects", (t) => {
	const [object] = plan({ objects: "- {name: db, path: p, key: password, decode: base64}" }).objects;
	t.deepEqual(object?.versionedContent?.(found({ password: "aGk=", rotated: 1 })), Buffer.from("hi"));
});

test("configured stores are used by name, in each way of naming them", (t) => {
	const ways = ["", "[company]", "company:", "{company: , main: {type: remote, address: https://a.example}}"];
	for (const stores of ways) {
		const planned = plan({ stores, objects: "- {name: db, store: company, path: p}" }, company);
		t.deepEqual(
			planned.stores.map(({ origin, audience, role, instance }) => [origin, audience, role, instance.name]),
			[["policy", "company", "reader", "company"]],
			stores,
		);
	}
});

test("a class names its own role at a configured store that has none, and nothing else of it", (t) => {
	const open = makeEnvironment({ company: configuredStore("company", undefined, "") });
	const objects = "- {name: db, path: p}";
	const [store] = plan({ stores: "company: {role: shop}", objects }, open).stores;
	t.deepEqual([store?.origin, store?.role, store?.audience], ["policy", "shop", "company"]);
	for (const stores of [
		"company: {role: shop, address: https://evil.example}",
		"company: {address: https://evil.example}",
		"company: {role: ''}",
	]) {
		t.regex(messageOf(t, { stores, objects }, open), /stores\.company is configured by the administrator/, stores);
	}
});

test("store may be left out where exactly one is known", (t) => {
	t.is(plan({ objects: db }).stores[0]?.instance.name, "main");
	t.is(plan({ stores: "", objects: db }, makeEnvironment({ only: configuredStore("only") })).stores[0]?.instance.name, "only");
	t.regex(messageOf(t, { stores: "", objects: db }, company), /objects\[0\]\.store is missing\. Known here: company, other\./);
	t.regex(messageOf(t, { stores: "", objects: db }), /objects\[0\]\.store is missing\. Define a store in `stores`/);
});

test("the types of stores are told before planning, whatever else is wrong", (t) => {
	t.deepEqual(storeTypesIn(makeRequest({ stores: "{a: {type: vault}, b: {type: aws}, c: {type: vault}, d: x, e: {type: [y]}, f: }" })), [
		"vault",
		"aws",
	]);
	for (const stores of ["[a, b]", "a: [", "x", "", "*a"]) t.deepEqual(storeTypesIn(makeRequest({ stores })), [], stores);
	t.deepEqual(storeTypesIn(makeRequest({})), []);
});

const objectFaults: readonly (readonly [string, RegExp])[] = [
	["", /objects has no entries\. Write a list of/],
	["[]", /objects has no entries/],
	["a: b", /objects is not a list\. Start each entry with/],
	["- x", /objects\[0\] is not a mapping\. Write it as/],
	["- {path: p}", /objects\[0\]\.name is missing\. Name it/],
	["- {name: 1a, path: p}", /objects\[0\]\.name is "1a"\. Start with a letter/],
	[`- {name: ${"a".repeat(64)}, path: p}`, /objects\[0\]\.name is .*at most 63/],
	["- {name: ../x, path: p}", /objects\[0\]\.name/],
	["- {name: a, path: p}\n- {name: a, path: q}", /objects\[1\]\.name is "a", as is that of objects\[0\]\. Give each/],
	["- {name: a}", /objects\[0\]\.path is missing\. Write the path/],
	["- {name: a, path: p, store: nope}", /objects\[0\]\.store is "nope", which is no known store\. Known here: main\./],
	["- {name: a, path: p, storee: main}", /objects\[0\]\.storee is not known here\. Known here: .*optional.*path.*store/],
	["- {name: a, path: p, optional: yes}", /objects\[0\]\.optional is "yes"\. Write one of true, false/],
	["- {name: a, path: p, key: k, jmespath: k}", /objects\[0\]\.jmespath stands beside key\. Keep one/],
	["- {name: a, path: p, jmespath: 'a['}", /objects\[0\]\.jmespath is not a JMESPath expression.*Correct it/],
	["- {name: a, path: p, decode: rot13}", /objects\[0\]\.decode is "rot13"\. Write one of base64, base64url, hex/],
	["- {name: a, path: p, prefix: x}", /objects\[0\]\.prefix stands without expand\. Add/],
	[`- {name: a, path: p, expand: true, prefix: ${"x".repeat(201)}}`, /objects\[0\]\.prefix is longer than 200/],
	["- {name: a, path: p, expand: true, prefix: ../}", /objects\[0\]\.prefix has an element that starts with `\.\.`/],
	["- {name: a, path: p, onRevoked: burn}", /objects\[0\]\.onRevoked is "burn"\. Write delete, keep, or grace/],
	["- {name: a, path: p, onRevoked: grace}", /objects\[0\]\.onRevoked/],
	["- {name: a, path: p, onRevoked: grace 0s}", /objects\[0\]\.onRevoked/],
	["- {name: a, path: p, refresh: 5}", /objects\[0\]\.refresh is "5", which is not a duration\. Write a number and s, m, h or d/],
	["- {name: a, path: p, refresh: 0s}", /objects\[0\]\.refresh/],
	["- {name: a, path: p, refresh: 366d}", /objects\[0\]\.refresh/],
	[Array.from({ length: 501 }, (_, index) => `- {name: o${index}, path: p}`).join("\n"), /objects has 501 entries; 500 are read\. Divide/],
];
for (const [objects, expected] of objectFaults) {
	test(`the objects ${JSON.stringify(objects.slice(0, 50))} are refused`, (t) => t.regex(messageOf(t, { objects }), expected));
}

const storeFaults: readonly (readonly [string, RegExp])[] = [
	["x", /stores is neither a mapping nor a list\. Write/],
	["A: {type: remote, address: a}", /stores\."A" is not a name for a store\. Use lower-case/],
	["main: {address: a}", /stores\.main\.type is missing\. Write one of remote, local/],
	["main: {type: nope}", /stores\.main\.type is "nope"\. Write one of remote, local/],
	["main: {type: remote, addres: a}", /stores\.main\.addres is not known here\. Known here: .*address/],
	["main: {type: remote, address: a, audience: ''}", /stores\.main\.audience is empty\. Write/],
	["main: {type: local}", /stores\.main is a store of type local inside the provider, which only the administrator may define\. Ask/],
	["main: text", /stores\.main is not a mapping/],
	["[nope]", /stores\[0\] is "nope", which the administrator has not configured\. Configured: company, other\./],
	["nope:", /stores\.nope is "nope", which the administrator has not configured/],
	["[{name: company}]", /stores\[0\] is not a name\. A list holds names/],
	["company: {role: admin}", /stores\.company is configured by the administrator, who alone sets its fields\. Write the name alone/],
	["company: {type: remote, address: https://evil.example}", /stores\.company is configured by the administrator/],
];
for (const [stores, expected] of storeFaults) {
	test(`the stores ${JSON.stringify(stores)} are refused`, (t) => {
		const message = messageOf(t, { stores, objects: "- {name: db, store: main, path: p}" }, company);
		t.regex(message, expected);
	});
}

test("a broken store is told once, not at each object", (t) => {
	const message = messageOf(t, { stores: "main: {type: nope}", objects: "- {name: a, store: main, path: p}\n- {name: b, path: p}" });
	t.regex(message, /^The SecretProviderClass parameters: stores\.main\.type is "nope"/);
	t.regex(messageOf(t, { stores: "a: [", objects: db }), /^The SecretProviderClass parameters: stores is not YAML/);
});

const fileFaults: readonly (readonly [string, RegExp])[] = [
	["", /files has no entries\. Write a list/],
	["a", /files is not a list/],
	["- {from: db}", /files\[0\]\.path is missing\. Write where/],
	...["../x", "/abs", "a/../b", "a//b", "./a", ".", "..data/x", "..foo", "a/", `"a\\nb"`].map(
		(path) => [`- {path: ${path}, from: db}`, /files\[0\]\.path (?:is|has|holds) .*Write it as app\.env/] as const,
	),
	[`- {path: ${"a".repeat(256)}, from: db}`, /files\[0\]\.path has an element longer than 255/],
	["- {path: '', from: db}", /files\[0\]\.path is empty/],
	...["04755", "0o777", "-1", "1000", "'0644 '", "rw-r--r--", "8", "1e3", "null", ""].map(
		(mode) => [`- {path: f, from: db, mode: ${mode}}`, /files\[0\]\.mode is .*not a file mode\. Write octal digits/] as const,
	),
	["- {path: c, from: db}\n- {path: c/d, from: db}", /files\[1\]\.path is "c\/d", but files\[0\]\.path makes "c" a file\. Give each/],
	["- {path: c/d, from: db}\n- {path: c, from: db}", /files\[0\]\.path is "c\/d", but files\[1\]\.path makes "c" a file/],
	["- {path: c, from: db}\n- {path: c, from: db}", /files\[1\]\.path is "c", as is files\[0\]\.path/],
	["- {path: f}", /files\[0\] says nothing of its contents\. Write exactly one/],
	["- {path: f, from: db, template: x}", /files\[0\] has from and template\. Write exactly one/],
	["- {path: f, from: nope}", /files\[0\]\.from names "nope", which is no object\. Known here: db\./],
	["- {path: f, from: db, format: json}", /files\[0\]\.format is json, but `from` writes the value as it is\. Remove it/],
	["- {path: f, from: db, format: xml}", /files\[0\]\.format is "xml"\. Write one of raw, json/],
	["- {path: f, from: db, encoding: x}", /files\[0\]\.encoding is not known here/],
	["- {path: f, from: db, jmespath: 'x('}", /files\[0\]\.jmespath/],
	["- {path: f, values: {A: db}}", /files\[0\]\.format is missing, and the file's name does not tell it\. Write one of json, yaml/],
	["- {path: f.json, format: raw, values: {A: db}}", /files\[0\]\.format is raw, which holds one value/],
	["- {path: f.env, values: {}}", /files\[0\]\.values has no entries/],
	["- {path: f.env, values: {a-b: db}}", /files\[0\]\.values\.a-b is no name of an environment variable.*Choose a name/],
	["- {path: f.env, values: {A: nope.x}}", /files\[0\]\.values\.A names "nope", which is no object/],
	[
		"- {path: f.env, values: {A: 'db.x | upper'}}",
		/files\[0\]\.values\.A is "db\.x \| upper", which is no reference\. Write an object's name/,
	],
	["- {path: f.env, values: {A: }}", /files\[0\]\.values\.A is empty/],
	["- {path: f.env, values: {A: {key: x}}}", /files\[0\]\.values\.A\.from is missing/],
	["- {path: f.env, values: {A: {from: db, encode: rot13}}}", /files\[0\]\.values\.A\.encode is "rot13"/],
	["- {path: f.env, values: {A: {from: db, x: y}}}", /files\[0\]\.values\.A\.x is not known here/],
	["- {path: f.env, values: {A: [db]}}", /files\[0\]\.values\.A is not a mapping/],
	["- {path: f.env, values: [db]}", /files\[0\]\.values\[0\] is not expanded\. Add `expand: true`/],
	["- {path: f, template: ''}", /files\[0\]\.template is empty/],
	[
		"- {path: f, template: '{{constructor}}'}",
		/files\[0\]\.template names "constructor", which is no object, at line 1, column 1\. Known here: db/,
	],
	["- {path: f, template: '{{__proto__.x}}'}", /files\[0\]\.template names "__proto__"/],
	["- {path: f, template: '{{process.env.HOME}}'}", /files\[0\]\.template names "process"/],
	["- {path: f, template: '{{#db}}'}", /files\[0\]\.template has something else than a name/],
	["- {path: f, template: '{{db.x()}}'}", /files\[0\]\.template has something else than a name/],
	["- {path: f.json, template: '{\"a\": {{db}}'}", /files\[0\]\.template is not JSON/],
	[Array.from({ length: 1_001 }, (_, index) => `- {path: f${index}, from: db}`).join("\n"), /files has 1001 entries; 1000 are read/],
];
for (const [files, expected] of fileFaults) {
	test(`the files ${JSON.stringify(files.slice(0, 60))} are refused`, (t) => t.regex(messageOf(t, { objects: db, files }), expected));
}

test("every fault of all three parameters is told at once", (t) => {
	const message = messageOf(t, {
		stores: "main: {type: remote, address: a}\nbad: {type: nope}",
		objects: "- {name: db, store: main, path: p, refresh: x}\n- {name: 2, store: main}",
		files: "- {path: ../x, from: db, mode: 999}\n- {path: y, from: nope}",
		vaultAddress: "https://x",
	});
	for (const path of [
		"vaultAddress",
		"stores.bad.type",
		"objects[0].refresh",
		"objects[1].name",
		"objects[1].path",
		"files[0].path",
		"files[0].mode",
		"files[1].from",
	]) {
		t.true(message.includes(`) ${path} `), `${path} in ${message}`);
	}
	t.regex(message, /have 8 faults/);
});

test("a fault of a store hides none of the objects that use it", (t) => {
	const message = messageOf(
		t,
		{
			stores: "main: {type: remote, address: a, adress: b}\ncompany: {type: remote}",
			objects: "- {name: db, store: main, pth: p}\n- {name: key, store: company, path: p, kye: x}",
		},
		makeEnvironment({ company: configuredStore("company", undefined, "") }),
	);
	for (const path of ["stores.main.adress", "stores.company", "objects[0].pth", "objects[0].path", "objects[1].kye"]) {
		t.true(message.includes(`) ${path} `), `${path} in ${message}`);
	}
	t.regex(message, /have 5 faults/);
});

test("an unknown parameter is named, wherever it came from", (t) => {
	t.regex(
		messageOf(t, { objects: db, "team\nname": "x" }),
		/team\\nname is not a parameter of the provider claviger\. Known here: stores, objects, files\. The pod's volumeAttributes count too\./,
	);
});

test("a missing list of objects is the fault that is told", (t) => {
	t.regex(messageOf(t, {}), /^The SecretProviderClass parameters: objects is missing\. Write a list/);
	t.regex(messageOf(t, { objects: "a: [", files: "- {path: f, from: db}" }), /^The SecretProviderClass parameters: objects is not YAML/);
});

test("names that objects inherit are names like any other", (t) => {
	const planned = plan({
		stores: "constructor: {type: remote, address: a}",
		objects: "- {name: constructor, path: p}\n- {name: __proto__, path: p}\n- {name: toString, path: q}",
	});
	t.deepEqual(
		planned.objects.map(({ name }) => name),
		["constructor", "__proto__", "toString"],
	);
	t.deepEqual(
		planned.stores.map(({ instance }) => instance.name),
		["constructor"],
	);
});

test("a plan of the largest allowed class is made quickly", (t) => {
	const objects = Array.from({ length: 500 }, (_, index) => `- {name: o${index}, path: p/${index}, jmespath: 'a.b[${index}]'}`).join("\n");
	const files = Array.from({ length: 1_000 }, (_, index) => `- {path: d/f${index}, from: o${index % 500}, mode: "0400"}`).join("\n");
	const started = performance.now();
	t.is(plan({ stores: oneStore, objects, files }).files.length, 1_000);
	t.true(performance.now() - started < 3_000);
});
