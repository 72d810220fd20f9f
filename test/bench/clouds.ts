// Measures the provider on stand-ins for Google and Azure: Google's cold mount and its mounts a second, and the memory of both clouds together; called by scripts/bench clouds.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundle, entry } from "../../scripts/bundle.ts";
import { startAzure } from "../servers/azure/azure.ts";
import { defaultTenant, exchangeAudience } from "../servers/azure/entra/directory.ts";
import { clusterProvider, openSite, pool, webMember } from "../servers/gcp/servers-support.ts";
import { goBinary } from "../servers/go-binary.ts";
import { type GuardedProcess, startGuarded } from "../servers/guarded-process.ts";
import { createMountClient } from "../support/mount-client.ts";
import { makePod, mountAttributes } from "../support/pods.ts";
import { shippedFlags } from "./contestants.ts";
import { putLoad } from "./load.ts";
import { memory } from "./process-usage.ts";
import { waitForSocket } from "./provider-process.ts";
import { podsOfNode } from "./requests.ts";
import { median } from "./throughput.ts";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "20" } } });
const seconds = Number(values.seconds);
/** Milliseconds added to each answer of Google. */
const networkDelay = 20;
const objects = 10;
const coldMounts = 11;
/** What today's Google provider reaches on a node: the limit of its client of the API server. */
const limitedPerSecond = 5;
const [vault, client] = ["kv-main", "5a1d2c60-0000-4000-8000-000000000001"];

type Cloud = "google" | "azure";

const directory = mkdtempSync(join(tmpdir(), "clv-bench-clouds-"));
const { gcp, issuer } = await openSite(undefined);
const azure = await startAzure(undefined);
try {
	await prepare();
	console.log(await measureColdMount());
	console.log(await measureRate());
	console.log(await measureMemory());
} finally {
	await Promise.all([gcp.stop(), azure.stop()]);
	rmSync(directory, { recursive: true, force: true });
}

async function prepare(): Promise<void> {
	gcp.iam.allow(webMember, "roles/secretmanager.secretAccessor", "projects/my-proj");
	for (let count = 0; count < coldMounts; count += 1)
		gcp.iam.allow(`serviceAccount:${pool}[shop/cold-${count}]`, "roles/secretmanager.secretAccessor", "projects/my-proj");
	azure.directory.federate({ client, issuer, subject: "system:serviceaccount:shop:web" });
	azure.vaults.allow(client, vault, { secrets: ["get"] });
	for (let index = 0; index < objects; index += 1) {
		gcp.secrets.add(`projects/my-proj/secrets/s${index}`, "x".repeat(1024));
		azure.vaults.putSecret(vault, `s${index}`, "x".repeat(1024));
	}
	writeFileSync(join(directory, "ca.pem"), `${readFileSync(gcp.caFile, "utf8")}\n${readFileSync(azure.caFile, "utf8")}`);
	await goBinary("mountload");
	await bundle(entry, join(directory, "claviger.cjs"));
}

/** A mount by an identity that the provider has not seen, in round trips of one call. */
async function measureColdMount(): Promise<string> {
	const provider = await startProvider("cold");
	const mounts = createMountClient(provider.socket);
	try {
		gcp.latencyMilliseconds = networkDelay;
		const times: number[] = [];
		// Cold is the identity, not the process: the first mount also loads and compiles code.
		for (let count = 0; count < coldMounts; count += 1) {
			const attributes = await attributesOf(["google"], `cold-${count}`);
			const began = performance.now();
			await mounts.mount(attributes);
			if (count > 0) times.push(performance.now() - began);
		}
		const trips = median(times) / networkDelay;
		return `Google, a cold mount of ${objects} objects with ${networkDelay} ms added to every answer: ${median(times).toFixed(1)} ms, which is ${trips.toFixed(2)} round trips (limit 4)`;
	} finally {
		gcp.reset();
		mounts.close();
		await provider.process.stop();
	}
}

