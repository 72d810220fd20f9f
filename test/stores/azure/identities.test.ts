import test from "ava";
import type { StoredRef } from "../../../provider/stores/azure/ref.ts";
import { bindingAudience, defaultTenant, exchangeAudience } from "../../servers/azure/entra/directory.ts";
import { tokenProxyName } from "../../servers/azure/world.ts";
import { CallFailure } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider } from "../../support/provider.ts";
import { type Bench, connect, everything, failureOf, issuer, kept, makeAccount, openBench, read, refOf, told, vault } from "./harness.ts";

function operations({ azure }: Bench): readonly string[] {
	return azure.calls().map(({ operation, status }) => `${operation} ${status}`);
}

test("a login is one exchange of the pod's token, and each read one request: no vault is asked for a challenge", async (t) => {
	const bench = await openBench(t);
	const account = makeAccount(bench, "web");
	for (const name of ["one", "two"]) bench.azure.vaults.putSecret(vault, name, `value of ${name}`);
	await bench.azure.vaults.putKey(vault, "signing");
	const session = await connect(bench.instance(), account);
	t.deepEqual(operations(bench), ["token 200"]);
	await read(session, refOf("one"));
	await read(session, refOf("two"), refOf("signing", { kind: "key" }));
	t.deepEqual(operations(bench).toSorted(), ["keys/get 200", "secrets/get 200", "secrets/get 200", "token 200"]);
});

test("a binding's token is exchanged at the cluster's token proxy, which is asked for by its own name", async (t) => {
	const bench = await openBench(t);
	const { azure } = bench;
	const pod = makePod();
	azure.directory.federate({ client: "bound", issuer, subject: "system:serviceaccount:shop:web", audience: bindingAudience });
	azure.vaults.allow("bound", vault, everything);
	azure.vaults.putSecret(vault, "db", "hunter2");
	const tokenProxy = { address: await azure.listenAsTokenProxy(), serverName: tokenProxyName, caFile: azure.caFile };
	const instance = bench.instance({ identity: "binding", tokenProxy });
	t.is(instance.defaultAudience, bindingAudience);
	const [outcome] = await read(await connect(instance, { pod, role: "bound" }), refOf("db"));
	t.is(told(outcome), "hunter2");
	t.true(azure.handshakes.includes(tokenProxyName));
	t.deepEqual(
		azure.calls({ operation: "token" }).map(({ host }) => host),
		[tokenProxyName],
	);
	const unbound = await failureOf(instance, { pod: { ...pod, serviceAccount: "other" }, role: "bound" });
	t.is(unbound.code, "denied");
	t.regex(unbound.text, /Bind the identity to this cluster.*subject system:serviceaccount:shop:other, audience api:\/\/AKSIdentityBinding/);
	const misnamed = bench.instance({ identity: "binding", tokenProxy: { ...tokenProxy, serverName: "elsewhere.test" } });
	t.is((await failureOf(misnamed, { pod, role: "bound" })).code, "unreachable");
});

test("a service principal logs in with the client secret of nodePublishSecretRef, however its names are written", async (t) => {
	const bench = await openBench(t);
	bench.azure.directory.addClientSecret({ client: "principal", secret: "s3cret~+/=" });
	bench.azure.vaults.allow("principal", vault, everything);
	bench.azure.vaults.putSecret(vault, "db", "hunter2");
	const instance = bench.instance({ identity: "principal" });
	for (const credentials of [
		{ clientid: "principal", clientsecret: "s3cret~+/=" },
		{ clientID: "principal", ClientSecret: "s3cret~+/=" },
	]) {
		const [outcome] = await read(await connect(instance, { pod: makePod(), credentials }), refOf("db"));
		t.is(told(outcome), "hunter2");
	}
});

