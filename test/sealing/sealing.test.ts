import test from "ava";
import fc from "fast-check";
import {
	type Binding,
	bindings,
	canonicalContext,
	contextOf,
	describeContext,
	pairProblem,
	pairsProblem,
} from "../../provider/sealing/binding.ts";
import { type Envelope, openEnvelope, sealEnvelope } from "../../provider/sealing/envelope.ts";
import { readKmsKeyName } from "../../provider/sealing/kms-key.ts";

const counting = (length: number) => Buffer.from(Array.from({ length }, (_, index) => index));

/** The README of the store `aws` tells these; the bytes were computed with another implementation (Python, cryptography). */
const vector = {
	context: new Map([
		["csi:v", "1"],
		["csi:ns", "shop"],
		["csi:sa", "web"],
		["csi:object", "db-password"],
		["app", "shop"],
	]),
	canonical:
		"0000000b00000017636c617669676572207365616c65642076616c75652031000000036170700000000473686f70000000066373693a6e730000000473686f700000000a6373693a6f626a6563740000000b64622d70617373776f7264000000066373693a736100000003776562000000056373693a760000000131",
	dataKey: counting(32),
	envelope: {
		iv: counting(12),
		data: Buffer.from("2f77b86fa097f0", "hex"),
		tag: Buffer.from("2aca3dc5d78fbd2e5deadc7b71597cfd", "hex"),
	},
	value: "hunter2",
};

const shop: Binding = {
	kind: "serviceAccount",
	namespace: "shop",
	serviceAccount: "web",
	object: "db-password",
	pairs: new Map([["app", "shop"]]),
};

test("context, canonical context and envelope are what the README says", (t) => {
	t.deepEqual([...contextOf(shop)], [...vector.context]);
	t.is(canonicalContext(contextOf(shop)).toString("hex"), vector.canonical);
	t.is(openEnvelope(vector.dataKey, vector.envelope, canonicalContext(vector.context))?.toString(), vector.value);
});

test("each way to bind has a context of its own", (t) => {
	const keys = bindings.map((kind) => [...contextOf({ ...shop, kind }).keys()]);
	t.deepEqual(keys, [["csi:v", "csi:ns", "csi:sa", "csi:object", "app"], ["csi:v", "csi:ns", "csi:object", "app"], ["app"]]);
});

const pairs = fc.uniqueArray(fc.tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })), { selector: ([key]) => key });

test("different contexts have different bytes, and the order of pairs makes none", (t) => {
	const shuffledPairs = pairs.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
	fc.assert(
		fc.property(shuffledPairs, ([list, shuffled]) => {
			return canonicalContext(new Map(list)).equals(canonicalContext(new Map(shuffled)));
		}),
	);
	fc.assert(
		fc.property(pairs, pairs, (one, other) => {
			const isSame = JSON.stringify([...one].sort()) === JSON.stringify([...other].sort());
			return canonicalContext(new Map(one)).equals(canonicalContext(new Map(other))) === isSame;
		}),
	);
	t.pass();
});

test("an envelope opens with its key and context only, and not with any bit changed", (t) => {
	fc.assert(
		fc.property(
			fc.uint8Array({ maxLength: 200 }),
			fc.uint8Array(),
			fc.nat(),
			fc.integer({ min: 0, max: 7 }),
			(bytes, context, place, bit) => {
				const [key, value] = [Buffer.from(vector.dataKey), Buffer.from(bytes)];
				const envelope = sealEnvelope(key, value, Buffer.from(context));
				t.true(openEnvelope(key, envelope, Buffer.from(context))?.equals(value));
				t.is(openEnvelope(key, envelope, Buffer.concat([Buffer.from(context), Buffer.of(0)])), undefined);
				t.is(openEnvelope(Buffer.alloc(32), envelope, Buffer.from(context)), undefined);
				for (const part of ["iv", "data", "tag"] as const) {
					const changed: Envelope = { ...envelope, [part]: flipBit(envelope[part], place, bit) };
					if (envelope[part].length > 0) t.is(openEnvelope(key, changed, Buffer.from(context)), undefined, part);
				}
			},
		),
	);
});

