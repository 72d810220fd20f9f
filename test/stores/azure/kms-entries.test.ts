import { randomBytes } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import { defaultTenant, exchangeAudience } from "../../servers/azure/entra/directory.ts";
import { CallFailure, type MountResult } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider, type TestProvider } from "../../support/provider.ts";
import { faultsOfReaders, sealedEntry, takesOrFaults, textOf } from "../kms-support.ts";
import { issuer, vault } from "./harness.ts";
import { KmsWorld, keyName, readAzureEntry, readNativeEntry } from "./kms-support.ts";

const web = makePod({ namespace: "shop", serviceAccount: "web" });
let world: KmsWorld;
test.before(async () => {
	world = await KmsWorld.start();
});
test.after.always(() => world?.azure.stop());

const wrapped = randomBytes(256).toString("base64url");
const [iv, tag] = [randomBytes(12).toString("base64url"), randomBytes(16).toString("base64url")];

function jwe(header: object, parts: readonly string[] = [wrapped, iv, "AQ", tag]): string {
	return [Buffer.from(JSON.stringify(header)).toString("base64url"), ...parts].join(".");
}

const right = { alg: "RSA-OAEP-256", enc: "A256GCM", aud: "shop/web" };

/** The faults of an entry in both dialects, without their places. */
function faultsOf(ciphertext: string, more = "", allowUnboundKms = false): readonly string[] {
	const azure = `- |\n  {objectName: ${keyName}, objectType: decrypt, objectAlias: f, ciphertext: "${ciphertext}"${more}}`;
	const native = `- {name: f, store: main, path: ${keyName}, ciphertext: "${ciphertext}"${more}}`;
	return faultsOfReaders([() => readAzureEntry(azure, { allowUnboundKms }), () => readNativeEntry(native, { allowUnboundKms })]);
}

test("an entry that cannot be opened here is faulted where it is written", (t) => {
	const cases: readonly (readonly [ciphertext: string, fault: RegExp, more?: string])[] = [
		["", /ciphertext is empty/],
		["not base64!", /ciphertext is neither a JWE nor base64/],
		[randomBytes(100).toString("base64"), /ciphertext has 100 bytes; an RSA key of Key Vault makes 256, 384, 512/],
		[randomBytes(256).toString("base64"), /ciphertext is bound to no service account, which the administrator does not allow/],
		[jwe(right).split(".").slice(0, 4).join("."), /is no JWE in compact form/],
		[`${jwe(right)}.AA`, /is no JWE in compact form/],
		[`!!.${jwe(right).split(".").slice(1).join(".")}`, /header is no JSON object/],
		[jwe([]), /header is no JSON object/],
		[jwe({ ...right, alg: "RSA1_5" }), /whose alg is not RSA-OAEP-256/],
		[jwe({ ...right, alg: "RSA-OAEP" }), /whose alg is not RSA-OAEP-256/],
		[jwe({ ...right, alg: "dir" }), /whose alg is not RSA-OAEP-256/],
		[jwe({ ...right, enc: "A128CBC-HS256" }), /whose enc is not A256GCM/],
		[jwe({ ...right, zip: "DEF" }), /with zip, which is not read here/],
		[jwe({ ...right, crit: ["b64"] }), /with crit, which is not read here/],
		[jwe({ ...right, aud: { a: 1 } }), /whose aud is neither a text nor a list of texts/],
		[jwe({ ...right, aud: ["shop/web", 1] }), /whose aud is neither/],
		[jwe({ ...right, sub: 7 }), /whose sub is no text/],
		[jwe({ ...right, aud: undefined }), /is a JWE without aud, bound to nobody, which the administrator does not allow/],
		[jwe({ ...right, aud: [] }), /without aud/],
		[jwe(right, ["AQ", iv, "AQ", tag]), /whose key has 1 bytes/],
		[jwe(right, [wrapped, "AQ", "AQ", tag]), /iv or tag/],
		[jwe(right, [wrapped, iv, "AQ", "AQ"]), /iv or tag/],
		[jwe(right, [wrapped, iv, "A", tag]), /is no JWE in compact form/],
		[jwe(right), /algorithm is RSA-OAEP, and the ciphertext is a JWE with RSA-OAEP-256/, ", algorithm: RSA-OAEP"],
		[randomBytes(256).toString("base64"), /algorithm is "RSA1_5"/, ", algorithm: RSA1_5"],
	];
	for (const [ciphertext, fault, more] of cases) for (const message of faultsOf(ciphertext, more)) t.regex(message, fault);
	t.deepEqual(faultsOf(jwe(right)), ["", ""]);
	t.deepEqual(faultsOf(jwe({ ...right, aud: undefined }), "", true), ["", ""]);
	t.deepEqual(faultsOf(randomBytes(512).toString("base64"), ", algorithm: RSA-OAEP", true), ["", ""]);
});

