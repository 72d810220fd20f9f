import { constants, publicEncrypt } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import { CompactEncrypt } from "jose";
import type { ErrorCode } from "../../../provider/errors.ts";
import { type Jwe, parseJwe } from "../../../provider/sealing/jwe.ts";
import { audienceHeader, isFor, isUnbound } from "../../../provider/sealing/jwe-audience.ts";
import { workloadBindings } from "../../../provider/sealing/workload.ts";
import { type CiphertextRef, makeCiphertextRef } from "../../../provider/stores/azure/ciphertext-ref.ts";
import { garbage } from "../../servers/azure/faults.ts";
import { flipped } from "../kms-support.ts";
import { KmsWorld, keyName, readAzureEntry } from "./kms-support.ts";

let world: KmsWorld;
test.before(async () => {
	world = await KmsWorld.start();
});
test.after.always(() => world?.azure.stop());

function jweOf({ sealed }: CiphertextRef): Jwe {
	if (sealed.kind !== "jwe") throw new Error("no JWE");
	return sealed.jwe;
}

function withJwe(ref: CiphertextRef, parts: Partial<Jwe>): CiphertextRef {
	return makeCiphertextRef({ ...ref, sealed: { kind: "jwe", jwe: { ...jweOf(ref), ...parts } } });
}

test("values of every length come back byte for byte from what the command printed, in both dialects", async (t) => {
	for (const dialect of ["azure", "claviger"]) {
		for (const length of [0, 1, 190, 191, 100_000]) {
			const value = Buffer.alloc(length, '\u0000\r\nÄ\ufeff%{"');
			const ref = await world.sealed(value, [...world.forWeb, "--dialect", dialect]);
			t.deepEqual([ref.name, ref.version, ref.objectName], [keyName, world.key.version, "db/password"]);
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
			// The dialect takes the space around its texts away.
			fc.pre(file.trim() === file);
			const args = [...world.forWeb.slice(0, -1), file, "--dialect", native ? "claviger" : "azure"];
			const ref = await world.sealed(Buffer.from(bytes), args);
			t.is(ref.objectName, file);
			t.deepEqual(await world.open(ref), Buffer.from(bytes));
		}),
		{ numRuns: 15 },
	);
});

test.serial("a value for others is refused before Key Vault is asked, naming what it is for", async (t) => {
	const ref = await world.sealed("hunter2");
	const [wide, plain] = [
		await world.sealed("shop's", [...world.forWeb.slice(0, 5), "--object", "db/password", "--bind", "namespace"]),
		await world.sealed("web's", [...world.forWeb, "--bind", "serviceAccount"]),
	];
	const renamed = makeCiphertextRef({ ...ref, objectName: "db/passwords" });
	const before = world.operations;
	const attempts: readonly (readonly [ref: CiphertextRef, account: string, says: RegExp])[] = [
		[ref, "office/web", /it is sealed for "shop\/web", and the pod is one of "office\/web"\./],
		[ref, "shop/api", /it is sealed for "shop\/web", and the pod is one of "shop\/api"\./],
		[plain, "shop/api", /it is sealed for "shop\/web"/],
		[wide, "office/web", /it is sealed for "shop\/\*", and the pod is one of "office\/web"\./],
		[renamed, "shop/web", /it is sealed as "db\/password"\./],
	];
	for (const [attempt, account, says] of attempts) {
		const { code, message, remedy } = await world.refusalOf(attempt, account);
		t.is(code, "invalid");
		t.true(
			message.startsWith(
				`The ciphertext of "${attempt.objectName}" (key ${keyName}, version ${world.key.version}, in Key Vault kv-main): `,
			),
		);
		t.regex(message, says);
		t.regex(remedy ?? "", /claviger seal azure/);
	}
	t.is(world.operations, before);
	t.is((await world.open(ref)).toString(), "hunter2");
	t.is((await world.open(makeCiphertextRef({ ...plain, objectName: "elsewhere" }))).toString(), "web's");
	t.is((await world.open(wide, "shop/api")).toString(), "shop's");
});

