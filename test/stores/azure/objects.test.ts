import { createPublicKey, generateKeyPairSync } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import { ProviderError } from "../../../provider/errors.ts";
import { CertificateFactory } from "./certificate-support.ts";
import { found, objectOf, objectsOf, plan, planObjects, refOf, refusal, render } from "./dialect-support.ts";

const factory = new CertificateFactory();
const chain = factory.chain("ec-256");
test.after.always(() => factory.remove());

const bundle = (value: string, more: object = {}) => ({ version: "1a", value, contentType: "", ofCertificate: false, ...more });
const secret = (...fields: readonly string[]) => ["objectName: db", "objectType: secret", ...fields].join("\n");

test("an object without more is the newest version, in a file of its name", (t) => {
	const planned = planObjects(secret());
	t.like(refOf(planned, "secret/db"), { kind: "secret", name: "db", version: "", history: 0, form: "plain", pem: "leaf-first" });
	t.deepEqual(render(planned, "hunter2"), [["db", 0o644, "hunter2"]]);
	t.deepEqual(
		planned.files.map(({ file }) => file),
		[{ path: "db", mode: 0o644 }],
	);
});

const modes: readonly (readonly [written: string, mode: number])[] = [
	['"0600"', 0o600],
	["0600", 0o600],
	["600", 0o600],
	['" 0400 "', 0o400],
	['"420"', 0o420],
	['"0"', 0],
	["''", 0o644],
];

for (const [written, mode] of modes) {
	test(`filePermission: ${written} is ${mode.toString(8)}`, (t) => {
		t.is(render(planObjects(secret(`filePermission: ${written}`)), "x")[0]?.[1], mode);
	});
}

const encodings: readonly (readonly [encoding: string, value: string, bytes: string])[] = [
	["hex", "DEadbeef00ff", "\xde\xad\xbe\xef\x00\xff"],
	["HEX", "", ""],
	["base64", "aHVu\r\ndGVyMg==", "hunter2"],
	["Utf-8", "pässword", Buffer.from("pässword").toString("latin1")],
];

for (const [encoding, value, bytes] of encodings) {
	test(`a secret in the encoding ${encoding} becomes its bytes: ${JSON.stringify(value)}`, (t) => {
		t.deepEqual(render(planObjects(secret(`objectEncoding: ${encoding}`)), value), [["db", 0o644, bytes]]);
	});
}

const undecodable: readonly (readonly [encoding: string, value: string, legacyText: string])[] = [
	["base64", "aHU#dGVy", "illegal base64 data at input byte 3"],
	["hex", "abc", "encoding/hex: odd length hex string"],
	["hex", "zz", "encoding/hex: invalid byte: U+007A 'z'"],
];

for (const [encoding, value, legacyText] of undecodable) {
	test(`a secret that is not in its encoding is told in today's words, and without the secret: ${encoding} ${value}`, (t) => {
		const error = t.throws(() => render(planObjects(secret(`objectEncoding: ${encoding}`)), value), { instanceOf: ProviderError });
		t.is(error?.legacyText, `failed to mount objects, error: ${legacyText}`);
		t.is(error?.message, `objects.array[0]: the secret "db" is not ${encoding}.`);
	});
}

test("any bytes come back from base64 and hex", (t) => {
	const [base64, hex] = ["base64", "hex"].map((encoding) => planObjects(secret(`objectEncoding: ${encoding}`)));
	fc.assert(
		fc.property(fc.uint8Array(), (array) => {
			const bytes = Buffer.from(array);
			if (base64 !== undefined) t.is(render(base64, bytes.toString("base64"))[0]?.[2], bytes.toString("latin1"));
			if (hex !== undefined) t.is(render(hex, bytes.toString("hex"))[0]?.[2], bytes.toString("latin1"));
		}),
	);
});

