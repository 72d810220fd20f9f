import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import { clusterProvider, pool } from "../../servers/gcp/servers-support.ts";
import { CallFailure, type MountResult } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider, type TestProvider } from "../../support/provider.ts";
import { faultsOfReaders, sealedEntry, takesOrFaults, textOf } from "../kms-support.ts";
import { KmsWorld, keyName, readGcpEntry, readNativeEntry } from "./kms-support.ts";

const directory = mkdtempSync(join(tmpdir(), "clv-gcp-kms-"));
const web = makePod({ namespace: "shop", serviceAccount: "web" });
let world: KmsWorld;
test.before(async () => {
	world = await KmsWorld.start(directory);
});
test.after.always(async () => {
	await world?.site.gcp.stop();
	rmSync(directory, { recursive: true, force: true });
});

/** The faults of an entry in both dialects. */
function faultsOf(fields: string, { key = keyName, allowUnboundKms = false } = {}): readonly string[] {
	const gcp = `- {resourceName: "${key}", path: f, ${fields}}`;
	const native = `- {name: f, store: main, path: "${key}", ${fields}}`;
	return faultsOfReaders([() => readGcpEntry(gcp, allowUnboundKms), () => readNativeEntry(native, allowUnboundKms)]);
}

test("an entry that cannot be opened here is faulted where it is written", (t) => {
	const cases: readonly (readonly [fields: string, fault: RegExp, key?: string])[] = [
		['ciphertext: ""', /ciphertext is empty/],
		['ciphertext: " "', /ciphertext is not base64/],
		["bind: object", /ciphertext is missing/],
		["ciphertext: [a]", /ciphertext is not a plain text/],
		["ciphertext: not-base64", /ciphertext is not base64/],
		[`ciphertext: ${Buffer.alloc(70_000).toString("base64")}`, /has 70000 bytes, more than Cloud KMS makes of 64 KiB/],
		["ciphertext: AQ==, bind: none", /bind is none, which the administrator does not allow/],
		["ciphertext: AQ==, bind: pod", /bind is "pod"/],
		["ciphertext: AQ==, aad: 'ns=office,sa=web'", /aad stands in an entry with bind: serviceAccount, which says what it is/],
		["ciphertext: AQ==, bind: namespace, aad: ''", /aad stands in an entry with bind: namespace/],
		["ciphertext: AQ==", /which names no key for the ciphertext/, "projects/my-proj/secrets/db/versions/1"],
		["ciphertext: AQ==", /which names no key for the ciphertext/, `${keyName}/../x`],
		["ciphertext: AQ==", /which names no key for the ciphertext/, `//cloudkms.googleapis.com/${keyName}`],
		["ciphertext: AQ==", /a version of a key: the ciphertext itself tells its version/, `${keyName}/cryptoKeyVersions/1`],
	];
	for (const [fields, fault, key] of cases)
		for (const message of faultsOf(fields, key === undefined ? {} : { key })) t.regex(message, fault, fields);
	for (const message of faultsOf("ciphertext: AQ==, bind: none, aad: 'ns=office,sa=web'", { allowUnboundKms: true }))
		t.regex(message, /aad begins with ns=, as only the additional data of bound values does/);
	t.deepEqual(faultsOf("ciphertext: AQ=="), ["", ""]);
	t.deepEqual(faultsOf("ciphertext: AQ==, bind: none, aad: x", { allowUnboundKms: true }), ["", ""]);
	t.throws(() => readGcpEntry("- {path: f, ciphertext: AQ==}"), {
		message: /secrets\[0\]\.resourceName is missing, and ciphertext needs a key/,
	});
	t.throws(() => readNativeEntry(`- {name: f, path: "${keyName}", object: "", ciphertext: AQ==}`), { message: /object is empty/ });
	t.throws(() => readNativeEntry(`- {name: f, path: "${keyName}", kind: secret, ciphertext: AQ==}`), { message: /kind is not known here/ });
	t.is(readNativeEntry(`- {name: f, path: "${keyName}", object: db/f, ciphertext: AQ==}`).objectName, "db/f");
});

test("different entries have different keys, and equal ones the same", (t) => {
	const keyOf = (fields: string, key = keyName) => readNativeEntry(`- {name: f, path: "${key}", ${fields}}`, true).key;
	const keys = [
		keyOf("ciphertext: AQ=="),
		keyOf("ciphertext: Ag=="),
		keyOf("ciphertext: AQ==", `${keyName}2`),
		keyOf("ciphertext: AQ==, object: g"),
		keyOf("ciphertext: AQ==, bind: object"),
		keyOf("ciphertext: AQ==, bind: none"),
		keyOf("ciphertext: AQ==, bind: none, aad: x"),
	];
	t.is(new Set(keys).size, keys.length);
	t.is(keyOf("ciphertext: AQ=="), keyOf("ciphertext: AQ==, bind: serviceAccount"));
});

test("whatever is written, the readers fault it or give a ref", (t) => {
	const scalar = fc.oneof(fc.string(), fc.constantFrom("AQ==", "none", "object", "ns=shop"));
	const node = fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }), fc.dictionary(fc.string(), scalar, { maxKeys: 2 }));
	const entry = fc.record({ ciphertext: node, bind: node, aad: node }, { requiredKeys: [] });
	fc.assert(
		fc.property(entry, fc.oneof(fc.constant(keyName), fc.string()), fc.boolean(), (fields, key, allowUnboundKms) => {
			takesOrFaults(t, [
				() => readGcpEntry(JSON.stringify([{ resourceName: key, path: "f", ciphertext: "AQ==", ...fields }]), allowUnboundKms),
				() => readNativeEntry(JSON.stringify([{ name: "f", path: key, ciphertext: "AQ==", ...fields }]), allowUnboundKms),
			]);
		}),
	);
});