test.serial("the node's identities are given to the namespaces that the administrator names, by client or the node's own", async (t) => {
	const bench = await openBench(t);
	const { azure } = bench;
	azure.nodeIdentities.ofNode.push({ client: "of-node", systemAssigned: true }, { client: "assigned" });
	azure.vaults.allow("of-node", vault, everything);
	azure.vaults.putSecret(vault, "db", "hunter2");
	const instance = bench.instance({ identity: "vm", metadata: await azure.listenAsMetadata(), managedIdentity: { namespaces: ["shop"] } });
	const pod = makePod();
	t.is(told((await read(await connect(instance, { pod }), refOf("db")))[0]), "hunter2");
	t.is((await failureOf(instance, { pod, role: "assigned" })).code, "denied", "the other identity may not read");
	const absent = await failureOf(instance, { pod, role: "unassigned" });
	t.is(absent.code, "denied");
	t.regex(absent.text, /The node has no identity unassigned \(status 400, invalid_request\)\. Assign it: az vmss identity assign/);
	const calls = azure.calls().length;
	const refused = await failureOf(instance, { pod: { ...pod, namespace: "elsewhere" } });
	t.is(refused.code, "refused");
	t.is(azure.calls().length, calls, "nothing was asked");
});

test.serial("no vault's address may be that of the metadata service, though the login goes there", async (t) => {
	const bench = await openBench(t);
	bench.azure.nodeIdentities.ofNode.push({ client: "of-node", systemAssigned: true });
	const metadata = await bench.azure.listenAsMetadata();
	const options = { identity: "vm", metadata, managedIdentity: { namespaces: ["shop"] }, address: "https://169.254.169.254" };
	const error = await failureOf(bench.instance(options), { pod: makePod() });
	t.is(error.code, "refused", error.text);
	t.regex(error.text, /169\.254\.169\.254 is no address that policy allows/);
});

test("two identities at once are each who they are, on every path", async (t) => {
	const bench = await openBench(t);
	const { azure } = bench;
	const owners = ["one", "two"].map((name) => ({ name, ...makeAccount(bench, name) }));
	for (const { name } of owners)
		for (const object of ["a", "b", "c"]) azure.vaults.putSecret(vault, `${name}-${object}`, `${object} of ${name}`);
	const instance = bench.instance();
	const context = { once: kept() };
	await Promise.all(
		owners.flatMap((owner) =>
			Array.from({ length: 5 }, async () => {
				const session = await connect(instance, { ...owner, context });
				const answers = await read(session, ...["a", "b", "c"].map((object) => refOf(`${owner.name}-${object}`)));
				t.deepEqual(
					answers.map(told),
					["a", "b", "c"].map((object) => `${object} of ${owner.name}`),
				);
			}),
		),
	);
	for (const { object, client } of azure.calls({ operation: "secrets/get" })) t.is(client, `client-of-${object?.split("-")[0]}`);
	t.is(azure.calls({ operation: "secrets/get" }).length, 30);
});

test.serial("ten objects take two round trips from a cold start, whatever each takes", async (t) => {
	const bench = await openBench(t);
	const account = makeAccount(bench, "web");
	const refs = Array.from({ length: 10 }, (_, index) => refOf(`object-${index}`));
	for (const { name } of refs) bench.azure.vaults.putSecret(vault, name, name);
	// The SDK's code is loaded once for a process.
	await read(await connect(bench.instance(), account), ...refs.slice(0, 1));
	bench.azure.forget();
	bench.azure.latencyMilliseconds = 1_000;
	const began = performance.now();
	const answers = await read(await connect(bench.instance(), account), ...refs);
	t.deepEqual(
		answers.map(told),
		refs.map(({ name }) => name),
	);
	t.true(performance.now() - began < 4_000);
	t.deepEqual(operations(bench), ["token 200", ...refs.map(() => "secrets/get 200")]);
	t.is(bench.azure.peakOpenRequests, 10, "all of them were asked for at once");
});

test("a session ends some time before its access token, and at once when the vault takes the token no more", async (t) => {
	const bench = await openBench(t);
	const account = makeAccount(bench, "web");
	bench.azure.vaults.putSecret(vault, "db", "hunter2");
	for (const [lifetime, margin] of [
		[3600, 300],
		[600, 60],
	] as const) {
		bench.azure.tokens.lifetimeSeconds = lifetime;
		const before = Date.now();
		const ends = (await connect(bench.instance(), account)).expiresAt?.getTime() ?? 0;
		const expected = before + (lifetime - margin) * 1000;
		// @azure/identity counts in whole seconds.
		t.true(ends >= expected - 1000 && ends <= expected + (Date.now() - before) + 1000, `${ends - expected} ms`);
	}
	const session = await connect(bench.instance(), account);
	bench.azure.tokens.endAll();
	const [outcome] = await read(session, refOf("db"));
	t.is(told(outcome), "unreachable", "no word on what the identity may have");
	t.deepEqual(session.expiresAt, new Date(0));
});

