import { createRequire } from "node:module";
import type { KMSClient } from "@aws-sdk/client-kms";
import test from "ava";
import fc from "fast-check";
import { type ErrorCode, ProviderError } from "../../../provider/errors.ts";
import { canonicalContext } from "../../../provider/sealing/binding.ts";
import { sealEnvelope } from "../../../provider/sealing/envelope.ts";
import { contextPairs } from "../../../provider/stores/aws/kms-context.ts";
import { decryptAll, inFailoverRegion, type KmsWay } from "../../../provider/stores/aws/kms-decrypt.ts";
import type { CiphertextRef } from "../../../provider/stores/aws/ref.ts";
import type { Failed, Identity, Outcome } from "../../../provider/stores/store.ts";
import { flipped, sealedEntry } from "../kms-support.ts";
import { changed, identityOf, KmsWorld, place, readAwsEntry, region, wayThrough } from "./kms-support.ts";

let world: KmsWorld;
test.before(async () => {
	world = await KmsWorld.start();
});
test.after.always(() => world.aws.stop());

test("values of every length come back byte for byte from what the command printed, in both dialects", async (t) => {
	const lengths: readonly (readonly [length: number, isEnvelope: boolean])[] = [
		[0, true],
		[1, false],
		[4095, false],
		[4096, false],
		[4097, true],
		[100_000, true],
	];
	for (const dialect of ["aws", "claviger"]) {
		for (const [length, isEnvelope] of lengths) {
			const value = Buffer.alloc(length, '\u0000\r\nÄ\ufeff%{"');
			const ref = await world.sealed(value, [...world.forWeb, "--dialect", dialect]);
			t.is(ref.envelope !== undefined, isEnvelope, `${dialect}, ${length} bytes`);
			t.true((await world.open(ref)).equals(value), `${dialect}, ${length} bytes`);
		}
	}
});

test("any bytes, any object name and any context go through", async (t) => {
	const texts = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((text) => !/\p{Cc}/u.test(text));
	const pair = fc.tuple(
		texts.filter((key) => !key.includes("=")),
		fc.string({ unit: "grapheme", maxLength: 20 }),
	);
	const names = texts.filter((name) => !name.startsWith("-"));
	await fc.assert(
		fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), names, pair, fc.boolean(), async (bytes, object, [key, value], native) => {
			fc.pre(!key.startsWith("csi:"));
			const args = [...world.forWeb.filter((text) => text !== "--object" && text !== "db/password"), `--object=${object}`];
			const dialect = native ? "claviger" : "aws";
			const ref = await world.sealed(Buffer.from(bytes), [...args, "--dialect", dialect, `--context=${key}=${value}`]);
			t.deepEqual([...ref.context], [[key, value]]);
			t.is(ref.objectName, object);
			t.deepEqual(await world.open(ref), Buffer.from(bytes));
		}),
		{ numRuns: 25 },
	);
});

test("the entry is tied to its namespace, service account, object and context", async (t) => {
	const [other, wide] = [Buffer.from("short"), Buffer.alloc(5000, "long")];
	for (const value of [other, wide]) {
		const ref = await world.sealed(value, [...world.forWeb, "--context", "app=shop"]);
		const attempts: readonly (readonly [what: string, ref: CiphertextRef, identity: Identity])[] = [
			["another namespace", ref, identityOf("office", "web", world.role)],
			["another service account", ref, identityOf("shop", "api", world.role)],
			["another object name", changed(ref, { objectName: "db/passwords" }), world.web],
			["another context", changed(ref, { context: new Map([["app", "shopping"]]) }), world.web],
			["no context", changed(ref, { context: new Map() }), world.web],
			["one more pair", changed(ref, { context: new Map([...ref.context, ["a", "b"]]) }), world.web],
			["bound more loosely", changed(ref, { bind: "namespace" }), world.web],
			["not bound", changed(ref, { bind: "none" }), world.web],
		];
		for (const [what, attempt, identity] of attempts) {
			const { code, message, remedy } = await world.refusalOf(attempt, identity);
			t.is(code, "invalid", what);
			t.true(message.includes(`The ciphertext of "${attempt.objectName}" (key ${world.keyId}`), message);
			if (attempt.bind !== "none") t.true(message.includes(`csi:ns=${identity.namespace}`), message);
			t.regex(message, /InvalidCiphertextException/);
			t.regex(remedy ?? "", /damaged, or it was sealed for another namespace, service account, object name or context.*claviger seal kms/);
		}
		t.true((await world.open(ref)).equals(value));
	}
});