test("key and file of an entry are checked in each dialect", (t) => {
	const text = jwe(right);
	const azure: readonly (readonly [entry: string, fault: RegExp])[] = [
		[`{objectName: k, objectType: decrypt, ciphertext: ${text}}`, /objects\.array\[0\]\.objectAlias is missing/],
		[`{objectName: a/b, objectType: decrypt, objectAlias: f, ciphertext: ${text}}`, /objectName is "a\/b", which is no name in Key Vault/],
		[`{objectName: k, objectType: decrypt, objectAlias: f}`, /objects\.array\[0\]\.ciphertext is missing/],
		[`{objectName: k, objectType: decrypt, objectAlias: f, ciphertext: [a]}`, /ciphertext is not a plain text/],
		[
			`{objectName: k, objectType: decrypt, objectAlias: f, objectVersionHistory: 3, ciphertext: ${text}}`,
			/objectVersionHistory stands in an entry of type decrypt/,
		],
		[`{objectName: k, objectType: decrypt, objectAlias: f, objectEncoding: hex, ciphertext: ${text}}`, /objectEncoding/],
	];
	for (const [entry, fault] of azure) t.throws(() => readAzureEntry(`- |\n  ${entry}`), { message: fault });
	const native: readonly (readonly [entry: string, fault: RegExp])[] = [
		[`{name: f, path: k, ciphertext: " "}`, /ciphertext has 0 bytes/],
		[`{name: f, ciphertext: ${text}}`, /objects\[0\]\.path is missing/],
		[`{name: f, path: a/b, ciphertext: ${text}}`, /path is "a\/b", which is no name in Key Vault/],
		[`{name: f, path: k, version: "x/y", ciphertext: ${text}}`, /version is "x\/y"/],
		[`{name: f, path: k, object: "", ciphertext: ${text}}`, /object is empty/],
		[`{name: f, path: k, kind: key, ciphertext: ${text}}`, /kind is not known here/],
	];
	for (const [entry, fault] of native) t.throws(() => readNativeEntry(`- ${entry}`), { message: fault });
	t.is(readNativeEntry(`- {name: f, path: k, ciphertext: ${text}}`).objectName, "f");
	t.is(readNativeEntry(`- {name: f, path: k, object: db/f, ciphertext: ${text}}`).objectName, "db/f");
});

test("different entries have different keys, and equal ones the same", (t) => {
	const keyOf = (ciphertext: string, more = "") =>
		readNativeEntry(`- {name: f, path: k, ciphertext: "${ciphertext}"${more}}`, { allowUnboundKms: true }).key;
	const [text, direct] = [jwe(right), Buffer.alloc(256).toString("base64")];
	const keys = [
		keyOf(text),
		keyOf(jwe({ ...right, cty: "a" })),
		keyOf(jwe(right, [wrapped, iv, "Ag", tag])),
		keyOf(text, ", object: g"),
		keyOf(text, `, version: ${"a".repeat(32)}`),
		keyOf(direct),
		keyOf(direct, ", algorithm: RSA-OAEP"),
	];
	t.is(new Set(keys).size, keys.length);
	t.is(keyOf(text, `, version: ${"A".repeat(32)}`), keyOf(text, `, version: ${"a".repeat(32)}`));
});

test("whatever is written, the readers fault it or give a ref", (t) => {
	const scalar = fc.oneof(fc.string(), fc.constantFrom(jwe(right), "RSA-OAEP", "a.b.c.d.e", "....", "AQ=="));
	const node = fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }), fc.dictionary(fc.string(), scalar, { maxKeys: 2 }));
	const header = fc.record({ alg: fc.constantFrom("RSA-OAEP-256", 1), enc: fc.constantFrom("A256GCM", null), aud: node, sub: node });
	fc.assert(
		fc.property(
			fc.oneof(
				node,
				header.map((fields) => jwe(fields)),
			),
			node,
			fc.boolean(),
			(ciphertext, algorithm, allowUnboundKms) => {
				const azure = { objectName: "k", objectType: "decrypt", objectAlias: "f", ciphertext, algorithm };
				takesOrFaults(t, [
					() => readAzureEntry(`- |\n  ${JSON.stringify(azure)}`, { allowUnboundKms }),
					() => readNativeEntry(JSON.stringify([{ name: "f", path: "k", ciphertext, algorithm }]), { allowUnboundKms }),
				]);
			},
		),
	);
});

function start(t: ExecutionContext<unknown>, options = ""): Promise<TestProvider> {
	const main = `type: azure, vault: ${vault}, tenant: ${defaultTenant}, client: client-of-shop-web${options}`;
	const policy = `profile: strict\ndialects:\n  azure: {${options.replace(/^, /, "")}}\nstores:\n  main: {${main}}\n`;
	return startTestProvider(t, { policy, providers: "azure,claviger", issuer });
}

