import {
	createDecipheriv,
	createHash,
	createPrivateKey,
	createPublicKey,
	diffieHellman,
	generateKeyPairSync,
	type KeyObject,
} from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import {
	isSealedFor,
	maximumSealedLength,
	openSealedValue,
	parseSealedValue,
	type SealedValue,
	sealValue,
} from "../../provider/sealing/sealed-value.ts";
import { readPrivateKey, readPublicKey, type SealingKey } from "../../provider/sealing/sealing-key.ts";
import type { SealedFor } from "../../provider/sealing/workload.ts";

/** The README of the store `sealed` tells these; they were computed with another implementation (Python, cryptography). */
const vector = {
	privateKey: "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n",
	publicKey: "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAj0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8=\n-----END PUBLIC KEY-----\n",
	keyId: "SwTa_gK4BSILk_fgKKpcPSklidTgpy9H_0dqYEo8mQA",
	sealed:
		"eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSIsInR5cCI6ImNsYXZpZ2VyLXNlYWxlZC0xIiwia2lkIjoiU3dUYV9nSzRCU0lMa19mZ0tLcGNQU2tsaWRUZ3B5OUhfMGRxWUVvOG1RQSIsImF1ZCI6InNob3Avd2ViIiwic3ViIjoiZGIiLCJlcGsiOnsia3R5IjoiT0tQIiwiY3J2IjoiWDI1NTE5IiwieCI6Ik5ZQnkxalpZZ05HdTZqS2EzNUVoT0RoUjdTR2lqanQxNldYUTBzMFdZbFEifX0..AAECAwQFBgcICQoL.NiEc-7jdtA.73a4kDcGLvQ_OngLMz47nw",
	value: "hunter2",
};

const web: SealedFor = { kind: "object", namespace: "shop", serviceAccount: "web", object: "db" };

function keyOf(read: (pem: string) => SealingKey | string, pem: string): SealingKey {
	const key = read(pem);
	if (typeof key === "string") throw new Error(key);
	return key;
}

const publicKey = keyOf(readPublicKey, vector.publicKey);
const privateKey = keyOf(readPrivateKey, vector.privateKey);

function parsed(text: string): SealedValue {
	const value = parseSealedValue(text);
	if (typeof value === "string") throw new Error(value);
	return value;
}

