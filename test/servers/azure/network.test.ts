import { request } from "node:http";
import test, { type ExecutionContext } from "ava";
import { waitUntil } from "../../support/wait-until.ts";
import { type AzureOptions, type AzureServers, startAzure } from "./azure.ts";
import { defaultTenant } from "./entra/directory.ts";
import { type Fault, garbage, throttled } from "./faults.ts";
import { TestClient } from "./test-client.ts";

async function open(t: ExecutionContext<unknown>, options: AzureOptions = {}) {
	const azure = await startAzure(t, options);
	const tester = new TestClient(t, azure);
	const tokenOf = async (client: string) =>
		(await azure.tokens.issue({ tenant: defaultTenant, client, audience: "https://vault.azure.net" })).token;
	for (const name of ["db", "other"]) azure.vaults.putSecret("kv-main", name, `of ${name}`);
	for (const client of ["app", "job"]) azure.vaults.allow(client, "kv-main", { secrets: ["get", "list"] });
	const read = async (name: string, client = "app", signal?: AbortSignal) =>
		tester.askVault(azure.vaultUrl("kv-main"), `secrets/${name}`, {
			token: await tokenOf(client),
			...(signal === undefined ? {} : { signal }),
		});
	return { azure, tester, read };
}

test("a fault meets the requests it is meant for, so often as it says", async (t) => {
	const { azure, read } = await open(t);
	const broken: Fault["behaviour"] = { kind: "status", status: 503 };
	const cases: Readonly<Record<string, readonly [fault: Partial<Fault>, met: readonly number[]]>> = {
		"all requests": [{}, [503, 503, 503]],
		"one operation": [{ operation: "secrets/get" }, [503, 503, 503]],
		"another operation": [{ operation: "token" }, [200, 200, 200]],
		"one object": [{ object: "other" }, [200, 503, 200]],
		"one client": [{ client: "job" }, [200, 200, 503]],
		"one vault": [{ vault: "kv-main" }, [503, 503, 503]],
		"another vault": [{ vault: "kv-other" }, [200, 200, 200]],
		once: [{ times: 1 }, [503, 200, 200]],
	};
	for (const [name, [fault, met]] of Object.entries(cases)) {
		const end = azure.faults.add({ behaviour: broken, ...fault });
		const statuses = [(await read("db")).status, (await read("other")).status, (await read("db", "job")).status];
		t.deepEqual(statuses, met, name);
		end();
		t.is((await read("db")).status, 200, name);
	}
});

test("faults are of every kind that a network knows", async (t) => {
	const { azure, read } = await open(t);
	const meet = (behaviour: Fault["behaviour"]) => azure.faults.add({ behaviour, times: 1 });
	meet({ kind: "reset" });
	await t.throwsAsync(read("db"), { code: "ECONNRESET" });
	meet({ kind: "truncate" });
	await t.throwsAsync(read("db"), { code: "ECONNRESET" });
	meet(garbage);
	t.is((await read("db")).body, undefined);
	meet(throttled(7));
	t.is((await read("db")).headers["retry-after"], "7");
	meet({ kind: "delay", milliseconds: 50 });
	const began = performance.now();
	t.is((await read("db")).status, 200);
	t.true(performance.now() - began >= 49);
	meet({ kind: "endless" });
	const caller = new AbortController();
	const endless = read("db", "app", caller.signal);
	await waitUntil(() => azure.openRequests === 1);
	caller.abort();
	await t.throwsAsync(endless);
	await waitUntil(() => azure.openRequests === 0);
});

test("requests that hang are counted until their client goes", async (t) => {
	const { azure, read } = await open(t);
	azure.faults.add({ behaviour: { kind: "hang" } });
	const caller = new AbortController();
	const reads = [read("db", "app", caller.signal), read("other", "app", caller.signal)];
	await waitUntil(() => azure.openRequests === 2);
	caller.abort();
	for (const hung of reads) await t.throwsAsync(hung, { name: "AbortError" });
	await waitUntil(() => azure.openRequests === 0);
	t.is(azure.peakOpenRequests, 2);
	azure.forget();
	t.is(azure.calls().length, 0);
	t.is((await read("db")).status, 200);
});

