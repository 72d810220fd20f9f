import test from "ava";
import { startLatencyProxy } from "../servers/latency-proxy.ts";
import { CallFailure } from "../support/mount-client.ts";
import { startTestProvider } from "../support/provider.ts";
import { mountPod, objectsOfPod, podsOfNode, policyFor, type StormVault, startKeyServer, startStormVault, until } from "./storm-support.ts";

// One after another: they measure times and count what the whole process has open.
let vault: StormVault;
test.before(async () => {
	vault = await startStormVault();
});
test.after.always(() => vault?.server.stop());

/** The default of --fetch-concurrency. */
const concurrency = 32;
const loginPath = "/v1/auth/jwt/login";
const pods = Array.from({ length: podsOfNode }, (_, index) => index);

for (const { title, account, logins, reads } of [
	{ title: "one service account", account: () => "web", logins: 1, reads: objectsOfPod },
	{ title: "service accounts of their own", account: (pod: number) => `web-${pod}`, logins: podsOfNode, reads: podsOfNode * objectsOfPod },
]) {
	test.serial(`a rebooted node's pods with ${title} are all served within ten seconds from a store 100 ms away`, async (t) => {
		const network = await startLatencyProxy(t, { target: vault.server.address, delayMilliseconds: 100 });
		const keys = await startKeyServer(t, vault.issuer);
		const provider = await startTestProvider(t, {
			issuer: vault.issuer,
			policy: policyFor(network.address),
			verifies: false,
			flags: keys.flags,
		});
		const before = performance.now();
		const files = await Promise.all(pods.map((pod) => mountPod(provider, { serviceAccount: account(pod) })));
		const seconds = (performance.now() - before) / 1000;
		t.log(`${seconds.toFixed(1)} s, ${network.requests.length} calls, at most ${network.peakOpenRequests} at once`);
		t.true(files.every((count) => count === objectsOfPod));
		t.true(seconds <= 10, `${seconds} s`);
		t.is(network.counts.get(loginPath), logins);
		t.is(network.requests.length, logins + reads);
		t.deepEqual(keys.calls, ["GET /openid/v1/jwks"], "what the API server was asked for all these mounts");
	});
}

test.serial("a store that answers everybody 429 with Retry-After is left alone, and all mount when it is over", async (t) => {
	const network = await startLatencyProxy(t, { target: vault.server.address });
	const provider = await startTestProvider(t, { issuer: vault.issuer, policy: policyFor(network.address) });
	network.misbehave({ kind: "status", status: 429, headers: { "retry-after": "1" }, body: '{"errors":["rate limit quota exceeded"]}' });
	const mounts = Promise.all(pods.map((pod) => mountPod(provider, { serviceAccount: `limited-${pod}` })));
	const busyBefore = process.cpuUsage();
	await new Promise((resolve) => setTimeout(resolve, 6_000));
	const busy = process.cpuUsage(busyBefore);
	const during = network.requests.length;
	network.misbehave(undefined);
	t.deepEqual(new Set(await mounts), new Set([objectsOfPod]));
	const total = network.requests.length;
	t.log(`${during} calls in 6 s of 429, ${total} in all, ${Math.round((busy.user + busy.system) / 1000)} ms of CPU`);
	t.true(during <= concurrency + 8, `${during} calls during the outage`);
	const needed = podsOfNode * (1 + objectsOfPod);
	t.true(total - needed <= needed / 10 + 6, `${total} calls where ${needed} are needed`);
	t.true(busy.user + busy.system < 4_000_000, "nobody waits busily");
});

test.serial("a store that hangs takes no place from another, and its callers are bounded and told so", async (t) => {
	const [hanging, sound] = [
		await startLatencyProxy(t, { target: vault.server.address }),
		await startLatencyProxy(t, { target: vault.server.address }),
	];
	const provider = await startTestProvider(t, {
		issuer: vault.issuer,
		policy: policyFor(sound.address, hanging.address),
		flags: ["--fetch-concurrency", "4"],
	});
	hanging.misbehave({ kind: "hang" });
	const caller = new AbortController();
	const stuck = pods.map((pod) =>
		mountPod(provider, { serviceAccount: `web-${pod}`, address: hanging.address, signal: caller.signal }).catch((error: unknown) => error),
	);
	await until(t, "all places at the hanging store are taken", () => hanging.openRequests() === 4);
	const before = performance.now();
	const files = await Promise.all(pods.map((pod) => mountPod(provider, { serviceAccount: `web-${pod}` })));
	const seconds = (performance.now() - before) / 1000;
	t.deepEqual(new Set(files), new Set([objectsOfPod]));
	t.is(sound.requests.length, podsOfNode * (1 + objectsOfPod));
	t.is(sound.peakOpenRequests, 4, "its own places");
	t.deepEqual([hanging.openRequests(), hanging.requests.length], [4, 4], "the other still hangs");
	t.log(`${podsOfNode} mounts beside a hanging store in ${seconds.toFixed(1)} s`);
	caller.abort();
	for (const error of await Promise.all(stuck)) t.true(error instanceof CallFailure && error.code === "CANCELLED");
	await until(t, "the hanging calls are gone", () => hanging.openRequests() === 0);
	t.is(hanging.requests.length, 4, "who gave up while waiting is never sent");
});

test.serial("a thousand cancelled mounts leave no connection and no timer", async (t) => {
	const network = await startLatencyProxy(t, { target: vault.server.address });
	const provider = await startTestProvider(t, { issuer: vault.issuer, policy: policyFor(network.address) });
	t.is(await mountPod(provider, { serviceAccount: "web" }), objectsOfPod);
	network.misbehave({ kind: "hang" });
	const before = openResources();
	const caller = new AbortController();
	const cancelled = Array.from({ length: 1000 }, (_, index) =>
		mountPod(provider, { serviceAccount: `gone-${index % 250}`, objects: 1, signal: caller.signal }).catch((error: unknown) => error),
	);
	await until(t, "calls hang", () => network.openRequests() === concurrency);
	const cancelledAt = performance.now();
	caller.abort();
	for (const error of await Promise.all(cancelled)) t.true(error instanceof CallFailure && error.code === "CANCELLED");
	await until(t, "the store's calls are aborted", () => network.openRequests() === 0);
	t.true(performance.now() - cancelledAt < 1000, "within a second");
	await until(t, "nothing is left", () => {
		const now = openResources();
		return now.connections <= before.connections && now.timers <= before.timers;
	});
	network.misbehave(undefined);
	t.is(await mountPod(provider, { serviceAccount: "gone-1" }), objectsOfPod, "the place of those who gave up is free");
});

function openResources(): { readonly connections: number; readonly timers: number } {
	const names = process.getActiveResourcesInfo();
	const count = (name: string) => names.filter((other) => other === name).length;
	return { connections: count("TCPSocketWrap"), timers: count("Timeout") };
}
