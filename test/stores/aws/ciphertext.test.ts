import test from "ava";
import fc from "fast-check";
import { ProviderError } from "../../../provider/errors.ts";
import { place, readAwsEntry, readNativeEntry } from "./kms-support.ts";

const keyId = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const key = `keyId: "${keyId}"`;
const blob = (length: number) => Buffer.alloc(length, 1).toString("base64");
const envelope = `envelope: {dataKey: AQ==, iv: ${blob(12)}, data: "", tag: ${blob(16)}}`;

interface Case {
	/** The fields beside the entry's name and type. */
	readonly fields: string;
	/** Every fault's path behind `objects[0].` and message. */
	readonly faults: readonly (readonly [path: string, message: RegExp])[];
}

const cases: readonly Case[] = [
	{ fields: `${key}, ciphertext: AQ==`, faults: [] },
	{ fields: `${key}, ${envelope}`, faults: [] },
	{ fields: `${key}, ciphertext: "AQ I\n  D"`, faults: [] },
	{ fields: `keyId: alias/shop, ciphertext: AQ==, context: {app: shop}, bind: namespace, grantTokens: [a, b]`, faults: [] },
	{
		fields: "bind: namespace",
		faults: [
			["keyId", /is missing/],
			["ciphertext", /is missing, and so is envelope/],
		],
	},
	{ fields: `${key}, ciphertext: AQ==, ${envelope}`, faults: [["ciphertext", /stands beside envelope/]] },
	{ fields: "keyId: shop, ciphertext: AQ==", faults: [["keyId", /is "shop", which names no key/]] },
	{
		fields: `keyId: "${keyId.replace("eu-west-1", "us-west-2")}", ciphertext: AQ==`,
		faults: [["keyId", /is a key of us-west-2, and the region is eu-west-1/]],
	},
	{ fields: `${key}, ciphertext: "no base64!"`, faults: [["ciphertext", /is not base64/]] },
	{ fields: `${key}, ciphertext: AQ`, faults: [["ciphertext", /is not base64/]] },
	{ fields: `${key}, ciphertext: ""`, faults: [["ciphertext", /is empty/]] },
	{ fields: `${key}, ciphertext: [AQ==]`, faults: [["ciphertext", /is not a plain text/]] },
	{ fields: `${key}, ciphertext: ${blob(6145)}`, faults: [["ciphertext", /has 6145 bytes; KMS takes 6144/]] },
	{ fields: `${key}, envelope: text`, faults: [["envelope", /is not a mapping/]] },
	{
		fields: `${key}, envelope: {dataKey: "", iv: ${blob(16)}, tag: ${blob(12)}, mac: x}`,
		faults: [
			["envelope.dataKey", /is empty/],
			["envelope.iv", /has 16 bytes instead of 12/],
			["envelope.data", /is missing/],
			["envelope.tag", /has 12 bytes instead of 16/],
			["envelope.mac", /is not known here/],
		],
	},
	{
		fields: `${key}, ciphertext: AQ==, context: {"csi:ns": other, ok: [1]}, bind: pod`,
		faults: [
			["context.csi:ns", /begins with csi:, which only Claviger sets/],
			["context.ok", /is not a plain text/],
			["bind", /is "pod"/],
		],
	},
	{ fields: `${key}, ciphertext: AQ==, context: {a: ${"x".repeat(9000)}}`, faults: [["context", /8192 are allowed/]] },
	{ fields: `${key}, ciphertext: AQ==, bind: none`, faults: [["bind", /which the administrator does not allow/]] },
	{
		fields: `${key}, ciphertext: AQ==, grantTokens: ["", ${"a, ".repeat(10)}]`,
		faults: [
			["grantTokens", /has 11 entries; KMS takes 10/],
			["grantTokens[0]", /is empty/],
		],
	},
];

test("an entry's faults are found all at once, with their paths, in both dialects", (t) => {
	for (const { fields, faults } of cases) {
		const attempts = [
			() => readAwsEntry(`[{objectName: db, objectType: kms, ${fields}}]`),
			() => readNativeEntry(`[{name: db, store: main, service: kms, ${fields}}]`),
		];
		for (const attempt of attempts) {
			const lines = faultLines(attempt);
			t.is(lines.length, faults.length, `${fields}: ${lines.join("; ")}`);
			for (const [index, [path, message]] of faults.entries()) {
				t.true(lines[index]?.startsWith(`objects[0].${path} `), lines[index]);
				t.regex(lines[index] ?? "", message);
			}
		}
	}
});

function faultLines(attempt: () => unknown): readonly string[] {
	try {
		attempt();
		return [];
	} catch (error) {
		if (!(error instanceof ProviderError) || error.code !== "invalid") throw error;
		return error.message.split(/(?=objects\[0\]\.)/).filter((line) => line.startsWith("objects"));
	}
}