test("calls are told with operation, vault, object, client and status, and every answer is late by the latency", async (t) => {
	const { azure, read } = await open(t);
	azure.latencyMilliseconds = 30;
	const began = performance.now();
	await Promise.all([read("db"), read("nothing"), read("other", "job")]);
	t.true(performance.now() - began >= 29);
	t.is(azure.calls().length, 3);
	t.is(azure.calls({ status: 404 })[0]?.object, "nothing");
	const place = { operation: "secrets/get", host: "kv-main.vault.azure.net", vault: "kv-main" };
	t.deepEqual(azure.calls({ client: "job" }), [{ ...place, object: "other", client: "job", status: 200 }]);
	t.is(azure.calls({ operation: "secrets/list" }).length, 0);
});

test("the proxy opens the way to the names that exist, unless it refuses or says nothing", async (t) => {
	const { azure, tester, read } = await open(t);
	t.is((await read("db")).status, 200);
	await t.throwsAsync(tester.ask("https://kv-unknown.vault.azure.net/secrets/db"), { code: "ERR_PROXY_TUNNEL" });
	await t.throwsAsync(tester.ask("https://kv-main.vault.azure.net:8443/secrets/db"), { code: "ERR_PROXY_TUNNEL" });
	tester.agent.destroy();
	azure.proxy.refuseWith = 407;
	await t.throwsAsync(read("db"), { code: "ERR_PROXY_TUNNEL" });
	azure.proxy.refuseWith = undefined;
	azure.proxy.hangs = true;
	const caller = new AbortController();
	const hung = read("db", "app", caller.signal);
	await waitUntil(() => azure.proxy.tunnels.length === 5);
	caller.abort();
	await t.throwsAsync(hung, { name: "AbortError" });
	t.deepEqual(azure.proxy.tunnels, [
		"kv-main.vault.azure.net:443",
		"kv-unknown.vault.azure.net:443",
		"kv-main.vault.azure.net:8443",
		"kv-main.vault.azure.net:443",
		"kv-main.vault.azure.net:443",
	]);
	t.is(azure.calls().length, 1, "what was refused never arrived");
});

test("the servers' certificate is one that clients refuse, if it is asked for", async (t) => {
	const codes: Readonly<Record<NonNullable<AzureOptions["certificate"]>, string>> = {
		expired: "CERT_HAS_EXPIRED",
		foreign: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
		"other-name": "ERR_TLS_CERT_ALTNAME_INVALID",
	};
	for (const [certificate, code] of Object.entries(codes)) {
		const { azure, read } = await open(t, { certificate: certificate as keyof typeof codes });
		await t.throwsAsync(read("db"), { code }, certificate);
		t.is(azure.calls().length, 0, certificate);
	}
});

test("an address on loopback is one vault or the authority, without a proxy", async (t) => {
	const { azure, tester } = await open(t);
	const { token } = await azure.tokens.issue({ tenant: defaultTenant, client: "app", audience: "https://vault.azure.net" });
	const direct = await azure.listenAsVault("kv-main");
	t.is((await tester.askVault(direct, "secrets/db", { token })).body?.["value"], "of db");
	const list = await tester.askVault(direct, "secrets?maxresults=1", { token });
	t.true(String(list.body?.["nextLink"]).startsWith(`${direct}/secrets?`), "the next page is at the same address");
	azure.directory.addClientSecret({ client: "app", secret: "right" });
	const authority = await azure.listenAsAuthority();
	t.is((await tester.askToken(authority, { client_id: "app", client_secret: "right" })).status, 200);
	t.deepEqual(azure.proxy.tunnels, []);
});

test("the metadata service is behind the proxy too, in plain HTTP", async (t) => {
	const { azure } = await open(t);
	azure.nodeIdentities.ofNode.push({ client: "node", systemAssigned: true });
	const answer = await plainThroughProxy(azure);
	t.is(answer.status, 200);
	azure.proxy.refuseWith = 403;
	t.is((await plainThroughProxy(azure)).status, 403);
});

/** A request in absolute form, as clients send it to a proxy. */
async function plainThroughProxy({ proxy }: AzureServers): Promise<{ readonly status: number }> {
	const { hostname, port } = new URL(proxy.address);
	const path = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net";
	const { promise, resolve, reject } = Promise.withResolvers<{ readonly status: number }>();
	const outgoing = request({ hostname, port, path, headers: { host: "169.254.169.254", metadata: "true" } }, (incoming) => {
		incoming.resume();
		incoming.once("end", () => resolve({ status: incoming.statusCode ?? 0 }));
	});
	outgoing.once("error", reject).end();
	return promise;
}