test("a value for a namespace opens for each of its service accounts and nobody else", async (t) => {
	const ref = await world.sealed("for all of shop", [...world.usual, "--bind", "namespace"]);
	t.is((await world.open(ref, identityOf("shop", "any", world.role))).toString(), "for all of shop");
	t.is((await world.refusalOf(ref, identityOf("office", "any", world.role))).code, "invalid");
});

test("no byte of a ciphertext can be changed", async (t) => {
	const ref = await world.sealed("hunter2");
	for (let index = 0; index < ref.blob.length; index += 1) {
		const error = await world.refusalOf(changed(ref, { blob: flipped(ref.blob, index) }));
		t.true(["invalid", "absent"].includes(error.code), `byte ${index}: ${error.message}`);
		t.regex(error.message, /"db\/password"/);
	}
});

test("no byte of an envelope can be changed, and all share one call", async (t) => {
	const ref = await world.sealed(Buffer.alloc(5000, "long"));
	const { envelope } = ref;
	if (envelope === undefined) throw new Error("no envelope");
	const { iv, data, tag } = envelope;
	const someOfData = Array.from({ length: 50 }, (_, index) => index * 100);
	const envelopes = [
		...[...iv.keys()].map((index) => ({ iv: flipped(iv, index), data, tag })),
		...[...tag.keys()].map((index) => ({ iv, data, tag: flipped(tag, index) })),
		...someOfData.map((index) => ({ iv, data: flipped(data, index), tag })),
		{ iv, data: data.subarray(1), tag },
		{ iv, data: Buffer.alloc(0), tag },
	];
	const { role, client } = world.newRole("frugal");
	const refs = [...envelopes.map((changedEnvelope) => changed(ref, { envelope: changedEnvelope })), ref];
	const outcomes = [...(await decryptAll(refs, world.web, wayThrough(client), AbortSignal.timeout(20_000)))];
	t.is(outcomes.pop()?.kind, "found");
	for (const outcome of outcomes) {
		t.is(outcome.kind, "failed");
		if (outcome.kind === "failed")
			t.regex(outcome.error.message, /^The ciphertext of "db\/password" .* the envelope does not open with its data key/);
	}
	t.deepEqual(world.aws.counts({ role }), { Decrypt: 1 });
	const { code } = await world.refusalOf(changed(ref, { blob: (await world.sealed(Buffer.alloc(5000, "other"))).blob }));
	t.is(code, "invalid");
});

test("one that fails leaves the others alone, and what is no word of KMS's is explained by the store", async (t) => {
	const [good, long] = [await world.sealed("good"), await world.sealed(Buffer.alloc(5000, "long"))];
	const { role, client } = world.newRole("unlucky");
	const moved = changed(good, { objectName: "elsewhere" });
	const read = (refs: readonly CiphertextRef[]) => decryptAll(refs, world.web, wayThrough(client), AbortSignal.timeout(20_000));
	t.deepEqual(
		(await read([good, moved, long])).map(({ kind }) => kind),
		["found", "failed", "found"],
	);
	world.aws.fail({ role, operation: "Decrypt", times: 1, effect: { kind: "error", code: "ThrottlingException" } });
	t.is((await read([good])).map(textOf).join(), "explained by the store");
	world.aws.endSessions(role);
	t.is((await read([good])).map(textOf).join(), "explained by the store");
	const aborted = AbortSignal.abort(new ProviderError("stopped", "enough"));
	await t.throwsAsync(decryptAll([good], world.web, wayThrough(world.client), aborted), { message: "enough" });
});