test("pfx asks for the container as it is stored, pem and nothing for PEM, in any case", (t) => {
	t.is(refOf(planObjects(secret("objectFormat: pfx")), "secret/db").pem, undefined);
	t.is(refOf(planObjects(secret("objectFormat: PFX")), "secret/db").pem, undefined);
	t.is(refOf(planObjects(secret("objectFormat: Pem")), "secret/db").pem, "leaf-first");
	const unordered = plan({ objects: objectsOf(secret()) }, "constructPemChain: false");
	t.is(refOf(unordered, "secret/db").pem, "stored");
	t.is(refOf(planObjects("objectName: db\nobjectType: cert\nobjectFormat: PFX"), "cert/db").pem, undefined);
});

test("a history is a file for each version, with an id of its own, and as many as are asked for", (t) => {
	const planned = planObjects(secret("objectAlias: keys/db", "objectVersionHistory: 2", "objectVersion: latest"));
	t.like(refOf(planned, "secret/db/0"), { version: "", history: 2, form: "bundle" });
	t.deepEqual(
		planned.objects.map(({ name }) => name),
		["secret/db/0", "secret/db/1"],
	);
	t.is(new Set(planned.objects.map(({ ref }) => ref.key)).size, 1);
	t.deepEqual(render(planned, [bundle("new"), bundle("old")]), [
		["keys/db/0", 0o644, "new"],
		["keys/db/1", 0o644, "old"],
	]);
	t.deepEqual(render(planned, [bundle("only")]), [["keys/db/0", 0o644, "only"]]);
});

for (const history of ["0", "1", "-3", "~"]) {
	test(`a history of ${history} is the one version, whose word latest is no other name for the newest`, (t) => {
		const planned = planObjects(secret(`objectVersionHistory: ${history}`, "objectVersion: latest"));
		t.like(refOf(planned, "secret/db"), { version: "latest", history: 0 });
	});
}

test("versions of a history move when their own content does, or the class", (t) => {
	const planned = planObjects(secret("objectVersionHistory: 2"));
	const content = (index: number, value: unknown) => objectOf(planned, `secret/db/${index}`).versionedContent?.(found(value)).toString();
	const [both, moved] = [
		[bundle("a"), bundle("b")],
		[bundle("c"), bundle("b")],
	];
	t.not(content(0, both), content(0, moved));
	t.is(content(1, both), content(1, moved));
	t.not(content(1, both), content(1, [bundle("a")]));
	const versioned = (fields: string) =>
		objectOf(planObjects(secret(fields)), "secret/db")
			.versionedContent?.(found("x"))
			.toString();
	t.is(versioned("x: y"), versioned("x: z"));
	t.not(versioned("filePermission: 0600"), versioned("filePermission: 0400"));
	t.not(versioned("objectEncoding: hex"), versioned("objectEncoding: base64"));
});

test("one thing in several forms shares an id where it is the same, and is told apart by its file where it is not", (t) => {
	const planned = planObjects(
		secret(),
		secret("objectAlias: copy"),
		secret("objectAlias: db.pfx", "objectFormat: pfx"),
		secret("objectAlias: was", "objectVersion: 1a"),
	);
	t.deepEqual(
		planned.objects.map(({ name }) => name),
		["secret/db", "secret/db@db.pfx", "secret/db@was"],
	);
	t.deepEqual(
		render(planned, "x").map(([path]) => path),
		["db", "copy", "db.pfx", "was"],
	);
	t.deepEqual(
		planned.files.map(({ objects }) => objects),
		[["secret/db"], ["secret/db"], ["secret/db@db.pfx"], ["secret/db@was"]],
	);
});

test("a secret, a key and a certificate of one name are three objects", (t) => {
	const planned = planObjects(
		secret("objectAlias: a"),
		"objectName: db\nobjectType: key\nobjectAlias: b",
		"objectName: db\nobjectType: cert\nobjectAlias: c",
	);
	t.deepEqual(
		planned.objects.map(({ name }) => name),
		["secret/db", "key/db", "cert/db"],
	);
	t.deepEqual(
		planned.objects.map(({ ref }) => "kind" in ref && ref.kind),
		["secret", "key", "certificate"],
	);
});

