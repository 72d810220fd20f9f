import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { bundle, entry } from "../../scripts/bundle.ts";
import { type GuardedProcess, startGuarded } from "../servers/guarded-process.ts";
import { serveParameters, waitForSocket } from "./provider-process.ts";
import { type BenchVault, secretBytes } from "./vault.ts";

/** The flags that the image starts Node with; every contestant gets the same. */
export const shippedFlags = ["--max-semi-space-size=1", "--max-old-space-size=48", "--disable-sigusr1"];

/** `claviger` is the product; the other two are what it is measured against. */
export const contestantNames = ["echo", "one by one", "claviger"] as const;
export type ContestantName = (typeof contestantNames)[number];

/** A provider under test, running. */
export interface Contestant {
	readonly name: ContestantName;
	readonly socket: string;
	readonly process: GuardedProcess;
}

export interface ContestantOptions {
	readonly name: ContestantName;
	/** The bench's directory; every start gets its own below it. */
	readonly directory: string;
	readonly vault: BenchVault;
	readonly objects: number;
	/** Further flags of `claviger serve`. */
	readonly flags?: readonly string[];
}

let starts = 0;

/** Bundles the product and what it is compared with, all in the way of the image. */
export async function bundleContestants(directory: string): Promise<void> {
	await bundle(entry, join(directory, "claviger.cjs"));
	for (const name of ["echo-server", "one-by-one-server"]) {
		await bundle(`import "./test/bench/${name}.ts";`, join(directory, `${name}.cjs`));
	}
}

/** Starts one without waiting for it. */
export function launchContestant(options: ContestantOptions): Contestant {
	starts += 1;
	const directory = join(options.directory, `${starts}`);
	mkdirSync(directory);
	const socket = join(directory, "vault.sock");
	const server = startGuarded(process.execPath, [...shippedFlags, ...command(options, directory, socket)], {
		logFile: join(directory, "log"),
		// The image holds a filled compile cache; here the first start fills it.
		environment: { NODE_COMPILE_CACHE: join(options.directory, "compile-cache") },
	});
	return { name: options.name, socket, process: server };
}

/** Starts one and waits for its socket. */
export async function startContestant(options: ContestantOptions): Promise<Contestant> {
	const contestant = launchContestant(options);
	await waitForSocket(contestant.socket, contestant.process);
	return contestant;
}

function command(options: ContestantOptions, directory: string, socket: string): string[] {
	const { name, vault, objects } = options;
	if (name === "echo") return [join(options.directory, "echo-server.cjs"), socket, `${objects}`, `${secretBytes}`];
	if (name === "one by one") return [join(options.directory, "one-by-one-server.cjs"), socket, vault.address, `${objects}`];
	return [join(options.directory, "claviger.cjs"), ...serveParameters(directory, vault), ...(options.flags ?? [])];
}
