import { createServer, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { listenDuring } from "../support/loopback.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider } from "../support/provider.ts";
import { waitUntil } from "../support/wait-until.ts";

const audience = "https://other.example";
const observedMilliseconds = 4_000;
/** Reads and watches in that time: ten a second. */
const most = 40;
/** Of work in that time, of which the hostile server's own is a part. */
const busyMicroseconds = 1_500_000;

/** An API server whose watches are not as they should be. */
interface HostileApi {
	readonly address: string;
	readonly reads: () => number;
	readonly watches: () => number;
}

async function startApi(t: ExecutionContext<unknown>, watch: (response: ServerResponse) => void): Promise<HostileApi> {
	let [reads, watches] = [0, 0];
	const server = createServer((request, response) => {
		if (request.url?.includes("watch=1")) {
			watches += 1;
			watch(response);
			return;
		}
		reads += 1;
		const metadata = { name: "db", namespace: "shop", resourceVersion: "7" };
		response.end(JSON.stringify({ kind: "Secret", metadata, data: { password: Buffer.from("secret").toString("base64") } }));
	});
	return { address: `http://127.0.0.1:${await listenDuring(t, server)}`, reads: () => reads, watches: () => watches };
}

function event(type: string, resourceVersion: number): string {
	return `${JSON.stringify({ type, object: { kind: "PartialObjectMetadata", metadata: { name: "db", resourceVersion: String(resourceVersion) } } })}\n`;
}

/** Sends as much as the other side takes. */
function flood(response: ServerResponse, chunk: (round: number) => string): void {
	response.writeHead(200, { "content-type": "application/json" });
	let round = 0;
	const send = () => {
		while (!response.destroyed) {
			round += 1;
			if (!response.write(chunk(round))) break;
		}
	};
	response.on("drain", send);
	send();
}

for (const [how, watch] of [
	["tells of changes without end", (response) => flood(response, (round) => event("MODIFIED", round + 100).repeat(100))],
	["sends lines of nothing without end", (response) => flood(response, () => "\n".repeat(10_000))],
	["sends one line without end", (response) => flood(response, () => "x".repeat(10_000))],
	["tells of one change and ends", (response) => response.end(event("MODIFIED", 100 + Math.random()))],
	["says that its past is forgotten", (response) => response.end(`${JSON.stringify({ type: "ERROR", object: { code: 410 } })}\n`)],
	["ends at once", (response) => response.end()],
	["is gone", (response) => response.writeHead(410).end()],
	["is cut", (response) => response.destroy()],
	["is no stream", (response) => response.end("<html>".repeat(1000))],
	["wants to be left alone for ever", (response) => response.writeHead(429, { "retry-after": "999999999" }).end()],
] as const satisfies readonly (readonly [string, (response: ServerResponse) => void])[]) {
	test.serial(`a watch that ${how} makes no endless work, and keeps nobody waiting`, async (t) => {
		const api = await startApi(t, watch);
		const policy = JSON.stringify({ endpoints: [api.address], audiences: { kubernetes: [audience] } });
		const provider = await startTestProvider(t, { policy, providers: "claviger", ages: "default", flags: ["--poll-interval", "10m"] });
		const mount = (objects: readonly object[]) => {
			const stores = JSON.stringify({ main: { type: "kubernetes", address: api.address, audience } });
			return provider.mount("claviger", makePod(), { stores, objects: JSON.stringify(objects) }, { audience });
		};
		await mount([{ name: "db", secret: "db", key: "password" }]);
		await waitUntil(() => api.watches() > 0);
		const [reads, watches, before] = [api.reads(), api.watches(), process.threadCpuUsage()];
		const longest = await longestPause(observedMilliseconds);
		const { user, system } = process.threadCpuUsage(before);
		const used = user + system;
		t.log({ reads: api.reads() - reads, watches: api.watches() - watches, longest, used });
		t.true(longest < 1_000, `everybody waits for ${longest} ms`);
		t.true(api.reads() - reads <= most, `${api.reads() - reads} reads`);
		t.true(api.watches() - watches <= most, `${api.watches() - watches} watches`);
		t.true(used < busyMicroseconds, `${used / 1e6} s of work`);
		t.is((await mount([{ name: "db", secret: "db", key: "password" }])).files.size, 1);
		t.false(provider.logs.some((line) => line.includes('"level":"error"')));
	});
}

/** How long the event loop is busy with something else at most, in milliseconds. */
async function longestPause(milliseconds: number): Promise<number> {
	const end = performance.now() + milliseconds;
	let longest = 0;
	while (performance.now() < end) {
		const before = performance.now();
		await sleep(10);
		longest = Math.max(longest, performance.now() - before);
	}
	return Math.round(longest);
}