/** What comes of a text: why it is none, or the value; undefined when the tag did not prove it. */
async function opened(text: string, key = privateKey): Promise<string | undefined> {
	const value = parseSealedValue(text);
	return typeof value === "string" ? value : (await openSealedValue(value, key))?.toString();
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Asserts that a text is refused: it never opens, and what is said of it is a clause. */
async function refused(t: ExecutionContext<unknown>, text: string, plain: string): Promise<void> {
	const value = parseSealedValue(text);
	if (typeof value === "string") t.regex(value, /^(is|has) [^.]+$/);
	else t.is(await openSealedValue(value, privateKey), undefined, `${plain} opened as ${text}`);
}

test("a value that another implementation sealed opens, and its key has the id that another one found", async (t) => {
	t.is(privateKey.id, vector.keyId);
	t.is(publicKey.id, vector.keyId);
	t.like(parsed(vector.sealed), { keyId: vector.keyId, sealedFor: web });
	t.is(await opened(vector.sealed), vector.value);
});

const number = (value: number) => Buffer.from([0, 0, value >> 8, value & 0xff]);

/** One round of Concat KDF: RFC 7518, section 4.6.2. */
function concatKdf(agreed: Buffer, algorithm: string, [partyU, partyV]: readonly [string, string], bits: number): Buffer {
	const information = [algorithm, partyU, partyV].flatMap((text) => [number(text.length), Buffer.from(text)]);
	const hash = createHash("sha256").update(Buffer.concat([number(1), agreed, ...information, number(bits)]));
	return hash.digest().subarray(0, bits / 8);
}

/** A key of the 32 bytes that RFC 7748 calls a private key, wrapped as RFC 8410 says. */
function rawPrivateKey(hex: string): KeyObject {
	return createPrivateKey({ key: Buffer.from(`302e020100300506032b656e04220420${hex}`, "hex"), format: "der", type: "pkcs8" });
}

function rawPublicKey(x: Buffer): KeyObject {
	return createPublicKey({ key: { kty: "OKP", crv: "X25519", x: x.toString("base64url") }, format: "jwk" });
}

/** Opens a sealed value step by step. */
function openByHand(text: string, key: KeyObject) {
	const [header = "", , iv = "", data = "", tag = ""] = text.split(".");
	const { epk, ...fields } = JSON.parse(Buffer.from(header, "base64url").toString());
	const agreed = diffieHellman({ privateKey: key, publicKey: createPublicKey({ key: epk, format: "jwk" }) });
	const dataKey = concatKdf(agreed, "A256GCM", ["", ""], 256);
	const decipher = createDecipheriv("aes-256-gcm", dataKey, Buffer.from(iv, "base64url"), { authTagLength: 16 });
	decipher.setAAD(Buffer.from(header, "ascii")).setAuthTag(Buffer.from(tag, "base64url"));
	const value = Buffer.concat([decipher.update(data, "base64url"), decipher.final()]).toString();
	return {
		fields,
		agreed: agreed.toString("hex"),
		dataKey: dataKey.toString("hex"),
		iv: Buffer.from(iv, "base64url").toString("hex"),
		value,
	};
}

test("the steps are those of the RFCs, by their own examples", (t) => {
	// RFC 7748, section 6.1, and RFC 8037, appendix A.6: Bob's private key and Alice's public one.
	const bob = rawPrivateKey("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
	const alice = rawPublicKey(Buffer.from("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", "hex"));
	const agreed = diffieHellman({ privateKey: bob, publicKey: alice }).toString("hex");
	t.is(agreed, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	// RFC 7518, appendix C.
	const value = Buffer.from("9e56d91d817135d372834283bf84269cfb316ea3da806a48f6daa7798cfe90c4", "hex");
	t.is(concatKdf(value, "A128GCM", ["Alice", "Bob"], 128).toString("base64url"), "VqqN6vgjbSBcIijNcacQGg");
});

test("what is sealed here opens by the RFCs' steps, one by one", async (t) => {
	const text = await sealValue(Buffer.from("hunter2"), publicKey, web);
	const { fields, value } = openByHand(text, createPrivateKey(vector.privateKey));
	t.deepEqual(fields, { alg: "ECDH-ES", enc: "A256GCM", typ: "claviger-sealed-1", kid: vector.keyId, aud: "shop/web", sub: "db" });
	t.is(value, "hunter2");
});

test("the README's vector is right in every line, so that another implementation can be checked by it", (t) => {
	const readme = readFileSync(join(import.meta.dirname, "../../provider/stores/sealed/README.md"), "utf8");
	const lines = new Map([...readme.matchAll(/^\| ([^|]+?) \| `([^`]+)` \|$/gm)].map(([, name = "", text = ""]) => [name, text]));
	const line = (name: string) => lines.get(name) ?? `there is no line ${name}`;
	const [own, oneTime] = [rawPrivateKey(line("private key, 32 bytes")), rawPrivateKey(line("one-time private key"))];
	const sealed = /^eyJ\S+$/m.exec(readme)?.[0] ?? "";
	const header = /^`(\{"alg".*\})`$/m.exec(readme)?.[1] ?? "";
	t.is(sealed, vector.sealed);
	t.is(Buffer.from(sealed.split(".")[0] ?? "", "base64url").toString(), header);
	t.is(own.export({ type: "pkcs8", format: "pem" }), vector.privateKey);
	t.is(createPublicKey(own).export({ format: "jwk" }).x, Buffer.from(line("public key"), "hex").toString("base64url"));
	t.is(line("`kid`"), vector.keyId);
	t.is(createPublicKey(oneTime).export({ format: "jwk" }).x, JSON.parse(header).epk.x);
	const opened = openByHand(sealed, own);
	t.is(opened.agreed, line("agreed value"));
	t.is(opened.dataKey, line("key of the data"));
	t.is(opened.iv, line("iv"));
	t.is(opened.value, line("value"));
});

test("every character of a sealed value counts: changed, left out or doubled, it opens no more", async (t) => {
	const text = await sealValue(Buffer.from("hunter2 is long enough"), publicKey, web);
	for (const [index, character] of [...text].entries()) {
		const [before, after] = [text.slice(0, index), text.slice(index + 1)];
		const next = alphabet[(alphabet.indexOf(character) + 1) % alphabet.length] ?? "A";
		const flipped = String.fromCharCode(character.charCodeAt(0) ^ 1);
		for (const other of [next, flipped, "", character + character, " "]) {
			const changed = before + other + after;
			if (changed !== text) await refused(t, changed, `character ${index}`);
		}
	}
});

test("every bit of every part counts", async (t) => {
	const text = await sealValue(Buffer.from("hunter2"), publicKey, web);
	const parts = text.split(".");
	for (const [part, written] of parts.entries()) {
		const bytes = Buffer.from(written, "base64url");
		for (let bit = 0; bit < bytes.length * 8; bit += 1) {
			const changed = Buffer.from(bytes);
			changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
			await refused(t, parts.with(part, changed.toString("base64url")).join("."), `part ${part}, bit ${bit}`);
		}
	}
});

test("a header of another's making is refused, though its tag be right", async (t) => {
	const header = {
		alg: "ECDH-ES",
		enc: "A256GCM",
		typ: "claviger-sealed-1",
		kid: "k".repeat(43),
		aud: "shop/web",
		epk: { kty: "OKP", crv: "X25519", x: "A".repeat(43) },
	};
	const form = (fields: object) => `${Buffer.from(JSON.stringify(fields)).toString("base64url")}..${"A".repeat(16)}.AA.${"A".repeat(22)}`;
	t.is(typeof parseSealedValue(form(header)), "object", "the header that the others differ from");
	const unusual = /^has a header that sealing does not make$/;
	const cases: readonly (readonly [fields: object, expected: RegExp])[] = [
		[{ ...header, typ: "claviger-sealed-2" }, /^is of another format than claviger-sealed-1$/],
		[{ ...header, typ: undefined }, /another format/],
		[{ ...header, alg: "ECDH-ES+A256KW" }, unusual],
		[{ ...header, alg: "dir" }, unusual],
		[{ ...header, enc: "A128CBC-HS256" }, unusual],
		[{ ...header, zip: "DEF" }, unusual],
		[{ ...header, crit: ["exp"], exp: 1 }, unusual],
		[{ ...header, apu: "QQ" }, unusual],
		[{ ...header, kid: 1 }, unusual],
		[{ ...header, kid: "k" }, unusual],
		[{ ...header, aud: "shop" }, unusual],
		[{ ...header, aud: "shop/" }, unusual],
		[{ ...header, aud: "shop/web/x" }, unusual],
		[{ ...header, aud: "shop/*", sub: "db" }, unusual],
		[{ ...header, aud: ["shop/web"] }, unusual],
		[{ ...header, aud: undefined }, unusual],
		[{ ...header, sub: {} }, unusual],
		[{ ...header, epk: { ...header.epk, crv: "X448" } }, unusual],
		[{ ...header, epk: { ...header.epk, kty: "EC" } }, unusual],
		[{ ...header, epk: { ...header.epk, d: "AA" } }, unusual],
		[{ ...header, epk: { ...header.epk, x: "AA" } }, unusual],
		[{ ...header, epk: "x" }, unusual],
		[[], /^is no sealed value, or is damaged$/],
	];
	for (const [fields, expected] of cases) {
		const problem = parseSealedValue(form(fields));
		t.regex(typeof problem === "string" ? problem : "accepted", expected, JSON.stringify(fields));
	}
	// A one-time key of small order agrees on nothing but zeros with every key (RFC 7748, section 6.1).
	t.is(await opened(form(header)), undefined);
	t.regex(String(parseSealedValue("A".repeat(maximumSealedLength + 1))), /^is longer than/);
});

test("a value opens for its own key alone", async (t) => {
	const { privateKey: other } = generateKeyPairSync("x25519");
	const text = await sealValue(Buffer.from("hunter2"), publicKey, web);
	t.is(await opened(text, { id: publicKey.id, key: other }), undefined);
	t.is(await opened(text), "hunter2");
});

const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const kind = fc.constantFrom("object", "serviceAccount", "namespace" as const);
const sealedFor: fc.Arbitrary<SealedFor> = fc
	.record({ kind, namespace: name, serviceAccount: name, object: fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,20}$/) })
	.map((binding) => ({
		...binding,
		serviceAccount: binding.kind === "namespace" ? "" : binding.serviceAccount,
		object: binding.kind === "object" ? binding.object : "",
	}));

test("whatever is sealed opens as it was, and for whom it was sealed", async (t) => {
	await fc.assert(
		fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), sealedFor, async (bytes, binding) => {
			const sealed = parsed(await sealValue(Buffer.from(bytes), publicKey, binding));
			t.deepEqual(sealed.sealedFor, binding);
			return (await openSealedValue(sealed, privateKey))?.equals(bytes) ?? false;
		}),
		{ numRuns: 2000 },
	);
});

test("a value is for other pods only where it was sealed for their whole namespace", async (t) => {
	await fc.assert(
		fc.asyncProperty(sealedFor, name, name, async (binding, namespace, serviceAccount) => {
			const sealed = parsed(await sealValue(Buffer.from("x"), publicKey, binding));
			const expected = namespace === binding.namespace && (binding.kind === "namespace" || serviceAccount === binding.serviceAccount);
			return (
				isSealedFor(sealed, { namespace, serviceAccount }) === expected &&
				isSealedFor(sealed, { ...binding, serviceAccount: binding.serviceAccount || "any" })
			);
		}),
		{ numRuns: 2000 },
	);
	t.pass();
});

test("ten thousand damaged values: none opens, none throws", async (t) => {
	const text = await sealValue(Buffer.from("hunter2"), publicKey, web);
	const damage = fc.array(fc.tuple(fc.nat(text.length - 1), fc.constantFrom(...alphabet, ".", "=", " ", "é")), {
		minLength: 1,
		maxLength: 4,
	});
	await fc.assert(
		fc.asyncProperty(damage, async (changes) => {
			const characters = [...text];
			for (const [index, character] of changes) characters[index] = character;
			const changed = characters.join("");
			const value = parseSealedValue(changed);
			return changed === text || typeof value === "string" || (await openSealedValue(value, privateKey)) === undefined;
		}),
		{ numRuns: 10_000 },
	);
	t.pass();
});

test("a key file that holds another kind of key, or the wrong half, is told apart", (t) => {
	const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
	const signing = generateKeyPairSync("ed25519");
	const pem = { type: "pkcs8", format: "pem" } as const;
	t.is(readPublicKey(vector.privateKey), "holds a private key, which belongs to the provider alone");
	t.is(readPrivateKey(vector.publicKey), "is no private key in PEM");
	t.is(readPrivateKey(rsa.privateKey.export(pem).toString()), "holds a key of rsa; only X25519 seals values");
	t.is(
		readPublicKey(signing.publicKey.export({ type: "spki", format: "pem" }).toString()),
		"holds a key of ed25519; only X25519 seals values",
	);
	t.is(readPublicKey("nothing"), "is no public key in PEM");
	t.is(
		readPrivateKey(signing.privateKey.export({ ...pem, cipher: "aes-256-cbc", passphrase: "x" }).toString()),
		"is no private key in PEM",
	);
});