test("a header that was changed to name another opens nothing", async (t) => {
	const ref = await world.sealed("hunter2");
	const { header } = jweOf(ref);
	const fields = JSON.parse(Buffer.from(header, "base64url").toString());
	const forged: readonly (readonly [account: string, fields: object])[] = [
		["office/web", { ...fields, aud: "office/web" }],
		["shop/api", { ...fields, aud: ["shop/web", "shop/api"] }],
		["shop/api", { ...fields, aud: undefined }],
		["shop/web", { ...fields, sub: undefined }],
	];
	for (const [account, changed] of forged) {
		const text = Buffer.from(JSON.stringify(changed)).toString("base64url");
		const whole = parseJwe(compact({ ...jweOf(ref), header: text }));
		if (typeof whole === "string") throw new Error(whole);
		const { code, message } = await world.refusalOf(withJwe(ref, whole), account);
		t.is(code, "invalid");
		t.regex(message, /"db\/password".*it does not open with its key/);
	}
});

function compact({ header, encryptedKey, envelope: { iv, data, tag } }: Jwe): string {
	return [header, ...[encryptedKey, iv, data, tag].map((part) => part.toString("base64url"))].join(".");
}

test("a flipped bit anywhere is refused, naming the object", async (t) => {
	const ref = await world.sealed("some value");
	const { encryptedKey, envelope } = jweOf(ref);
	const parts = { encryptedKey, iv: envelope.iv, data: envelope.data, tag: envelope.tag };
	const place = fc
		.constantFrom("encryptedKey", "iv", "data", "tag")
		.chain((part) => fc.tuple(fc.constant(part), fc.nat({ max: parts[part as keyof typeof parts].length - 1 })));
	await fc.assert(
		fc.asyncProperty(place, async ([part, index]) => {
			const bytes = flipped(parts[part as keyof typeof parts], index);
			const damaged = part === "encryptedKey" ? { encryptedKey: bytes } : { envelope: { ...envelope, [part]: bytes } };
			const { code, message } = await world.refusalOf(withJwe(ref, damaged));
			t.is(code, "invalid", `${part} ${index}`);
			t.true(message.startsWith('The ciphertext of "db/password" '), message);
		}),
		{ numRuns: 40, examples: [[["tag", 15]], [["iv", 0]], [["data", 0]], [["encryptedKey", 0]]] },
	);
});

test("a changed character anywhere in the entry's text is refused", async (t) => {
	const ref = await world.sealed("some value");
	const text = compact(jweOf(ref));
	await fc.assert(
		fc.asyncProperty(fc.nat({ max: text.length - 1 }), fc.constantFrom(..."Aa0_-.="), async (index, character) => {
			fc.pre(text[index] !== character);
			const changed = parseJwe(`${text.slice(0, index)}${character}${text.slice(index + 1)}`);
			if (typeof changed === "string") return;
			t.is((await world.refusalOf(withJwe(ref, changed))).code, "invalid");
		}),
		{ numRuns: 40 },
	);
});

test("what any tool for JOSE makes is opened, and a list of audiences is for each of them", async (t) => {
	const header = { alg: "RSA-OAEP-256", enc: "A256GCM", cty: "text/plain", aud: ["shop/api", "shop/web"] };
	const text = await new CompactEncrypt(Buffer.from("made elsewhere")).setProtectedHeader(header).encrypt(publicKey());
	const entry = `- |\n  objectName: ${keyName}\n  objectType: decrypt\n  objectAlias: f\n  ciphertext: |\n    ${text.slice(0, 80)}\n    ${text.slice(80)}\n`;
	for (const account of ["shop/web", "shop/api"]) t.is((await world.open(readAzureEntry(entry), account)).toString(), "made elsewhere");
	t.regex((await world.refusalOf(readAzureEntry(entry), "office/web")).message, /sealed for "shop\/api", "shop\/web"/);
});

function publicKey() {
	const { publicKey: key } = world.key;
	if (key === undefined) throw new Error("no public key");
	return key;
}

