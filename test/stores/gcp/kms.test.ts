import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import test from "ava";
import fc from "fast-check";
import type { ErrorCode } from "../../../provider/errors.ts";
import { additionalData } from "../../../provider/sealing/crypto-key.ts";
import { workloadBindings } from "../../../provider/sealing/workload.ts";
import { type CiphertextRef, makeCiphertextRef } from "../../../provider/stores/gcp/ciphertext-ref.ts";
import { crc32c } from "../../servers/gcp/crc32c.ts";
import { pool, webMember } from "../../servers/gcp/servers-support.ts";
import { flipped } from "../kms-support.ts";
import { KmsWorld, keyName, readGcpEntry } from "./kms-support.ts";

const directory = mkdtempSync(join(tmpdir(), "clv-gcp-kms-"));
let world: KmsWorld;
test.before(async () => {
	world = await KmsWorld.start(directory);
});
test.after.always(async () => {
	await world?.site.gcp.stop();
	rmSync(directory, { recursive: true, force: true });
});

test("values of every length come back byte for byte from what the command printed, in both dialects", async (t) => {
	for (const dialect of ["gcp", "claviger"]) {
		for (const length of [0, 1, 4097, 65_536]) {
			const value = Buffer.alloc(length, '\u0000\r\nÄ\ufeff%{"');
			const ref = await world.sealed(value, [...world.forWeb, "--dialect", dialect]);
			t.deepEqual([ref.keyName, ref.bind, ref.objectName], [keyName, "object", "db/password"]);
			t.true((await world.open(ref)).equals(value), `${dialect}, ${length} bytes`);
		}
	}
});

test("any bytes go through as any file", async (t) => {
	const files = fc
		.string({ unit: "grapheme", minLength: 1, maxLength: 20 })
		.filter((text) => /^[^-./\p{Cc}\p{Cs}][^./\p{Cc}\p{Cs}]*$/u.test(text));
	await fc.assert(
		fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), files, fc.boolean(), async (bytes, file, native) => {
			const args = [...world.forWeb.slice(0, -1), file, "--dialect", native ? "claviger" : "gcp"];
			const ref = await world.sealed(Buffer.from(bytes), args);
			t.is(ref.objectName, file);
			t.deepEqual(await world.open(ref), Buffer.from(bytes));
		}),
		{ numRuns: 15 },
	);
});

test("an entry is tied to its namespace, service account, object and binding", async (t) => {
	const ref = await world.sealed("hunter2");
	const wide = await world.sealed("shop's", [...world.forWeb.slice(0, 5), "--object", "db/password", "--bind", "namespace"]);
	const plain = await world.sealed("web's", [...world.forWeb, "--bind", "serviceAccount"]);
	const attempts: readonly (readonly [what: string, ref: CiphertextRef, account: string])[] = [
		["another namespace", ref, "office/web"],
		["another service account", ref, "shop/api"],
		["another object name", makeCiphertextRef({ ...ref, objectName: "db/passwords" }), "shop/web"],
		["bound more loosely", makeCiphertextRef({ ...ref, bind: "serviceAccount" }), "shop/web"],
		["bound to the namespace", makeCiphertextRef({ ...ref, bind: "namespace" }), "shop/web"],
		["not bound", makeCiphertextRef({ ...ref, bind: "none" }), "shop/web"],
		["another account of one that is for any object", plain, "shop/api"],
		["another namespace of one that is for a whole one", wide, "office/web"],
	];
	for (const [what, attempt, account] of attempts) {
		const { code, message, remedy } = await world.refusalOf(attempt, account);
		const [namespace = "", serviceAccount = ""] = account.split("/");
		const aad = additionalData({ kind: attempt.bind, namespace, serviceAccount, object: attempt.objectName }).toString();
		const shown = aad === "" ? "without additional data" : `with the additional data "${aad}"`;
		t.is(code, "invalid", what);
		t.is(
			message,
			`The ciphertext of "${attempt.objectName}" (key ${keyName}, ${shown}): it does not open with this key and this additional data (INVALID_ARGUMENT).`,
		);
		t.regex(remedy ?? "", /Either it is damaged, or it was sealed with another key, .*claviger seal gcp/);
	}
	t.is((await world.open(ref)).toString(), "hunter2");
	t.is((await world.open(makeCiphertextRef({ ...plain, objectName: "elsewhere" }))).toString(), "web's");
	t.is((await world.open(wide, "shop/api")).toString(), "shop's");
});