/** Warm mounts, in the same run with a client that is limited as today's provider is. */
async function measureRate(): Promise<string> {
	const provider = await startProvider("rate");
	try {
		const attributesFile = await writeAttributes(["google"]);
		const load = { socket: provider.socket, attributesFile, seconds: Math.min(seconds, 10) };
		await putLoad({ ...load, concurrency: podsOfNode, seconds: 1 });
		const limited = putLoad({ ...load, concurrency: 20, rate: limitedPerSecond });
		const [ours, today] = await Promise.all([putLoad({ ...load, concurrency: 20 }), limited]);
		const ratio = ours.perSecond / today.perSecond;
		return `Google, warm, 20 callers: ${ours.perSecond.toFixed(0)} mounts/s (p50 ${ours.p50.toFixed(1)} ms, p99 ${ours.p99.toFixed(1)} ms), ${ratio.toFixed(0)} times the ${today.perSecond.toFixed(1)} of a client limited to ${limitedPerSecond} a second (limit 100); calls of all: ${JSON.stringify(gcp.counts())}`;
	} finally {
		gcp.reset();
		await provider.process.stop();
	}
}

/** Resident memory with both clouds: once each has been used, and while a node full of pods mounts from both as fast as it can. */
async function measureMemory(): Promise<string> {
	const provider = await startProvider("memory");
	try {
		const { pid } = provider.process;
		const before = memory(pid).now;
		await useBoth(provider.socket);
		const idle = memory(pid).now;
		const attributesFile = await writeAttributes(["google", "azure"]);
		const load = await putLoad({ socket: provider.socket, attributesFile, concurrency: podsOfNode, seconds });
		if (load.failed > 0) throw new Error(`mounts failed under load: ${JSON.stringify(load.failures)}\n${provider.process.log()}`);
		const { peak } = memory(pid);
		return (
			`both clouds: ${before.toFixed(0)} MiB before any is used, ${idle.toFixed(0)} MiB once both are (limit 110),\n` +
			`${peak.toFixed(0)} MiB at most with ${podsOfNode} callers of ${2 * objects} objects for ${seconds} s at ${load.perSecond.toFixed(0)} mounts/s (limit 150)`
		);
	} finally {
		await provider.process.stop();
	}
}

async function useBoth(socket: string): Promise<void> {
	const mounts = createMountClient(socket);
	try {
		await mounts.mount(await attributesOf(["google", "azure"], "web"));
	} finally {
		mounts.close();
	}
}

interface Running {
	readonly socket: string;
	readonly process: GuardedProcess;
}

async function startProvider(name: string): Promise<Running> {
	const own = join(directory, name);
	mkdirSync(own);
	const [policy, keys] = [join(own, "policy.yaml"), join(own, "token-keys.json")];
	const google = {
		type: "gcp",
		project: "my-proj",
		workloadPool: pool,
		identityProvider: clusterProvider,
		endpoints: await gcp.endpoints(),
	};
	const stores = { google, azure: { type: "azure", vault, tenant: defaultTenant, client } };
	writeFileSync(policy, JSON.stringify({ profile: "strict", stores }));
	writeFileSync(keys, JSON.stringify(issuer.keys));
	const files = ["--socket-dir", own, "--policy", policy, "--token-keys", keys];
	const serve = ["serve", ...files, "--providers", "claviger", "--http", "127.0.0.1:0", "--log-level", "warn"];
	const server = startGuarded(process.execPath, [...shippedFlags, join(directory, "claviger.cjs"), ...serve], {
		logFile: join(own, "log"),
		environment: { ...azure.environment, SSL_CERT_FILE: join(directory, "ca.pem"), NODE_COMPILE_CACHE: join(directory, "compile-cache") },
	});
	const socket = join(own, "claviger.sock");
	await waitForSocket(socket, server);
	return { socket, process: server };
}

async function writeAttributes(clouds: readonly Cloud[]): Promise<string> {
	const file = join(directory, `${clouds.join("-")}.json`);
	writeFileSync(file, JSON.stringify(await Promise.all(Array.from({ length: podsOfNode }, () => attributesOf(clouds, "web")))));
	return file;
}

async function attributesOf(clouds: readonly Cloud[], serviceAccount: string): Promise<Record<string, string>> {
	const pod = makePod({ serviceAccount });
	const list = clouds.flatMap((store) =>
		Array.from({ length: objects }, (_, index) => ({ name: `${store}-${index}`, store, path: `s${index}` })),
	);
	const tokens = await Promise.all(
		[pool, exchangeAudience].map(async (audience) => [audience, await issuer.token(pod, { audience })] as const),
	);
	return mountAttributes(pod, { objects: JSON.stringify(list) }, Object.fromEntries(tokens));
}