test("a value that the key itself encrypted is opened where the administrator allows it", async (t) => {
	for (const [algorithm, oaepHash] of [
		["RSA-OAEP-256", "sha256"],
		["RSA-OAEP", "sha1"],
	] as const) {
		const padding = constants.RSA_PKCS1_OAEP_PADDING;
		const ciphertext = publicEncrypt({ key: publicKey(), padding, oaepHash }, Buffer.from("short"));
		for (const text of [ciphertext.toString("base64"), ciphertext.toString("base64url")]) {
			const entry = `- |\n  {objectName: ${keyName}, objectType: decrypt, objectAlias: f, algorithm: ${algorithm}, ciphertext: "${text}"}`;
			t.is((await world.open(readAzureEntry(entry, { allowUnboundKms: true }))).toString(), "short");
			t.throws(() => readAzureEntry(entry), {
				message: /ciphertext is bound to no service account, which the administrator does not allow/,
			});
		}
	}
});

test("the key of an envelope is not given to who writes it as a value of its own", async (t) => {
	const { encryptedKey } = jweOf(await world.sealed("hunter2"));
	const stolen = `- |\n  {objectName: ${keyName}, objectType: decrypt, objectAlias: f, ciphertext: "${encryptedKey.toString("base64")}"}`;
	const { code, message } = await world.refusalOf(readAzureEntry(stolen, { allowUnboundKms: true }), "office/web");
	t.is(code, "invalid");
	t.regex(message, /it holds 32 bytes, as the keys of envelopes do/);
});

test("an unbound envelope is opened where the administrator allows it", async (t) => {
	const ref = await world.sealed("anybody's", [...world.usual, "--object", "any", "--bind", "none"]);
	for (const account of ["shop/web", "office/web"]) t.is((await world.open(ref, account)).toString(), "anybody's");
});

test("one call of Key Vault opens a value, without the right to see the key", async (t) => {
	const ref = await world.sealed("hunter2");
	world.azure.vaults.allow("client-of-shop-web", "kv-main", { keys: ["unwrapKey"] });
	const before = world.azure.calls({ client: "client-of-shop-web" }).length;
	await world.open(ref);
	const calls = world.azure.calls({ client: "client-of-shop-web" }).slice(before);
	t.true(calls.some(({ operation }) => operation === "keys/unwrapkey"));
	t.false(calls.some(({ operation }) => operation === "keys/get"));
	world.azure.vaults.allow("client-of-shop-web", "kv-main", { keys: ["decrypt", "unwrapKey"] });
});