const collisions: readonly (readonly [title: string, entries: readonly string[], message: RegExp])[] = [
	[
		"the same name twice",
		[secret(), secret("objectVersion: 1a")],
		/objects\.array\[1\]\.objectName makes the file "db", as does objects\.array\[0\]/,
	],
	[
		"an alias that is another object's name",
		[secret(), "objectName: other\nobjectType: secret\nobjectAlias: db"],
		/array\[1\]\.objectAlias/,
	],
	[
		"a file where another needs a folder",
		[secret("objectAlias: a/b"), "objectName: a\nobjectType: secret"],
		/"a\/b", and objects\.array\[1\] a file where it needs a folder/,
	],
	["a history below a file", [secret("objectVersionHistory: 2"), "objectName: o\nobjectType: secret\nobjectAlias: db"], /needs a folder/],
];

for (const [title, entries, message] of collisions) {
	test(`two files of one path are refused: ${title}`, (t) => t.regex(refusal(t, { objects: objectsOf(...entries) }).message, message));
}

const pem = `${chain.key}${chain.leaf}${chain.intermediate}`;
const separate = "writeCertAndKeyInSeparateFiles: true";
const certificate = (value: string, more: object = {}) => bundle(value, { ofCertificate: true, pem, ...more });
const paths = (files: readonly (readonly [path: string, mode: number, text: string])[]) => files.map(([path, , text]) => [path, text]);

test("with the administrator's switch a certificate's secret makes three files, with their contents for pfx as well", (t) => {
	const planned = plan({ objects: objectsOf(secret("objectAlias: tls/web", "filePermission: 0400")) }, separate);
	t.like(refOf(planned, "secret/db"), { form: "bundle", pem: "leaf-first" });
	const files = render(planned, certificate(pem));
	const parts = [
		["tls/web.crt", `${chain.leaf}${chain.intermediate}`],
		["tls/web.key", chain.key],
	];
	t.deepEqual(paths(files), [...parts, ["tls/web", pem]]);
	t.true(files.every(([, mode]) => mode === 0o400));
	const container = plan({ objects: objectsOf(secret("objectAlias: tls/web", "objectFormat: pfx", "objectEncoding: base64")) }, separate);
	t.deepEqual(paths(render(container, certificate("aHVudGVyMg=="))), [...parts, ["tls/web", "hunter2"]]);
});

test("with that switch a secret that is no certificate's is one file, and a key that stays in Key Vault makes none", (t) => {
	const planned = plan({ objects: objectsOf(secret()) }, separate);
	t.deepEqual(paths(render(planned, bundle("hunter2"))), [["db", "hunter2"]]);
	t.deepEqual(paths(render(planned, certificate(chain.leaf, { pem: chain.leaf }))), [
		["db.crt", chain.leaf],
		["db", chain.leaf],
	]);
	t.is(refOf(plan({ objects: objectsOf("objectName: db\nobjectType: key") }, separate), "key/db").form, "plain");
});

test("histories of keys and certificates are PEM, each version", (t) => {
	const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
	const jwk = { ...publicKey.export({ format: "jwk" }), kty: "EC-HSM" };
	const keys = render(planObjects("objectName: k\nobjectType: key\nobjectVersionHistory: 2"), [{ version: "1", jwk }]);
	t.is(keys[0]?.[0], "k/0");
	t.true(createPublicKey(keys[0]?.[2] ?? "").equals(publicKey));
	const cer = Buffer.from(chain.leaf.replace(/-----[A-Z ]+-----|\n/g, ""), "base64").toString("base64");
	const certificates = render(planObjects("objectName: c\nobjectType: cert\nobjectVersionHistory: 2"), [{ version: "1", cer }]);
	t.deepEqual(paths(certificates), [["c/0", chain.leaf]]);
});

test("failures are told in the words of today's provider about the object", (t) => {
	const planned = planObjects(secret("objectVersion: 1a"));
	const object = objectOf(planned, "secret/db");
	const said = (legacyText?: string) =>
		planned.explain?.(object, new ProviderError("denied", "ours", legacyText === undefined ? {} : { legacyText }));
	t.is(said("GET x"), "failed to mount objects, error: failed to get objectType:secret, objectName:db, objectVersion:1a: GET x");
	const login = "failed to build auth config for mode None: could not find clientid in secrets";
	t.is(said(login), `failed to mount objects, error: ${login}`);
	t.is(said(), undefined);
});
