import { startLatencyProxy } from "../servers/latency-proxy.ts";
import { createMountClient, type MountClient } from "../support/mount-client.ts";
import { startContestant } from "./contestants.ts";
import { podAttributes, podsOfNode } from "./requests.ts";
import type { BenchVault } from "./vault.ts";

const objects = 10;
const callers = 3;
const mountsPerCaller = 50;
/** Milliseconds added to each answer of the sound store: waiting for it, not computing, makes the time of a mount. */
const networkDelay = 20;
/** Calls under way at once to one store, the provider's own default. */
const places = 32;

/** Mounts from one store while another one hangs, against the same without the other; 99th percentiles in milliseconds. */
export interface Isolation {
	readonly alone: number;
	readonly besideHanging: number;
	readonly ratio: number;
}

/** @param rounds of both settings, in turn */
export async function measureIsolation(directory: string, vault: BenchVault, rounds: number): Promise<Isolation> {
	const hanging = await startLatencyProxy(undefined, { target: vault.address });
	hanging.misbehave({ kind: "hang" });
	const sound = await startLatencyProxy(undefined, { target: vault.address, delayMilliseconds: networkDelay });
	const contestant = await startContestant({
		name: "claviger",
		directory,
		vault: { ...vault, address: sound.address, neighbours: [hanging.address] },
		objects,
		// Each mount asks the store, which is what could suffer.
		flags: ["--max-age", "0"],
	});
	const client = createMountClient(contestant.socket);
	const [alone, besideHanging]: [number[], number[]] = [[], []];
	try {
		// The first mounts load and compile code.
		await timeMounts(client, vault);
		for (let round = 0; round < rounds; round += 1) {
			alone.push(...(await timeMounts(client, vault)));
			const stuck = await hang(client, vault, hanging.address);
			while (hanging.openRequests() < places) await new Promise((resolve) => setTimeout(resolve, 5));
			besideHanging.push(...(await timeMounts(client, vault)));
			await stuck.cancel();
		}
	} finally {
		client.close();
		await contestant.process.stop();
		await Promise.all([hanging.stop(), sound.stop()]);
	}
	const percentiles = { alone: percentile99(alone), besideHanging: percentile99(besideHanging) };
	return { ...percentiles, ratio: percentiles.besideHanging / percentiles.alone };
}

/** Each caller is an identity of its own, so that they share no reads. */
async function timeMounts(client: MountClient, vault: BenchVault): Promise<readonly number[]> {
	const times: number[] = [];
	const caller = async (_: unknown, index: number) => {
		const attributes = await podAttributes(vault.issuer, objects, `caller-${index}`);
		// While a node full of pods arrives, the processor is theirs: what counts is how it is once they wait.
		await client.mount(attributes);
		for (let count = 0; count < mountsPerCaller; count += 1) {
			const began = performance.now();
			await client.mount(attributes);
			times.push(performance.now() - began);
		}
	};
	await Promise.all(Array.from({ length: callers }, caller));
	return times;
}

/** A node full of pods that want to mount from the store that hangs. */
async function hang(client: MountClient, vault: BenchVault, address: string): Promise<{ readonly cancel: () => Promise<void> }> {
	const attributes = await Promise.all(
		Array.from({ length: podsOfNode }, (_, index) => podAttributes(vault.issuer, objects, `stuck-${index}`)),
	);
	const caller = new AbortController();
	const options = { signal: caller.signal, deadline: 90_000 };
	const mounts = attributes.map((one) => client.mount({ ...one, vaultAddress: address }, options));
	const ended = Promise.allSettled(mounts);
	return {
		async cancel() {
			caller.abort();
			await ended;
		},
	};
}

function percentile99(values: readonly number[]): number {
	return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;
}