test.serial("whatever Key Vault says of the key has its meaning and its remedy", async (t) => {
	const { azure } = world;
	const key = await azure.vaults.putKey("kv-main", "fragile");
	const args = ["azure", "--key", `${azure.vaultUrl("kv-main")}/keys/fragile`, ...world.forWeb.slice(3)];
	const ref = await world.sealed("hunter2", args);
	const cases: readonly (readonly [title: string, begin: () => () => void, code: ErrorCode, says: RegExp, remedy: RegExp])[] = [
		[
			"no right",
			() => {
				azure.vaults.allow("client-of-shop-web", "kv-main", { keys: ["get", "decrypt"] });
				return () => azure.vaults.allow("client-of-shop-web", "kv-main", { keys: ["decrypt", "unwrapKey"] });
			},
			"denied",
			/the vault does not let the client client-of-shop-web of service account shop\/web unwrapKey with the key \(status 403 Forbidden/,
			/--spn client-of-shop-web --key-permissions unwrapKey/,
		],
		[
			"disabled",
			() => {
				azure.vaults.change("kv-main", "keys", "fragile", { enabled: false });
				return () => azure.vaults.change("kv-main", "keys", "fragile", { enabled: true });
			},
			"denied",
			/the key is disabled \(status 403 Forbidden, Forbidden, KeyDisabled\)/,
			/az keyvault key set-attributes --enabled true --vault-name kv-main --name fragile --version [0-9a-f]{32};/,
		],
		[
			"deleted",
			() => {
				azure.vaults.delete("kv-main", "keys", "fragile");
				azure.vaults.allow("client-of-shop-web", "kv-main", { keys: ["get", "unwrapKey"] });
				return () => {
					azure.vaults.recover("kv-main", "keys", "fragile");
					azure.vaults.allow("client-of-shop-web", "kv-main", { keys: ["decrypt", "unwrapKey"] });
				};
			},
			"absent",
			/the key is deleted, and can still be recovered/,
			/az keyvault key recover --vault-name kv-main --name fragile$/,
		],
		["gone", () => () => {}, "absent", /the vault has no such key \(status 404 Not Found, KeyNotFound\)/, /list-versions/],
		[
			"limited",
			() => azure.faults.add({ behaviour: { kind: "status", status: 429 }, operation: "keys/unwrapkey" }),
			"unreachable",
			/the vault limits the rate of requests \(status 429/,
			/asked again/,
		],
		[
			"broken",
			() => azure.faults.add({ behaviour: { kind: "status", status: 500 }, operation: "keys/unwrapkey" }),
			"unreachable",
			/the vault could not decrypt it \(status 500/,
			/asked again/,
		],
		["nonsense", () => azure.faults.add({ behaviour: garbage, operation: "keys/unwrapkey" }), "unreachable", /no usable answer/, /proxy/],
		[
			"cut",
			() => azure.faults.add({ behaviour: { kind: "reset" }, operation: "keys/unwrapkey" }),
			"unreachable",
			/kv-main\.vault\.azure\.net/,
			/^/,
		],
	];
	for (const [title, begin, code, says, remedy] of cases) {
		const end = begin();
		const asked = title === "gone" ? makeCiphertextRef({ ...ref, name: "no-such" }) : ref;
		const error = await world.refusalOf(asked);
		end();
		t.is(error.code, code, `${title}: ${error.message}`);
		t.true(
			error.message.startsWith(`The ciphertext of "db/password" (key ${asked.name}, version ${key.version}, in Key Vault kv-main): `),
			error.message,
		);
		t.regex(error.message, says, title);
		t.regex(error.remedy ?? "", remedy, title);
	}
	t.is((await world.open(ref)).toString(), "hunter2");
});

test.serial("a key that has expired opens still, its next version does not, and one without the operation never", async (t) => {
	const { azure } = world;
	await azure.vaults.putKey("kv-main", "aging");
	const args = ["azure", "--key", `${azure.vaultUrl("kv-main")}/keys/aging`, ...world.forWeb.slice(3)];
	const ref = await world.sealed("hunter2", args);
	azure.vaults.change("kv-main", "keys", "aging", { expires: new Date(Date.now() - 60_000) });
	t.is((await world.open(ref)).toString(), "hunter2");
	t.is((await world.open(makeCiphertextRef({ ...ref, version: "" }))).toString(), "hunter2", "the newest version");
	await azure.vaults.putKey("kv-main", "aging");
	t.is((await world.open(ref)).toString(), "hunter2");
	const newest = await world.refusalOf(makeCiphertextRef({ ...ref, version: "" }));
	t.is(newest.code, "invalid");
	t.regex(newest.message, /its newest version, .*it does not open with this version of the key \(status 400 Bad Request, BadParameter\)/);
	t.regex(newest.remedy ?? "", /Name the version that encrypted it/);
	await azure.vaults.putKey("kv-main", "signing", { operations: ["sign", "verify"] });
	const signing = await world.refusalOf(makeCiphertextRef({ ...ref, name: "signing", version: "" }));
	t.is(signing.code, "denied");
	t.regex(signing.message, /the key is not one to unwrapKey with/);
});

test("a value is for those whom its header names, and for nobody else", (t) => {
	const name = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?$/);
	const workload = fc.record({ namespace: name, serviceAccount: name });
	fc.assert(
		fc.property(workload, workload, fc.constantFrom(...workloadBindings), (sealedFor, asks, kind) => {
			const { aud } = audienceHeader({ ...sealedFor, kind, object: "db" });
			const audiences = aud === undefined ? [] : [aud];
			const sameNamespace = sealedFor.namespace === asks.namespace;
			const sameAccount = sameNamespace && sealedFor.serviceAccount === asks.serviceAccount;
			t.true(isFor({ audiences }, sealedFor));
			t.is(isUnbound({ audiences }), kind === "none");
			t.is(isFor({ audiences }, asks), kind === "none" || (kind === "namespace" ? sameNamespace : sameAccount));
		}),
	);
});
