// A contract server in a process of its own: `node provider-process.ts '<options as JSON>'`.
// Prints `ready` when it listens, ends on SIGTERM as the provider does, and prints `stopped` last.
import { setTimeout as sleep } from "node:timers/promises";
import type { MountAnswer } from "../../provider/contract/options.ts";
import { serveContract } from "../../provider/contract/server.ts";
import { errorCodes, ProviderError } from "../../provider/errors.ts";
import type { MountRequest } from "../../provider/plan/mount-request.ts";

export interface ProcessOptions {
	readonly socketDirectory: string;
	readonly runtimeVersion: string;
	/** `steady` answers after a few milliseconds, `erratic` answers, throws or never settles, by chance. */
	readonly handler: "steady" | "erratic";
}

const options: ProcessOptions = JSON.parse(process.argv[2] ?? "{}");
const quiet = () => {};
const tooMuch = Buffer.alloc(5 * 1024 * 1024);

const server = await serveContract({
	socketDirectory: options.socketDirectory,
	providers: ["claviger"],
	runtimeVersion: options.runtimeVersion,
	handler: options.handler === "steady" ? steady : erratic,
	plainStatus: () => false,
	log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
	mountLimitMilliseconds: 2000,
	drainMilliseconds: 5000,
});

process.once("SIGTERM", async () => {
	await server.stop();
	console.log("stopped");
});
console.log("ready");

async function steady(): Promise<MountAnswer> {
	await sleep(Math.random() * 10);
	return answer("password", options.runtimeVersion);
}

function erratic(request: MountRequest): Promise<MountAnswer> {
	const chance = Math.random();
	if (chance < 0.3) return Promise.resolve(answer("password", "x"));
	if (chance < 0.4) return Promise.resolve(answer([...request.parameters.keys()][0] ?? "", "x"));
	if (chance < 0.5) return Promise.resolve(answer("password", tooMuch));
	if (chance < 0.501) return new Promise(quiet);
	if (chance < 0.6) throw undefined;
	if (chance < 0.7) return Promise.resolve(undefined as never);
	if (chance < 0.8) return Promise.reject(new Error([...request.parameters.values()].join()));
	const code = errorCodes[Math.floor(Math.random() * errorCodes.length)] ?? "internal";
	return Promise.reject(new ProviderError(code, [...request.parameters.values()].join()));
}

function answer(path: string, contents: string | Buffer): MountAnswer {
	return {
		files: [{ path, mode: 0o400, contents: Buffer.isBuffer(contents) ? contents : Buffer.from(contents) }],
		versions: new Map([["object", "1"]]),
	};
}
