import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import { putLoad } from "./bench/load.ts";
import { cpuSeconds } from "./bench/process-usage.ts";
import { serveParameters, waitForSocket } from "./bench/provider-process.ts";
import { writeAttributes } from "./bench/requests.ts";
import { startBenchVault } from "./bench/vault.ts";
import { type GuardedProcess, startGuarded } from "./servers/guarded-process.ts";
import { type LatencyProxy, startLatencyProxy } from "./servers/latency-proxy.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const callers = 200;

/** Waits until a process has nothing more to do for now. */
async function quiet(server: GuardedProcess): Promise<void> {
	for (let before = -1, now = cpuSeconds(server.pid); now !== before; now = cpuSeconds(server.pid)) {
		before = now;
		await delay(500);
	}
}

/** Waits until the proxy holds a request. */
async function held(proxy: LatencyProxy): Promise<void> {
	const deadline = Date.now() + 20_000;
	while (proxy.openRequests() === 0) {
		if (Date.now() > deadline) throw new Error("no request came to Vault");
		await delay(20);
	}
}

test("a provider that is killed during 200 mounts and started again fails none of them for a driver that retries", async (t) => {
	const directory = temporaryDirectory(t);
	const vault = await startBenchVault();
	t.teardown(() => vault.stop());
	const proxy = await startLatencyProxy(t, { target: vault.address });
	const attributesFile = join(directory, "attributes.json");
	await writeAttributes(attributesFile, vault.issuer, 1);
	const socket = join(directory, "vault.sock");
	const command = [join(import.meta.dirname, "../provider/start.js"), ...serveParameters(directory, { ...vault, address: proxy.address })];

	function start(): GuardedProcess {
		const provider = startGuarded(process.execPath, command, { logFile: join(directory, "provider.log") });
		t.teardown(() => provider.stop());
		return provider;
	}

	const first = start();
	await waitForSocket(socket, first);
	// Vault says nothing, so every caller has a mount under way and none has begun to get its answer: a call
	// whose answer has begun is one that gRPC does not repeat.
	proxy.misbehave({ kind: "hang" });
	const load = putLoad({ socket, attributesFile, concurrency: callers, seconds: 6, retry: true });
	await held(proxy);
	await quiet(first);
	first.kill("SIGKILL");
	await first.ended;
	proxy.misbehave(undefined);
	start();

	const { calls, failures, failedAttempts } = await load;
	t.is(failedAttempts, callers, "the kill met a mount of every caller");
	t.deepEqual(failures, {});
	t.true(calls > callers, "mounts go on after the restart");
});
