import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startLatencyProxy } from "../servers/latency-proxy.ts";
import { createMountClient } from "../support/mount-client.ts";
import { type Contestant, type ContestantName, launchContestant, startContestant } from "./contestants.ts";
import { putLoad } from "./load.ts";
import { memory } from "./process-usage.ts";
import { waitForSocket } from "./provider-process.ts";
import { podAttributes, podsOfNode, writeAttributes } from "./requests.ts";
import { median } from "./throughput.ts";
import type { BenchVault } from "./vault.ts";

/** Milliseconds that the slow network adds to each answer of Vault. */
const networkDelay = 20;
const coldIdentities = 30;

/** Mounts once. */
async function mountOnce(contestant: Contestant, attributes: Readonly<Record<string, string>>): Promise<void> {
	const client = createMountClient(contestant.socket);
	try {
		await client.mount(attributes);
	} finally {
		client.close();
	}
}

/** Milliseconds from the start of the process to its first answer, which takes a login and one read of Vault. */
export async function measureColdStart(name: ContestantName, directory: string, vault: BenchVault, tries: number): Promise<number> {
	const attributes = await podAttributes(vault.issuer, 1);
	const times: number[] = [];
	// The first start fills the compile cache, which the image brings along, and is not counted.
	for (let count = 0; count <= tries; count += 1) {
		const began = performance.now();
		const contestant = launchContestant({ name, directory, vault, objects: 1 });
		try {
			await waitForSocket(contestant.socket, contestant.process);
			await mountOnce(contestant, attributes);
			if (count > 0) times.push(performance.now() - began);
		} finally {
			await contestant.process.stop();
		}
	}
	return median(times);
}

/** MiB of resident memory: after one mount of ten objects, and the most under full load. */
export interface MemoryUse {
	readonly idle: number;
	readonly peak: number;
}

export async function measureMemory(name: ContestantName, directory: string, vault: BenchVault, seconds: number): Promise<MemoryUse> {
	const attributesFile = join(directory, "attributes-memory.json");
	await writeAttributes(attributesFile, vault.issuer, 10);
	const contestant = await startContestant({ name, directory, vault, objects: 10 });
	try {
		await mountOnce(contestant, await podAttributes(vault.issuer, 10));
		// Idle is what remains when start and first mount are over.
		await delay(2000);
		const idle = memory(contestant.process.pid).now;
		const load = await putLoad({ socket: contestant.socket, attributesFile, concurrency: podsOfNode, seconds });
		if (load.failed > 0) throw new Error(`${name} failed under load: ${JSON.stringify(load.failures)}`);
		return { idle, peak: memory(contestant.process.pid).peak };
	} finally {
		await contestant.process.stop();
	}
}

/** A Mount by an identity that the provider has not seen, over a slow network; times in milliseconds. */
export interface ColdMount {
	readonly delay: number;
	/** Of one request to Vault over that network. */
	readonly roundTrip: number;
	readonly milliseconds: number;
	/** The mount in units of the round trip. */
	readonly roundTrips: number;
}

export async function measureColdMount(directory: string, vault: BenchVault): Promise<ColdMount> {
	const network = await startLatencyProxy(undefined, { target: vault.address, delayMilliseconds: networkDelay });
	try {
		const roundTrip = await timeRoundTrip(network.address);
		const slowVault = { ...vault, address: network.address };
		const contestant = await startContestant({ name: "claviger", directory, vault: slowVault, objects: 10 });
		const client = createMountClient(contestant.socket);
		try {
			const times: number[] = [];
			// Cold is the identity, each mount's own, not the process: the first mounts also load and compile code.
			for (let count = 0; count < coldIdentities; count += 1) {
				const attributes = await podAttributes(vault.issuer, 10, `cold-${count}`);
				const milliseconds = await timed(() => client.mount(attributes));
				if (count >= coldIdentities / 2) times.push(milliseconds);
			}
			const milliseconds = median(times);
			return { delay: networkDelay, roundTrip, milliseconds, roundTrips: milliseconds / roundTrip };
		} finally {
			client.close();
			await contestant.process.stop();
		}
	} finally {
		await network.stop();
	}
}

async function timeRoundTrip(address: string): Promise<number> {
	const times: number[] = [];
	for (let count = 0; count < 10; count += 1) {
		times.push(await timed(async () => (await fetch(`${address}/v1/sys/health`)).arrayBuffer()));
	}
	return median(times);
}

async function timed(action: () => Promise<unknown>): Promise<number> {
	const began = performance.now();
	await action();
	return performance.now() - began;
}