function textOf(outcome: Outcome | Failed): string {
	return outcome.kind === "found" ? outcome.value.reveal().toString() : outcome.error.message;
}

test("every refusal of KMS has its own text, and withdraws the value or leaves it as it is", async (t) => {
	const ref = await world.sealed("hunter2");
	const keyInState = async (state: "Disabled" | "PendingDeletion") => {
		const keyId = await world.aws.createKey({ region });
		const sealed = await world.sealed("hunter2", ["kms", "--key-id", keyId, ...world.forWeb.slice(3)]);
		await world.aws.setKeyState(keyId, state);
		return sealed;
	};
	const powerless = world.newRole("powerless", { actions: ["kms:Encrypt"] });
	const office = world.newRole("office", { encryptionContext: { "csi:ns": "office" } });
	const gone = world.keyId.replace(/[^/]+$/, "00000000-0000-4000-8000-000000000000");
	const cases: readonly (readonly [code: ErrorCode, text: RegExp, ref: CiphertextRef, client?: KMSClient])[] = [
		["denied", /the key is disabled \(DisabledException\)\. Enable the key/, await keyInState("Disabled")],
		["denied", /scheduled for deletion.* \(KMSInvalidStateException\)\. Cancel the deletion/, await keyInState("PendingDeletion")],
		["absent", /there is no such key \(NotFoundException\)\. Check keyId/, changed(ref, { keyId: gone })],
		[
			"invalid",
			/another key than the one named.* \(IncorrectKeyException\)\. Correct keyId/,
			changed(ref, { keyId: await world.aws.createKey({ region }) }),
		],
		["denied", /the pod's role may not decrypt with the key \(AccessDeniedException\)\. Allow the role kms:Decrypt/, ref, powerless.client],
		["denied", /a condition on kms:EncryptionContext must match the context/, ref, office.client],
	];
	for (const [code, text, attempt, client] of cases) {
		const error = await world.refusalOf(attempt, world.web, client);
		t.is(error.code, code, error.text);
		t.regex(error.text, text);
		t.true(
			error.message.startsWith(`The ciphertext of "db/password" (key ${attempt.keyId}, with the context csi:v=1, csi:ns=shop, csi:sa=web`),
			error.message,
		);
	}
});

test("refusals that the emulator never makes are told apart, too", async (t) => {
	const ref = await world.sealed("hunter2");
	const { role, client } = world.newRole("faulty");
	const cases: readonly (readonly [code: ErrorCode, name: string, message?: string])[] = [
		["denied", "KMSInvalidStateException", "arn:… is pending import."],
		["denied", "KMSInvalidStateException", "arn:… is pending replica deletion."],
		["unreachable", "KMSInvalidStateException", "arn:… is Unavailable."],
		["unreachable", "KeyUnavailableException"],
		["unreachable", "DependencyTimeoutException"],
		["unreachable", "KMSInternalException"],
		["invalid", "InvalidKeyUsageException"],
		["invalid", "InvalidGrantTokenException"],
		["invalid", "ValidationException"],
	];
	for (const [code, name, message = "said by KMS"] of cases) {
		world.aws.fail({ role, times: 1, effect: { kind: "error", code: name, message } });
		const error = await world.refusalOf(ref, world.web, client);
		t.is(error.code, code, error.text);
		t.true(error.message.endsWith(`(${name}).`), error.message);
		t.false(error.text.includes(message), "what KMS wrote is not repeated");
	}
});

test("an alias serves as a key's name, but not one of another account than the role's", async (t) => {
	const ref = await world.sealed("hunter2");
	const alias = world.keyId.replace(/key\/.*/, "alias/shop");
	t.is((await world.open(changed(ref, { keyId: alias }))).toString(), "hunter2");
	t.is((await world.open(changed(ref, { keyId: "alias/shop" }))).toString(), "hunter2");
	const { role, client } = world.newRole("wanderer");
	const foreign = changed(ref, { keyId: alias.replace(/\d{12}/, "000000000000") });
	const error = await world.refusalOf(foreign, identityOf("shop", "web", role), client);
	t.is(error.code, "invalid");
	t.regex(error.text, /alias of another account.*Name the key by its ARN/);
	t.is(world.aws.count({ role }), 0);
});

test("a value that is bound to nothing, such as another tool's, opens where the administrator allows it", async (t) => {
	const bare = world.forWeb.slice(0, 5);
	const ref = await world.sealed("anybody's", [...bare, "--object", "x", "--bind", "none"]);
	t.is((await world.open(ref, identityOf("office", "any", world.role))).toString(), "anybody's");
	const { CiphertextBlob } = await world.aws.admin(
		"kms",
		"Encrypt",
		{ KeyId: world.keyId, Plaintext: Buffer.from("of a tool").toString("base64"), EncryptionContext: { app: "shop" } },
		{ region },
	);
	const text = `[{objectName: tool, objectType: kms, keyId: "${world.keyId}", ciphertext: ${CiphertextBlob}, context: {app: shop}, bind: none}]`;
	t.is((await world.open(readAwsEntry(text, { ...place, allowUnboundKms: true }))).toString(), "of a tool");
	t.throws(() => readAwsEntry(text), { message: /objects\[0\]\.bind is none, which the administrator does not allow/ });
});

test("the failover region is asked with the key that the entry names for it", async (t) => {
	const stdout = await sealedEntry(world.forWeb, "hunter2");
	const other = world.keyId.replace(region, "us-east-1");
	const ref = readAwsEntry(`${stdout}  failoverObject: {keyId: "${other}"}\n`);
	t.is(inFailoverRegion(ref)?.keyId, other);
	t.is(inFailoverRegion(await world.sealed("hunter2")), undefined);
});

test("a decrypted text stands for bytes where the entry says so", async (t) => {
	const value = Buffer.from("\u0000\u00ff binary");
	for (const encoding of ["base64", "hex"] as const) {
		const text = value.toString(encoding);
		const ref = await world.sealed(encoding === "hex" ? `${text}\n` : text);
		t.deepEqual(await world.open(changed(ref, { encoding })), value);
		const { code, message } = await world.refusalOf(changed(await world.sealed("no ~ encoding"), { encoding }));
		t.is(code, "invalid");
		t.true(message.endsWith(`the decrypted text is not ${encoding}.`), message);
		t.false(message.includes("~"));
	}
});

test("what KMS decrypted is wiped, and the values are copies of their own", async (t) => {
	const dataKey = Buffer.alloc(32, 7);
	const answers: Uint8Array[] = [];
	const way: KmsWay = {
		send: async () => {
			const Plaintext = new Uint8Array(dataKey);
			answers.push(Plaintext);
			return { Plaintext };
		},
		explain() {
			throw new Error("nothing failed");
		},
	};
	const ref = await world.sealed("hunter2");
	const context = canonicalContext(contextPairs(ref, world.web));
	const enveloped = changed(ref, { envelope: sealEnvelope(dataKey, Buffer.from("value"), context) });
	const [plain, same, value] = await decryptAll([ref, ref, enveloped], world.web, way, AbortSignal.timeout(1000));
	t.deepEqual(
		[plain, same].map((outcome) => outcome?.kind === "found" && outcome.value.reveal()),
		[dataKey, dataKey],
	);
	t.is(value?.kind === "found" && value.value.reveal().toString(), "value");
	t.deepEqual(answers, [new Uint8Array(32)]);
});

test("the provider's clients load none of the SDK's ways to find credentials", async (t) => {
	await world.open(await world.sealed("hunter2"));
	const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes("/node_modules/"));
	t.true(loaded.some((file) => file.includes("@aws-sdk/client-kms")));
	const finders = loaded.filter((file) => /credential-provider-(ini|sso|process|http|login|web-identity|imds)/.test(file));
	t.deepEqual(finders, []);
});
