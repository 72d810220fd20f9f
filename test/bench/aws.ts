// Measures the provider on AWS stand-ins with canned answers: a cold mount over a slow network, and memory under load; called by scripts/bench aws.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundle, entry } from "../../scripts/bundle.ts";
import { type LoadAws, startLoadAws } from "../servers/aws/load-server.ts";
import { goBinary } from "../servers/go-binary.ts";
import { type GuardedProcess, startGuarded } from "../servers/guarded-process.ts";
import { createMountClient } from "../support/mount-client.ts";
import { makePod, mountAttributes } from "../support/pods.ts";
import { createTokenIssuer, type TokenIssuer } from "../support/token-issuer.ts";
import { shippedFlags } from "./contestants.ts";
import { putLoad } from "./load.ts";
import { memory } from "./process-usage.ts";
import { waitForSocket } from "./provider-process.ts";
import { podsOfNode } from "./requests.ts";
import { median } from "./throughput.ts";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "40" } } });
const seconds = Number(values.seconds);
/** Milliseconds added to each answer of AWS. */
const networkDelay = 10;
const coldObjects = 50;
const coldIdentities = 20;
const audience = "sts.amazonaws.com";
let starts = 0;

/** What every measurement needs. */
interface Surroundings {
	readonly directory: string;
	readonly aws: LoadAws;
	readonly issuer: TokenIssuer;
}

const directory = mkdtempSync(join(tmpdir(), "clv-bench-aws-"));
const issuer = await createTokenIssuer();
const aws = await startLoadAws(undefined, issuer);
try {
	await goBinary("mountload");
	await bundle(entry, join(directory, "claviger.cjs"));
	const surroundings = { directory, aws, issuer };
	console.log(await measureColdMount(surroundings));
	console.log(await measureMemory(surroundings, "values kept as long as usual", []));
	console.log(await measureMemory(surroundings, "every mount asks AWS", ["--max-age", "0"]));
} finally {
	await aws.stop();
	rmSync(directory, { recursive: true, force: true });
}

/** A mount by an identity that the provider has not seen, in round trips of one call. */
async function measureColdMount({ directory: folder, aws: store, issuer: signer }: Surroundings): Promise<string> {
	const provider = await startProvider(folder, store, signer, []);
	const client = createMountClient(provider.socket);
	try {
		await store.restart(networkDelay);
		const times: number[] = [];
		// Cold is the identity, not the process: the first mounts also load and compile code.
		for (let count = 0; count < coldIdentities; count += 1) {
			const attributes = await attributesOf(signer, coldObjects, `cold-${count}`);
			const milliseconds = await timed(() => client.mount(attributes));
			if (count >= coldIdentities / 2) times.push(milliseconds);
		}
		const roundTrip = await timeRoundTrip(store);
		const { counts } = await store.report();
		await store.restart(0);
		const trips = median(times) / roundTrip;
		return (
			`a cold mount of ${coldObjects} objects with ${networkDelay} ms added to every answer of AWS: ${median(times).toFixed(1)} ms,\n` +
			`which is ${trips.toFixed(2)} round trips of ${roundTrip.toFixed(1)} ms (limit 4); calls of ${coldIdentities} such mounts: ${JSON.stringify(counts)}`
		);
	} finally {
		client.close();
		await provider.process.stop();
	}
}

/** Resident memory when a node full of pods mounts ten objects each, as fast as it can. */
async function measureMemory({ directory: folder, aws: store, issuer: signer }: Surroundings, what: string, flags: readonly string[]) {
	const provider = await startProvider(folder, store, signer, flags);
	try {
		const attributesFile = join(folder, "attributes.json");
		writeFileSync(
			attributesFile,
			JSON.stringify(await Promise.all(Array.from({ length: podsOfNode }, () => attributesOf(signer, 10, "web")))),
		);
		await store.restart(0);
		const load = await putLoad({ socket: provider.socket, attributesFile, concurrency: podsOfNode, seconds });
		if (load.failed > 0) throw new Error(`mounts failed under load: ${JSON.stringify(load.failures)}`);
		const { now, peak } = memory(provider.process.pid);
		const { counts } = await store.report();
		const rate = `${load.perSecond.toFixed(0)} mounts/s, p50 ${load.p50.toFixed(1)} ms, p99 ${load.p99.toFixed(1)} ms`;
		return `${podsOfNode} callers for ${seconds} s with 10 objects, ${what}: ${now.toFixed(0)} MiB at the end, ${peak.toFixed(0)} MiB at most (limit 150);\n${rate}; calls: ${JSON.stringify(counts)}`;
	} finally {
		await provider.process.stop();
	}
}

interface Running {
	readonly socket: string;
	readonly process: GuardedProcess;
}

async function startProvider(folder: string, store: LoadAws, signer: TokenIssuer, flags: readonly string[]): Promise<Running> {
	starts += 1;
	const own = join(folder, `${starts}`);
	mkdirSync(own);
	const [policy, keys] = [join(own, "policy.yaml"), join(own, "token-keys.json")];
	const options = JSON.stringify({ type: "aws", region: "us-east-1", role: store.role, endpoints: store.endpoints });
	writeFileSync(policy, `stores: {main: ${options}}`);
	writeFileSync(keys, JSON.stringify(signer.keys));
	const files = ["--socket-dir", own, "--policy", policy, "--token-keys", keys];
	const serve = ["serve", ...files, "--providers", "claviger", "--http", "off", "--log-level", "warn", ...flags];
	const server = startGuarded(process.execPath, [...shippedFlags, join(folder, "claviger.cjs"), ...serve], {
		logFile: join(own, "log"),
		environment: { NODE_COMPILE_CACHE: join(folder, "compile-cache") },
	});
	const socket = join(own, "claviger.sock");
	await waitForSocket(socket, server);
	return { socket, process: server };
}

async function attributesOf(signer: TokenIssuer, objects: number, serviceAccount: string): Promise<Record<string, string>> {
	const pod = makePod({ serviceAccount });
	const list = Array.from({ length: objects }, (_, index) => ({ name: `s${index}`, store: "main", path: `bench/${index}` }));
	const files = list.map(({ name }) => ({ path: name, from: name }));
	const parameters = { objects: JSON.stringify(list), files: JSON.stringify(files) };
	return mountAttributes(pod, parameters, { [audience]: await signer.token(pod, { audience }) });
}

/** One call over the slow network, without a signature: its refusal comes as late as any answer. */
async function timeRoundTrip({ endpoints }: LoadAws): Promise<number> {
	const times: number[] = [];
	for (let count = 0; count < 10; count += 1) {
		times.push(await timed(async () => (await fetch(endpoints.sts, { method: "POST", body: "Action=None" })).arrayBuffer()));
	}
	return median(times);
}

async function timed(action: () => Promise<unknown>): Promise<number> {
	const began = performance.now();
	await action();
	return performance.now() - began;
}