test("what only one of the dialects has is read there", (t) => {
	const sealed = `${key}, ciphertext: AQ==`;
	t.is(readAwsEntry(`[{OBJECTNAME: db, objecttype: kms, KEYID: "${keyId}", Ciphertext: AQ==, encoding: hex, unknown: 1}]`).encoding, "hex");
	t.deepEqual(
		faultLines(() => readAwsEntry(`[{objectName: db, objectType: kms, ${sealed}, encoding: rot13}]`)).map((line) => line.slice(0, 30)),
		['objects[0].encoding is "rot13"'],
	);
	t.is(readNativeEntry(`[{name: db, store: main, service: kms, ${sealed}}]`).objectName, "db");
	t.is(readNativeEntry(`[{name: db, store: main, service: kms, path: shop/db, ${sealed}}]`).objectName, "shop/db");
	t.regex(faultLines(() => readNativeEntry(`[{name: db, store: main, service: kms, path: "", ${sealed}}]`)).join(), /path is empty/);
	t.regex(
		faultLines(() => readNativeEntry(`[{name: db, store: main, service: kms, ${sealed}, encoding: hex}]`)).join(),
		/encoding is not known/,
	);
});

test("the key of the failover region is a key of that region", (t) => {
	const other = keyId.replace("eu-west-1", "us-east-1");
	const aws = (text: string, where = place) =>
		readAwsEntry(`[{objectName: db, objectType: kms, ${key}, ciphertext: AQ==, failoverObject: {keyId: "${text}"}}]`, where);
	const native = (text: string, where = place) =>
		readNativeEntry(`[{name: db, service: kms, ${key}, ciphertext: AQ==, failover: {keyId: "${text}"}}]`, where);
	for (const [read, path] of [
		[aws, "failoverObject"],
		[native, "failover"],
	] as const) {
		t.is(read(other).failoverKeyId, other);
		t.regex(
			faultLines(() => read(keyId)).join(),
			new RegExp(`${path}\\.keyId is a key of eu-west-1, and the failover region is us-east-1`),
		);
		t.regex(faultLines(() => read(other, { ...place, failoverRegion: undefined })).join(), /keyId stands without a failover region/);
	}
	t.is(readAwsEntry(`[{objectName: db, objectType: kms, keyId: "${other}", ciphertext: AQ==}]`, { ...place, region: "" }).keyId, other);
});

test("different entries have different keys, and equal ones the same", (t) => {
	const texts = [
		`${key}, ciphertext: AQ==`,
		`${key}, ciphertext: Ag==`,
		`keyId: alias/shop, ciphertext: AQ==`,
		`${key}, ciphertext: AQ==, bind: namespace`,
		`${key}, ciphertext: AQ==, context: {a: b}`,
		`${key}, ciphertext: AQ==, context: {a: b, c: d}`,
		`${key}, ciphertext: AQ==, grantTokens: [a]`,
		`${key}, ciphertext: AQ==, encoding: hex`,
		`${key}, ${envelope}`,
		`${key}, ${envelope.replace('data: ""', "data: AQ==")}`,
	];
	const keyOf = (text: string, name = "db") => readAwsEntry(`[{objectName: ${name}, objectType: kms, ${text}}]`).key;
	const keys = [...texts.map((text) => keyOf(text)), keyOf(`${key}, ciphertext: AQ==`, "other")];
	t.is(new Set(keys).size, keys.length);
	t.is(keyOf(`${key}, ciphertext: AQ==, context: {c: d, a: b}`), keyOf(`${key}, ciphertext: AQ==, context: {a: b, c: d}`));
});

test("whatever is written, the readers fault it or give a ref", (t) => {
	const scalar = fc.oneof(fc.string(), fc.constantFrom(keyId, "AQ==", "csi:ns", "none", blob(12)));
	const { node } = fc.letrec((tie) => ({
		node: fc.oneof(
			scalar,
			fc.array(tie("node"), { maxLength: 3 }),
			fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("dataKey", "iv", "data", "tag", "keyId", "__proto__")), tie("node"), {
				maxKeys: 4,
			}),
		),
	}));
	const names = [
		"keyId",
		"ciphertext",
		"envelope",
		"context",
		"bind",
		"grantTokens",
		"encoding",
		"failoverObject",
		"failover",
		"path",
	] as const;
	const entry = fc.record(Object.fromEntries(names.map((name) => [name, node])), { requiredKeys: [] });
	fc.assert(
		fc.property(entry, (fields) => {
			for (const read of [readAwsEntry, readNativeEntry]) {
				const text = JSON.stringify([{ objectName: "db", objectType: "kms", ...fields }]);
				t.notThrows(() => faultLines(() => read(text)), text);
			}
		}),
	);
});
