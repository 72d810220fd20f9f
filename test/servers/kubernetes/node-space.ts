import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type GuardedProcess, startGuarded } from "../guarded-process.ts";
import { waitFor } from "./wait-for.ts";

/** An address of the node's network, and the server on this machine's loopback that answers there. */
export interface Route {
	readonly address: string;
	readonly port: number;
	/** The server's port. */
	readonly server: number;
}

/**
 * A room of its own for a node's programs: their processes, mounts and network are in namespaces that end with one
 * process. So whatever containers were started, volumes mounted and links made, nothing is left when the test is over, even
 * when it was killed. From its network nothing can be reached but what {@link NodeSpace.connect} was told.
 */
export interface NodeSpace {
	/** Starts a program in it. */
	start(program: string, parameters: readonly string[], logFile: string): GuardedProcess;
	/** The command line that runs a program in it. */
	command(...program: readonly string[]): readonly [string, ...string[]];
	/** Makes servers on this machine's loopback reachable from it. */
	connect(routes: readonly Route[]): Promise<void>;
	/** Where a file of it, such as one in a mounted volume, is found from outside. */
	path(inside: string): string;
	stop(): Promise<void>;
}

/** Service addresses begin so; nothing else answers there, because there is no service proxy. */
const serviceAddresses = "10.0.0.0/24";

/**
 * The shell is the first process of its namespace, and as such waits for the orphans in it. It has a `/run` of its
 * own, where containers leave files that nobody else removes, with the folder in which the driver looks for providers.
 */
const firstProcess = `mount -t tmpfs tmpfs /run &&
mkdir /run/secrets-store-csi-providers && mount --bind "$1" /run/secrets-store-csi-providers &&
ip link set lo up && ip route add local ${serviceAddresses} dev lo || exit 1
sleep infinity & echo ready; wait`;

/**
 * @param providers the folder of the providers' sockets, which is at its usual place inside
 * @throws Error when this is not root, or has not the tools of util-linux and iproute2
 */
export async function openNodeSpace(directory: string, providers: string): Promise<NodeSpace> {
	const logFile = join(directory, "space.log");
	mkdirSync(providers, { recursive: true });
	const namespaces = ["--mount", "--pid", "--net"];
	const holder = startGuarded(
		"unshare",
		[...namespaces, "--fork", "--kill-child=KILL", "--mount-proc", "sh", "-c", firstProcess, "sh", providers],
		{ logFile },
	);
	await waitFor("the namespaces of the node", [holder], async () => readFileSync(logFile, "utf8").includes("ready"));
	const first = childOf(holder.pid) ?? holder.pid;
	const started: GuardedProcess[] = [];
	const relays: GuardedProcess[] = [];
	const command = (...program: readonly string[]) => ["nsenter", `--target=${first}`, ...namespaces, ...program] as const;
	return {
		command,
		start(program, parameters, log) {
			const [tool, ...all] = command(program, ...parameters);
			const running = forwardSignals(startGuarded(tool, all, { logFile: log }));
			started.push(running);
			return running;
		},
		async connect(routes) {
			const log = join(directory, `relay-${relays.length}.log`);
			const texts = routes.map(({ address, port, server }) => `${address}:${port}=${server}`);
			const relay = startGuarded(process.execPath, [join(import.meta.dirname, "relay.ts"), String(first), ...texts], { logFile: log });
			relays.push(relay);
			await waitFor("the way to the node", [relay], async () => readFileSync(log, "utf8").includes("ready"));
		},
		path: (inside) => join(`/proc/${first}/root`, inside),
		async stop() {
			// Not the holder, which would leave the first process to be waited for by somebody else.
			process.kill(first, "SIGKILL");
			for (const relay of relays) relay.kill("SIGKILL");
			await Promise.all([holder, ...started, ...relays].map(({ ended }) => ended));
		},
	};
}

/** The first child of a process. */
function childOf(pid: number): number | undefined {
	const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
	return child === undefined || child === "" ? undefined : Number(child);
}

/** The program is a child of what enters the namespaces for it, and ends that when it ends. */
function forwardSignals(entered: GuardedProcess): GuardedProcess {
	const kill = (signal: NodeJS.Signals) => {
		const program = entered.alive ? childOf(entered.pid) : undefined;
		if (program === undefined) entered.kill(signal);
		else process.kill(program, signal);
	};
	return {
		pid: entered.pid,
		ended: entered.ended,
		log: entered.log,
		get alive() {
			return entered.alive;
		},
		kill,
		async stop() {
			if (entered.alive) kill("SIGTERM");
			const force = setTimeout(() => kill("SIGKILL"), 5000);
			await entered.ended;
			clearTimeout(force);
		},
	};
}