test("an envelope with parts of another length does not open", (t) => {
	const context = canonicalContext(vector.context);
	const { iv, data, tag } = vector.envelope;
	for (const envelope of [
		{ iv, data, tag: tag.subarray(0, 12) },
		{ iv, data, tag: tag.subarray(0, 4) },
		{ iv: Buffer.concat([iv, iv]), data, tag },
	])
		t.is(openEnvelope(vector.dataKey, envelope, context), undefined);
	t.is(openEnvelope(vector.dataKey.subarray(16), vector.envelope, context), undefined);
});

function flipBit(bytes: Buffer, place: number, bit: number): Buffer {
	const changed = Buffer.from(bytes);
	if (changed.length > 0) changed.writeUInt8(changed.readUInt8(place % changed.length) ^ (1 << bit), place % changed.length);
	return changed;
}

test("pairs of the author's cannot pass for ours, and fit", (t) => {
	const problems: readonly (readonly [key: string, value: string, problem: RegExp | undefined])[] = [
		["app", "shop", undefined],
		["Ä pair", "", undefined],
		["", "x", /no key/],
		["csi:ns", "other", /only Claviger/],
		["csi:", "x", /only Claviger/],
		["a\nb", "x", /control character/],
		["a", "\ud800", /surrogate/],
		["\udc00", "x", /surrogate/],
	];
	for (const [key, value, problem] of problems) {
		if (problem === undefined) t.is(pairProblem(key, value), undefined);
		else t.regex(pairProblem(key, value) ?? "", problem);
	}
	t.is(pairsProblem("db", new Map([["app", "x".repeat(7700)]])), undefined);
	t.regex(pairsProblem("db", new Map([["app", "x".repeat(8000)]])) ?? "", /8192 are allowed/);
	t.regex(pairsProblem("d".repeat(8192), new Map()) ?? "", /8192/);
});

test("a context is told on one line, whatever is in it", (t) => {
	t.is(describeContext(vector.context), "csi:v=1, csi:ns=shop, csi:sa=web, csi:object=db-password, app=shop");
	t.is(describeContext(new Map([["a b", "x\u001b[31m\n"]])), '"a b"="x\\u001b[31m\\n"');
	t.true(describeContext(new Map([["a", "x".repeat(5000)]])).length <= 500);
});

const id = "1234abcd-12ab-34cd-56ef-1234567890ab";
const replicated = `mrk-${"1234abcd".repeat(4)}`;

test("keys of KMS are known by id, alias and ARN", (t) => {
	const names: readonly (readonly [text: string, name: ReturnType<typeof readKmsKeyName>])[] = [
		[id, { kind: "key", region: undefined, account: undefined }],
		[replicated, { kind: "key", region: undefined, account: undefined }],
		["alias/shop/db", { kind: "alias", region: undefined, account: undefined }],
		[`arn:aws:kms:eu-west-1:111122223333:key/${id}`, { kind: "key", region: "eu-west-1", account: "111122223333" }],
		[`arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/${replicated}`, { kind: "key", region: "us-gov-west-1", account: "111122223333" }],
		["arn:aws-cn:kms:cn-north-1:111122223333:alias/db", { kind: "alias", region: "cn-north-1", account: "111122223333" }],
	];
	for (const [text, name] of names) t.deepEqual(readKmsKeyName(text), name, text);
	const others = [
		"",
		"db",
		"key/",
		`key/${id}`,
		"alias/",
		"alias/a b",
		id.slice(1),
		`arn:aws:kms:eu-west-1:111122223333:${id}`,
		`arn:aws:kms:eu-west-1:1:key/${id}`,
		`arn:aws:kms:evil.example/:111122223333:key/${id}`,
		"arn:aws:secretsmanager:eu-west-1:111122223333:secret:db",
	];
	for (const text of others) t.is(readKmsKeyName(text), undefined, text);
});
