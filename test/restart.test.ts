import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { type LoadResult, putLoad } from "./bench/load.ts";
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

interface Bench {
	readonly proxy: LatencyProxy;
	readonly socket: string;
	/** A new process of the provider in the place of the one before. */
	start(): GuardedProcess;
	load(seconds: number): Promise<LoadResult>;
}

async function makeBench(t: ExecutionContext): Promise<Bench> {
	const directory = temporaryDirectory(t);
	const vault = await startBenchVault();
	t.teardown(() => vault.stop());
	const proxy = await startLatencyProxy(t, { target: vault.address });
	const attributesFile = join(directory, "attributes.json");
	await writeAttributes(attributesFile, vault.issuer, 1);
	const socket = join(directory, "vault.sock");
	const command = [join(import.meta.dirname, "../provider/start.js"), ...serveParameters(directory, { ...vault, address: proxy.address })];
	return {
		proxy,
		socket,
		start() {
			const provider = startGuarded(process.execPath, command, { logFile: join(directory, "provider.log") });
			t.teardown(() => provider.stop());
			return provider;
		},
		load: (seconds) => putLoad({ socket, attributesFile, concurrency: callers, seconds, retry: true }),
	};
}

async function kill(provider: GuardedProcess): Promise<void> {
	provider.kill("SIGKILL");
	await provider.ended;
}

test.serial("a provider that is killed during 200 mounts and started again fails none of them for a driver that retries", async (t) => {
	const { proxy, socket, start, load } = await makeBench(t);
	const first = start();
	await waitForSocket(socket, first);
	// Vault says nothing, so every caller has a mount under way.
	proxy.misbehave({ kind: "hang" });
	const result = load(10);
	await held(proxy);
	await quiet(first);
	await kill(first);
	proxy.misbehave(undefined);
	start();

	const { calls, failures, failedAttempts } = await result;
	t.is(failedAttempts, callers, "the kill met a mount of every caller");
	t.deepEqual(failures, {});
	t.true(calls > callers, "mounts go on after the restart");
});

test.serial("a provider that is killed while it sends answers to 200 mounts leaves none of them half answered", async (t) => {
	const { socket, start, load } = await makeBench(t);
	let provider = start();
	await waitForSocket(socket, provider);
	for (let round = 0; round < 3; round += 1) {
		const before = cpuSeconds(provider.pid);
		const result = load(6);
		// The first mount is answered from Vault, all others from memory, as fast as they can be sent.
		while (cpuSeconds(provider.pid) - before < 1) await delay(20);
		await kill(provider);
		provider = start();

		const { failures, failedAttempts } = await result;
		t.true(failedAttempts > 0, "the kill met mounts");
		t.deepEqual(failures, {}, `round ${round}`);
	}
});