function mountAzure(provider: TestProvider, entries: string, pod: Pod = web): Promise<MountResult> {
	const objects = `array:\n${entries.replace(/^(?=.)/gm, "  ")}`;
	const clientID = `client-of-${pod.namespace}-${pod.serviceAccount}`;
	const parameters = { keyvaultName: vault, tenantId: defaultTenant, clientID, objects };
	return provider.mount("azure", pod, parameters, { audience: exchangeAudience });
}

test.serial("what the command prints is mounted as it is, in both dialects", async (t) => {
	const provider = await start(t);
	const other = [...world.forWeb.slice(0, -1), "tls/key"];
	const mounted = await mountAzure(provider, `${await sealedEntry(world.forWeb, "hunter2")}${await sealedEntry(other, "a key")}`);
	t.is(textOf(mounted, "db/password"), "hunter2");
	t.is(textOf(mounted, "tls/key"), "a key");
	const objects = `${await sealedEntry([...world.forWeb, "--dialect", "claviger"], '{"password": "native"}')}  key: password\n`;
	const native = await provider.mount(
		"claviger",
		web,
		{ objects, files: "- {path: p, from: db_password}" },
		{ audience: exchangeAudience },
	);
	t.is(textOf(native, "p"), "native");
});

test.serial("another pod that copies the class gets nothing, and is told why", async (t) => {
	const provider = await start(t);
	const entries = await sealedEntry(world.forWeb, "hunter2");
	for (const pod of [makePod({ namespace: "shop", serviceAccount: "api" }), makePod({ namespace: "office", serviceAccount: "web" })]) {
		const error = await t.throwsAsync(mountAzure(provider, entries, pod), { instanceOf: CallFailure });
		t.is(error?.errorCode, "invalid");
		const says = `it is sealed for "shop/web", and the pod is one of "${pod.namespace}/${pod.serviceAccount}"`;
		t.true(error?.details.includes(says), error?.details);
	}
	t.is(textOf(await mountAzure(provider, entries), "db/password"), "hunter2");
});

test.serial("a key that is disabled withdraws the file, and an outage leaves it to the driver", async (t) => {
	const provider = await start(t);
	await world.azure.vaults.putKey(vault, "brittle");
	const at = ["azure", "--key", `${world.azure.vaultUrl(vault)}/keys/brittle`, ...world.forWeb.slice(3, -1)];
	const native = ["--dialect", "claviger"];
	const stays = await sealedEntry([...world.forWeb.slice(0, -1), "stays", ...native], "stays");
	const goes = await sealedEntry([...at, "goes", ...native], "goes");
	const parameters = { objects: `${stays}${goes}`, files: "[{path: stays, from: stays}, {path: goes, from: goes}]" };
	const mount = (pod: Pod) => provider.mount("claviger", pod, parameters, { audience: exchangeAudience });
	t.is((await mount(web)).files.size, 2);
	const end = world.azure.faults.add({ behaviour: { kind: "status", status: 500 }, operation: "keys/unwrapkey", object: "brittle" });
	t.is((await t.throwsAsync(mount(web), { instanceOf: CallFailure }))?.errorCode, "unreachable");
	end();
	world.azure.vaults.change(vault, "keys", "brittle", { enabled: false });
	t.deepEqual([...(await mount(web)).files.keys()], ["stays"]);
	const fresh = await t.throwsAsync(mount(makePod({ namespace: "shop", serviceAccount: "web" })), { instanceOf: CallFailure });
	t.is(fresh?.errorCode, "denied");
	t.regex(fresh?.details ?? "", /The ciphertext of "goes" .* the key is disabled/);
});

test.serial("values that are bound to nothing are the administrator's to allow, whatever a class writes", async (t) => {
	const [forbidding, allowing] = [await start(t), await start(t, ", allowUnboundKms: true")];
	const unbound = [...world.usual, "--object", "any", "--bind", "none"];
	const entries = await sealedEntry(unbound, "anybody's");
	const refused = await t.throwsAsync(mountAzure(forbidding, entries), { instanceOf: CallFailure });
	t.regex(refused?.details ?? "", /objects\.array\[0\]\.ciphertext is a JWE without aud, bound to nobody/);
	t.is(textOf(await mountAzure(allowing, entries), "any"), "anybody's");

	const objects = await sealedEntry([...unbound, "--dialect", "claviger", "--store", "own"], "anybody's");
	const stores = `own: {type: azure, vault: ${vault}, tenant: ${defaultTenant}, client: client-of-shop-web, allowUnboundKms: true}`;
	const own = await t.throwsAsync(
		forbidding.mount("claviger", web, { stores, objects, files: "- {path: any, from: any}" }, { audience: exchangeAudience }),
		{ instanceOf: CallFailure },
	);
	t.is(own?.errorCode, "invalid");
	t.regex(own?.details ?? "", /stores\.own has options that only the administrator may write/);
});