test("a key and a certificate are given as PEM, and everything as bundles with its version", async (t) => {
	const bench = await openBench(t);
	const account = makeAccount(bench, "web");
	const older = bench.azure.vaults.putSecret(vault, "db", "hunter1");
	const newer = bench.azure.vaults.putSecret(vault, "db", "hunter2", { contentType: "text/plain" });
	const { version, publicKey } = await bench.azure.vaults.putKey(vault, "signing", { type: "EC" });
	const session = await connect(bench.instance(), account);
	const bundle = { form: "bundle" } as const;
	const refs = [
		refOf("DB", { version: older }),
		refOf("db", bundle),
		refOf("signing", { kind: "key" }),
		refOf("signing", { kind: "key", ...bundle }),
	];
	const [plain, secret, pem, key] = (await read(session, ...refs)).map(told);
	t.is(plain, "hunter1");
	t.deepEqual(JSON.parse(secret ?? ""), { version: newer, value: "hunter2", contentType: "text/plain", ofCertificate: false });
	t.is(pem, publicKey?.export({ type: "spki", format: "pem" }).toString());
	const { kty, crv, x, y } = publicKey?.export({ format: "jwk" }) ?? {};
	t.deepEqual(JSON.parse(key ?? ""), { version, jwk: { kty, crv, x, y } });
});

test("a history is of as many enabled versions as are asked for, newest first, from the newest or from one backwards", async (t) => {
	const bench = await openBench(t, { pageSize: 2 });
	const { azure } = bench;
	const account = makeAccount(bench, "web");
	const versions = ["m1", "m2", "m3", "off", "m5"].map((value) =>
		azure.vaults.putSecret(vault, "multi", value, { enabled: value !== "off" }),
	);
	const session = await connect(bench.instance(), account);
	const history = async (count: number, version = "") => {
		const [outcome] = await read(session, refOf("multi", { form: "bundle", history: count, version }));
		if (outcome?.kind !== "found") return told(outcome);
		return (JSON.parse(told(outcome)) as { value: string }[]).map(({ value }) => value);
	};
	t.deepEqual(await history(2), ["m5", "m3"]);
	t.deepEqual(await history(10), ["m5", "m3", "m2", "m1"]);
	t.deepEqual(await history(2, versions[1]), ["m2", "m1"]);
	t.is(await history(2, versions[3]), "absent", "it begins with a version that is disabled");
	azure.vaults.delete(vault, "secrets", "multi");
	t.is(await history(2), "absent");
	azure.vaults.allow(account.role, vault, { secrets: ["get"] });
	t.is(await history(2), "denied", "listing is a right of its own");
});

const malformed: Readonly<Record<string, StoredRef>> = {
	"a name with a slash": refOf("a/b"),
	"a name that walks": refOf(".."),
	"a name with a query": refOf("a?api-version=1"),
	"a version that is none": refOf("db", { version: "../x" }),
};

for (const [name, ref] of Object.entries(malformed)) {
	test(`${name} is malformed, and no vault is asked`, async (t) => {
		const bench = await openBench(t);
		const session = await connect(bench.instance(), makeAccount(bench, "web"));
		t.is(told((await read(session, ref))[0]), "invalid");
		t.deepEqual(operations(bench), ["token 200"]);
	});
}

/** The policy of a provider whose store `main` is the bench's vault. */
function policyFor(bench: Bench, more: Readonly<Record<string, unknown>> = {}): string {
	const { vaultUrl, authority } = bench.instance();
	const main = { type: "azure", vault, tenant: defaultTenant, address: vaultUrl, authority, caFile: bench.azure.caFile, ...more };
	return `stores: ${JSON.stringify({ main })}`;
}

