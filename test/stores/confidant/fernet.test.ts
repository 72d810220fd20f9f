import { createCipheriv, createHmac, randomBytes } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import { openFernet, readFernetKey } from "../../../provider/stores/confidant/fernet.ts";
import { fernetKeyText, sealFernet } from "../../servers/confidant/fernet.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The key of all vectors of the Fernet specification. */
const specificationKey = keyOf("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");

function keyOf(text: string): Buffer {
	const key = readFernetKey(text);
	if (key === undefined) throw new Error("no key");
	return key;
}

test("the specification's token opens", (t) => {
	const token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
	t.is(openFernet(specificationKey, token)?.toString(), "hello");
});

// Those of its tokens that are too old or too new are not among them: a credential has no age.
for (const [what, token] of [
	["with an incorrect digest", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ=="],
	["that is too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=="],
	["in invalid base64", "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q=="],
	["of no whole blocks", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm"],
	["with an error of padding", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw=="],
	["with an incorrect IV", "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ=="],
	["of another version", "gQAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLKY7covSkDHw9ma-418Z5yfJ0bAi-R_TUVpW6VSXlO8JA=="],
	["that is empty", ""],
] as const) {
	test(`the specification's token ${what} does not open`, (t) => {
		t.is(openFernet(specificationKey, token), undefined);
	});
}

test("whatever is sealed opens with its key, and with no other", (t) => {
	fc.assert(
		fc.property(fc.string({ unit: "grapheme" }), (plaintext) => {
			const [key, other] = [randomBytes(32), randomBytes(32)];
			const token = sealFernet(key, plaintext);
			t.is(openFernet(keyOf(fernetKeyText(key)), token)?.toString(), plaintext);
			t.is(openFernet(other, token), undefined);
		}),
	);
});

test("no token opens in which one bit is flipped, one character is another, or one is missing", (t) => {
	const key = randomBytes(32);
	const token = sealFernet(key, "hunter2 of 33 characters, to fill blocks");
	const bytes = Buffer.from(token, "base64url");
	for (let bit = 0; bit < bytes.length * 8; bit += 1) {
		const flipped = Buffer.from(bytes);
		flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
		t.is(openFernet(key, fernetKeyText(flipped)), undefined, `bit ${bit}`);
	}
	for (const [index, character] of [...token].entries()) {
		const strangers = [...alphabet].filter((other) => other !== character);
		t.false(
			strangers.some((other) => openFernet(key, `${token.slice(0, index)}${other}${token.slice(index + 1)}`) !== undefined),
			`character ${index}`,
		);
		if (character !== "=") t.is(openFernet(key, token.slice(0, index) + token.slice(index + 1)), undefined, `without character ${index}`);
	}
});

test("a digest that fits is looked at before anything is decrypted, and does not make bad padding good", (t) => {
	const key = randomBytes(32);
	const cipher = createCipheriv("aes-128-cbc", key.subarray(16), Buffer.alloc(16)).setAutoPadding(false);
	const signed = Buffer.concat([Buffer.from([0x80]), Buffer.alloc(24), cipher.update(Buffer.alloc(16)), cipher.final()]);
	const digest = createHmac("sha256", key.subarray(0, 16)).update(signed).digest();
	t.is(openFernet(key, fernetKeyText(Buffer.concat([signed, digest]))), undefined);
});

test("a key is 32 bytes of base64url", (t) => {
	const key = randomBytes(32);
	t.deepEqual(readFernetKey(fernetKeyText(key)), key);
	for (const text of ["", "short", fernetKeyText(randomBytes(31)), fernetKeyText(randomBytes(33)), `${fernetKeyText(key)} `])
		t.is(readFernetKey(text), undefined, text);
});
