import { createHmac, randomBytes } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import { encodeFields } from "../../provider/shared/canonical.ts";
import { AuthenticationError, open, seal } from "../../provider/strongroom/cipher.ts";
import { joinDocument, splitDocument, textMember } from "../../provider/strongroom/document.ts";
import { combineKeys } from "../../provider/strongroom/unseal.ts";

const hex = (text: string) => Buffer.from(text, "hex");
const none = Buffer.alloc(0);

/** The Galois/Counter Mode of Operation (McGrew, Viega), appendix B. */
const gcmVectors = [
	{
		name: "case 13",
		key: "00".repeat(32),
		nonce: "00".repeat(12),
		context: "",
		plaintext: "",
		ciphertext: "",
		tag: "530f8afbc74536b9a963b4f1c4cb738b",
	},
	{
		name: "case 16",
		key: "feffe9928665731c6d6a8f9467308308".repeat(2),
		nonce: "cafebabefacedbaddecaf888",
		context: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
		plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
		ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
		tag: "76fc6ece0f4e1768cddf8853bb2d551b",
	},
];

for (const vector of gcmVectors) {
	test(`a published AES-256-GCM vector opens, and only with its whole tag: ${vector.name}`, (t) => {
		const sealed = hex(vector.nonce + vector.ciphertext + vector.tag);
		t.is(open(hex(vector.key), sealed, hex(vector.context)).toString("hex"), vector.plaintext);
		for (const length of [4, 8, 12, 15]) {
			const short = hex(vector.nonce + vector.ciphertext + vector.tag.slice(0, 2 * length));
			t.throws(() => open(hex(vector.key), short, hex(vector.context)), { instanceOf: AuthenticationError });
		}
	});
}

/** HKDF as RFC 5869 §2 defines it, from HMAC alone. */
function hkdf(material: Buffer, salt: Buffer, info: Buffer, length: number): Buffer {
	const key = createHmac("sha256", salt.length === 0 ? Buffer.alloc(32) : salt)
		.update(material)
		.digest();
	const blocks: Buffer[] = [];
	for (let index = 1; index <= Math.ceil(length / 32); index += 1) {
		const previous = blocks.at(-1) ?? none;
		blocks.push(
			createHmac("sha256", key)
				.update(Buffer.concat([previous, info, Buffer.of(index)]))
				.digest(),
		);
	}
	return Buffer.concat(blocks).subarray(0, length);
}

test("two key files combine by HKDF-SHA256 of RFC 5869", (t) => {
	const a1 = hkdf(hex("0b".repeat(22)), hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"), 42);
	t.is(a1.toString("hex"), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
	const a3 = hkdf(hex("0b".repeat(22)), none, none, 42);
	t.is(a3.toString("hex"), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
	const halves = [randomBytes(32), randomBytes(32)];
	t.deepEqual(combineKeys(halves), hkdf(Buffer.concat(halves), none, Buffer.from("store/unseal/v1"), 32));
	t.notDeepEqual(combineKeys(halves), combineKeys(halves.toReversed()));
});

test("what was sealed opens with the same key and context, and with nothing else", (t) => {
	const bytes = (options = {}) => fc.uint8Array(options).map((array) => Buffer.from(array));
	fc.assert(
		fc.property(
			bytes({ maxLength: 300 }),
			bytes({ maxLength: 40 }),
			fc.nat(),
			fc.integer({ min: 1, max: 255 }),
			(value, context, position, change) => {
				const key = randomBytes(32);
				const sealed = seal(key, value, context);
				t.deepEqual(open(key, sealed, context), value);
				const damaged = Buffer.from(sealed);
				damaged[position % sealed.length] = (sealed[position % sealed.length] ?? 0) ^ change;
				const attempts: [Buffer, Buffer, Buffer][] = [
					[key, damaged, context],
					[key, sealed.subarray(0, position % sealed.length), context],
					[key, Buffer.concat([sealed, Buffer.of(change)]), context],
					[key, sealed, Buffer.concat([context, Buffer.of(change)])],
					[randomBytes(32), sealed, context],
				];
				for (const attempt of attempts) t.throws(() => open(...attempt), { instanceOf: AuthenticationError });
			},
		),
	);
});

test("different lists of fields never have the same encoding", (t) => {
	const fields = fc.array(fc.string({ maxLength: 4, unit: fc.constantFrom("a", "b", "\0", "\u0001") }), { maxLength: 4 });
	fc.assert(
		fc.property(fields, fields, (first, second) => {
			t.is(encodeFields(first).equals(encodeFields(second)), JSON.stringify(first) === JSON.stringify(second));
		}),
		{ numRuns: 2000 },
	);
});

/** JSON objects with white space wherever JSON allows it. */
const objectText = fc
	.tuple(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 6 }), fc.constantFrom(0, 1, 2, "\t"), fc.constantFrom("", "\n", " \r\n"))
	.map(([value, indent, end]) => `${end}${JSON.stringify(value, undefined, indent)}${end}`);

test("a JSON object that is taken apart and put together is the same to the byte", (t) => {
	const fixed = ["{}", " { } \n", '{"n":12345678901234567890,"f":1.0}', '{ "a" : "}\\"," , "b":[{"c":","}] }', '{"__proto__":1}'];
	for (const text of fixed) assertRejoins(text);
	fc.assert(fc.property(objectText, assertRejoins));

	function assertRejoins(text: string): void {
		const document = splitDocument(Buffer.from(text));
		t.is(document === undefined, hasUnusualName(text), text);
		if (document === undefined) return;
		const members = document.members.map((member) => member.text);
		t.is(joinDocument(document.frame, members).toString("utf8"), text);
		t.deepEqual(document.members.map((member) => member.name).sort(), Object.keys(JSON.parse(text)).sort());
	}
});

test("a member that is replaced or added changes nothing else", (t) => {
	fc.assert(
		fc.property(objectText, fc.string({ minLength: 1, unit: "grapheme" }), fc.string(), (text, name, value) => {
			const document = splitDocument(Buffer.from(text));
			if (document === undefined) return;
			const others = document.members.filter((member) => member.name !== name);
			const joined = joinDocument(
				document.frame,
				[...others, textMember(name, value)].map((member) => member.text),
			);
			const expected: unknown = JSON.parse(text);
			Object.defineProperty(expected, name, { value, enumerable: true, configurable: true, writable: true });
			t.deepEqual(JSON.parse(joined.toString("utf8")), expected);
		}),
	);
});

test("what is no JSON object of distinct names is kept whole", (t) => {
	for (const text of ["", "[1]", "1", '"x"', "null", "{", '{"a":1,}', '{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '\u{feff}{"a":1}']) {
		t.is(splitDocument(Buffer.from(text)), undefined, text);
	}
	t.is(splitDocument(Buffer.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)), undefined);
});

function hasUnusualName(text: string): boolean {
	return Object.keys(JSON.parse(text)).some((name) => name === "" || /[\p{Cc}\p{Cs}]/u.test(name));
}