test("110 pods of one identity share one exchange of a token, and each object is read once", async (t) => {
	const bench = await openBench(t);
	const { role } = makeAccount(bench, "web");
	const objects = Array.from({ length: 5 }, (_, index) => ({ name: `f${index}`, store: "main", path: `object-${index}` }));
	for (const { path } of objects) bench.azure.vaults.putSecret(vault, path, `value of ${path}`);
	bench.azure.latencyMilliseconds = 20;
	const provider = await startTestProvider(t, {
		policy: policyFor(bench, { client: role }),
		providers: "claviger",
		issuer,
		ages: "default",
	});
	const pods = Array.from({ length: 110 }, () => makePod());
	const parameters = { objects: JSON.stringify(objects) };
	const mounts = await Promise.all(pods.map((pod) => provider.mount("claviger", pod, parameters, { audience: exchangeAudience })));
	for (const { files } of mounts) t.is(files.get("f4")?.contents.toString(), "value of object-4");
	t.is(bench.azure.calls({ operation: "token" }).length, 1);
	for (const { path } of objects) t.is(bench.azure.calls({ operation: "secrets/get", object: path }).length, 1);
});

test("pods with other client secrets are other identities, and none needs a token", async (t) => {
	const bench = await openBench(t);
	bench.azure.directory.addClientSecret({ client: "principal", secret: "right" });
	bench.azure.vaults.allow("principal", vault, everything);
	bench.azure.vaults.putSecret(vault, "db", "hunter2");
	const provider = await startTestProvider(t, {
		policy: policyFor(bench, { identity: "principal" }),
		providers: "claviger",
		issuer,
		ages: "default",
	});
	const parameters = { objects: JSON.stringify([{ name: "db", store: "main", path: "db" }]) };
	const mount = (clientsecret: string, pod = makePod()) =>
		provider.mount("claviger", pod, parameters, { tokens: {}, secrets: JSON.stringify({ clientid: "principal", clientsecret }) });
	const first = makePod();
	t.is((await mount("right", first)).files.get("db")?.contents.toString(), "hunter2");
	t.is((await mount("right")).files.get("db")?.contents.toString(), "hunter2");
	t.is(bench.azure.calls({ operation: "token" }).length, 1, "the same credentials share a login");
	const wrong = await t.throwsAsync(mount("wrong"), { instanceOf: CallFailure });
	t.is(wrong?.errorCode, "denied", wrong?.details);
	const none = await t.throwsAsync(provider.mount("claviger", makePod(), parameters, { tokens: {} }), { instanceOf: CallFailure });
	t.is(none?.errorCode, "unidentified", none?.details);
	t.is((await mount("right", first)).files.get("db")?.contents.toString(), "hunter2", "the others' failures are theirs");
	t.notRegex(JSON.stringify([provider.logs, provider.audited()]), /right|wrong"/);
});

test("a class cannot write what is the administrator's", async (t) => {
	const provider = await startTestProvider(t, { policy: "profile: compatible", providers: "claviger", issuer });
	const objects = JSON.stringify([{ name: "db", store: "main", path: "db" }]);
	const usual = { type: "azure", vault, tenant: defaultTenant, client: "web" };
	for (const more of [
		{ address: "https://vault.evil.example" },
		{ authority: "https://login.evil.example" },
		{ vaultSuffix: "evil.example" },
		{ resource: "https://graph.microsoft.com" },
		{ identity: "vm" },
		{ identity: "vm", managedIdentity: { namespaces: ["shop"] } },
		{ identity: "binding", tokenProxy: { address: "https://proxy.evil.example" } },
		{ caFile: "/tmp/ca.pem" },
		{ allowUnboundKms: "true" },
	]) {
		const stores = JSON.stringify({ main: { ...usual, ...more } });
		const error = await t.throwsAsync(provider.mount("claviger", makePod(), { stores, objects }, { audience: exchangeAudience }), {
			instanceOf: CallFailure,
		});
		t.is(error?.errorCode, "invalid", error?.details);
		t.regex(error?.details ?? "", /has options that only the administrator may write/);
	}
});