test("a flipped bit anywhere is refused, naming the object", async (t) => {
	const ref = await world.sealed("some value");
	await fc.assert(
		fc.asyncProperty(fc.nat({ max: ref.ciphertext.length - 1 }), async (index) => {
			const { code, message } = await world.refusalOf(makeCiphertextRef({ ...ref, ciphertext: flipped(ref.ciphertext, index) }));
			t.is(code, "invalid");
			t.true(message.startsWith('The ciphertext of "db/password" '), message);
		}),
		{ numRuns: 40 },
	);
});

test("what gcloud encrypted for a service account is opened with the usual entry, for that account alone", async (t) => {
	const text = world.site.gcp.keys.encrypt(keyName, "made elsewhere", "ns=shop,sa=web").toString("base64");
	const entry = `- resourceName: ${keyName}\n  path: f\n  ciphertext: |\n    ${text.slice(0, 20)}\n    ${text.slice(20)}\n`;
	t.is((await world.open(readGcpEntry(entry))).toString(), "made elsewhere");
	t.is((await world.refusalOf(readGcpEntry(entry), "shop/api")).code, "invalid");
});

test("a value with data of its author's is opened where the administrator allows it", async (t) => {
	for (const aad of ["", "app=shop, ü"]) {
		const more = aad === "" ? [] : ["--aad", aad];
		const ref = await world.sealed("anybody's", [...world.usual, "--object", "any", "--bind", "none", ...more]);
		for (const account of ["shop/web", "office/web"]) t.is((await world.open(ref, account)).toString(), "anybody's");
	}
});

test.serial("one call of Cloud KMS opens a value, at the endpoint for all locations", async (t) => {
	const { gcp } = world.site;
	const ref = await world.sealed("hunter2");
	await world.open(ref);
	gcp.reset();
	await world.open(ref);
	const calls = gcp.calls();
	t.deepEqual(
		calls.map(({ operation, host, principal }) => [operation, host, principal]),
		[["kms.decrypt", "cloudkms.googleapis.com", webMember]],
	);
});