function start(t: ExecutionContext<unknown>, options: object = {}): Promise<TestProvider> {
	const cluster = { workloadPool: pool, identityProvider: clusterProvider, impersonation: "none", ...options };
	const policy = JSON.stringify({ profile: "strict", dialects: { gcp: cluster }, stores: { main: { type: "gcp", ...cluster } } });
	return startTestProvider(t, { policy, providers: "gcp,claviger", issuer: world.site.issuer });
}

function mountGcp(provider: TestProvider, secrets: string, pod: Pod = web): Promise<MountResult> {
	return provider.mount("gcp", pod, { secrets }, { audience: pool });
}

test.serial("what the command prints is mounted as it is, beside a part of it, in both dialects", async (t) => {
	const provider = await start(t);
	const json = '{"user": "shop", "password": "part"}';
	const whole = await sealedEntry(world.forWeb, "hunter2");
	const part = `${await sealedEntry([...world.forWeb.slice(0, -1), "part", "--bind", "serviceAccount"], json)}  extractJSONKey: "password"\n`;
	const mounted = await mountGcp(provider, `${whole}${part}`);
	t.is(textOf(mounted, "db/password"), "hunter2");
	t.is(textOf(mounted, "part"), "part");
	const objects = `${await sealedEntry([...world.forWeb, "--dialect", "claviger"], json)}  key: password\n`;
	const native = await provider.mount("claviger", web, { objects, files: "- {path: p, from: db_password}" }, { audience: pool });
	t.is(textOf(native, "p"), "part");
});

test.serial("another pod that copies the class gets nothing, and is told why", async (t) => {
	const provider = await start(t);
	const secrets = await sealedEntry(world.forWeb, "hunter2");
	for (const pod of [makePod({ namespace: "shop", serviceAccount: "api" }), makePod({ namespace: "office", serviceAccount: "web" })]) {
		const error = await t.throwsAsync(mountGcp(provider, secrets, pod), { instanceOf: CallFailure });
		t.is(error?.errorCode, "invalid");
		const aad = `ns=${pod.namespace},sa=${pod.serviceAccount},object=db/password`;
		t.true(error?.details.includes(`The ciphertext of "db/password" (key ${keyName}, with the additional data "${aad}")`), error?.details);
	}
	t.is(textOf(await mountGcp(provider, secrets), "db/password"), "hunter2");
});

test.serial("a key that is disabled withdraws the file, and an outage leaves it to the driver", async (t) => {
	const provider = await start(t);
	const { gcp } = world.site;
	const brittle = keyName.replace(/app$/, "brittle");
	gcp.keys.add(brittle);
	const native = ["--dialect", "claviger"];
	const stays = await sealedEntry([...world.forWeb.slice(0, -1), "stays", ...native], "stays");
	const goes = await sealedEntry(["gcp", "--key", brittle, ...world.forWeb.slice(3, -1), "goes", ...native], "goes");
	const parameters = { objects: `${stays}${goes}`, files: "[{path: stays, from: stays}, {path: goes, from: goes}]" };
	const mount = (pod: Pod) => provider.mount("claviger", pod, parameters, { audience: pool });
	t.is((await mount(web)).files.size, 2);
	const end = gcp.faults.add({ kind: "error", status: "INTERNAL" }, { operation: "kms.decrypt", resource: /brittle/ });
	t.is((await t.throwsAsync(mount(web), { instanceOf: CallFailure }))?.errorCode, "unreachable");
	end();
	gcp.keys.setState(brittle, 1, "DISABLED");
	t.deepEqual([...(await mount(web)).files.keys()], ["stays"]);
	const fresh = await t.throwsAsync(mount(makePod({ namespace: "shop", serviceAccount: "web" })), { instanceOf: CallFailure });
	t.is(fresh?.errorCode, "denied");
	t.regex(fresh?.details ?? "", /The ciphertext of "goes" .* is disabled/);
});

test.serial("values that are bound to nothing are the administrator's to allow, whatever a class writes", async (t) => {
	const [forbidding, allowing] = [await start(t), await start(t, { allowUnboundKms: true })];
	const unbound = [...world.usual, "--object", "any", "--bind", "none"];
	const secrets = await sealedEntry(unbound, "anybody's");
	const refused = await t.throwsAsync(mountGcp(forbidding, secrets), { instanceOf: CallFailure });
	t.regex(refused?.details ?? "", /secrets\[0\]\.bind is none, which the administrator does not allow/);
	t.is(textOf(await mountGcp(allowing, secrets), "any"), "anybody's");

	const objects = await sealedEntry([...unbound, "--dialect", "claviger", "--store", "own"], "anybody's");
	const stores = `own: {type: gcp, workloadPool: ${pool}, identityProvider: "${clusterProvider}", impersonation: none, allowUnboundKms: true}`;
	const own = await t.throwsAsync(
		forbidding.mount("claviger", web, { stores, objects, files: "- {path: any, from: any}" }, { audience: pool }),
		{ instanceOf: CallFailure },
	);
	t.is(own?.errorCode, "invalid");
	t.regex(own?.details ?? "", /stores\.own has options that only the administrator may write/);
});