test.serial("ciphertext and additional data go to Cloud KMS with their checksums", async (t) => {
	const bodies: string[] = [];
	const server = createServer(async (request, response) => {
		bodies.push(await text(request));
		response.end(JSON.stringify({ plaintext: "aGk=", plaintextCrc32c: crc32c(Buffer.from("hi")) }));
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	t.teardown(() => server.close());
	const address = server.address();
	if (address === null || typeof address === "string") throw new Error("no port");
	const ciphertext = Buffer.from("some ciphertext");
	const ref = makeCiphertextRef({ keyName, ciphertext, bind: "serviceAccount", additionalText: "", objectName: "db" });
	const session = await world.connect("shop/web", { cloudkms: `http://127.0.0.1:${address.port}` });
	const [outcome] = await session.read([ref], AbortSignal.timeout(20_000));
	t.is(outcome?.kind, "found");
	t.deepEqual(
		bodies.map((body) => JSON.parse(body)),
		[
			{
				ciphertext: ciphertext.toString("base64"),
				ciphertextCrc32c: crc32c(ciphertext),
				additionalAuthenticatedData: Buffer.from("ns=shop,sa=web").toString("base64"),
				additionalAuthenticatedDataCrc32c: crc32c(Buffer.from("ns=shop,sa=web")),
			},
		],
	);
});

test.serial("an answer whose checksum does not fit, or is missing, is no value", async (t) => {
	const { gcp } = world.site;
	const ref = await world.sealed("hunter2");
	const alterations: readonly (readonly [alter: (body: object) => object | string, says: RegExp])[] = [
		[(body) => ({ ...body, plaintextCrc32c: "1" }), /its checksum does not fit its plaintext/],
		[(body) => ({ ...body, plaintextCrc32c: undefined }), /its checksum does not fit its plaintext/],
		[(body) => ({ ...body, plaintext: Buffer.from("hunter3").toString("base64") }), /its checksum does not fit its plaintext/],
		[() => ({}), /its checksum does not fit its plaintext/],
		[(body) => ({ ...body, plaintext: "%" }), /it holds no plaintext/],
		[() => "<html>", /it holds no plaintext/],
	];
	for (const [alter, says] of alterations) {
		const end = gcp.faults.add({ kind: "alter", alter }, { operation: "kms.decrypt" });
		const error = await world.refusalOf(ref);
		end();
		t.is(error.code, "unreachable");
		t.regex(error.message, says);
		t.false(error.text.includes("hunter"));
	}
	t.is((await world.open(ref)).toString(), "hunter2");
});

test.serial("whatever Cloud KMS says of the key has its meaning and its remedy", async (t) => {
	const { gcp } = world.site;
	const fragile = keyName.replace(/app$/, "fragile");
	gcp.keys.add(fragile);
	const ref = await world.sealed("hunter2", ["gcp", "--key", fragile, ...world.forWeb.slice(3)]);
	const failing = (fault: Parameters<typeof gcp.faults.add>[0]) => () => gcp.faults.add(fault, { operation: "kms.decrypt" });
	const inState = (state: Parameters<typeof gcp.keys.setState>[2]) => () => {
		gcp.keys.setState(fragile, 1, state);
		return () => gcp.keys.setState(fragile, 1, "ENABLED");
	};
	const cases: readonly (readonly [title: string, begin: () => () => void, code: ErrorCode, says: RegExp, remedy: RegExp])[] = [
		[
			"no right",
			() => {
				gcp.iam.revoke(webMember);
				return () => gcp.iam.allow(webMember, "roles/cloudkms.cryptoKeyDecrypter", "projects/my-proj");
			},
			"denied",
			/Cloud KMS does not let service account shop\/web decrypt with the key \(PERMISSION_DENIED/,
			new RegExp(
				`gcloud kms keys add-iam-policy-binding fragile --keyring shop --location europe-west3 --project my-proj --role roles/cloudkms.cryptoKeyDecrypter --member "serviceAccount:${pool}\\[shop/web\\]"`,
			),
		],
		[
			"disabled",
			inState("DISABLED"),
			"denied",
			/is disabled, or is to be destroyed \(FAILED_PRECONDITION, KEY_DISABLED\)/,
			/versions list --key fragile/,
		],
		["to be destroyed", inState("DESTROY_SCHEDULED"), "denied", /is disabled, or is to be destroyed/, /Enable or restore it/],
		["destroyed", inState("DESTROYED"), "absent", /the version of the key that encrypted it is destroyed/, /seal the value anew/],
		["gone", () => () => {}, "absent", /there is no such key \(NOT_FOUND\)/, /gcloud kms keys versions list --key none/],
		[
			"limited",
			failing({ kind: "error", status: "RESOURCE_EXHAUSTED" }),
			"unreachable",
			/limits the rate .*RESOURCE_EXHAUSTED/,
			/asked again/,
		],
		["broken", failing({ kind: "error", status: "INTERNAL" }), "unreachable", /could not decrypt it \(INTERNAL\)/, /asked again/],
		[
			"off",
			failing({ kind: "error", status: "PERMISSION_DENIED", reason: "SERVICE_DISABLED" }),
			"unreachable",
			/Cloud KMS is switched off for the project/,
			/gcloud services enable cloudkms/,
		],
		["cut", failing({ kind: "reset" }), "unreachable", /cloudkms\.googleapis\.com/, /^/],
	];
	for (const [title, begin, code, says, remedy] of cases) {
		const end = begin();
		const asked = title === "gone" ? makeCiphertextRef({ ...ref, keyName: keyName.replace(/app$/, "none") }) : ref;
		const error = await world.refusalOf(asked);
		end();
		t.is(error.code, code, `${title}: ${error.message}`);
		const beginning = `The ciphertext of "db/password" (key ${asked.keyName}, with the additional data "ns=shop,sa=web,object=db/password"): `;
		t.true(error.message.startsWith(beginning), error.message);
		t.regex(error.message, says, title);
		t.regex(error.remedy ?? "", remedy, title);
	}
	t.is((await world.open(ref)).toString(), "hunter2");
	gcp.keys.add(fragile);
	t.is((await world.open(ref)).toString(), "hunter2", "a key that has been rotated opens what it encrypted before");
});

test("no two bindings have the same additional data", (t) => {
	const name = fc.stringMatching(/^[a-z0-9](?:[a-z0-9.-]{0,6}[a-z0-9])?$/);
	const object = fc.oneof(fc.constantFrom("db", "a,sa=b", "x,object=y", "ns=shop"), fc.string());
	const binding = fc.record({
		kind: fc.constantFrom(...workloadBindings.filter((kind) => kind !== "none")),
		namespace: name.map((text) => text.replaceAll(".", "-")),
		serviceAccount: name,
		object,
	});
	fc.assert(
		fc.property(binding, binding, (one, other) => {
			const parts = ({ kind, namespace, serviceAccount, object: named }: typeof one) => [
				kind,
				namespace,
				...(kind === "namespace" ? [] : [serviceAccount]),
				...(kind === "object" ? [named] : []),
			];
			const same = JSON.stringify(parts(one)) === JSON.stringify(parts(other));
			t.is(additionalData(one).equals(additionalData(other)), same);
		}),
	);
});
