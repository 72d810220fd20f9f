import { Server } from "@grpc/grpc-js";
import { ProviderError } from "../errors.ts";
import { driverDefinition, healthDefinition } from "./definitions.ts";
import { Health } from "./health.ts";
import { Listener } from "./listener.ts";
import { Mounts } from "./mounts.ts";
import type { ContractOptions, ContractServer } from "./options.ts";
import { checkDirectory, checkFree, type OwnSocket, publish, removeLeftovers, socketPaths, temporaryPath } from "./sockets.ts";

const defaultDrain = 20_000;
const lastMoment = 1000;

/**
 * Above everything a driver can send (24 MiB: SPC, volumeAttributes and Secret at their largest, each
 * character escaped), because grpc-js answers what exceeds it with RESOURCE_EXHAUSTED.
 */
const receiveLimit = 32 * 1024 * 1024;

/**
 * Listens on one unix socket per provider name and serves the driver's contract and the health service.
 *
 * A socket of a running Claviger is taken over; one of another living process is left alone. What
 * grpc-js answers before a request is complete is out of reach here: a message above 32 MiB, or one
 * that inflates to that, gets RESOURCE_EXHAUSTED; a request that is not complete at its caller's
 * deadline DEADLINE_EXCEEDED; an unknown compression, no message or two of them UNIMPLEMENTED.
 *
 * @throws ProviderError `invalid` naming the path and what to do, with nothing left listening
 */
export async function serveContract(options: ContractOptions): Promise<ContractServer> {
	const { socketDirectory, providers, log } = options;
	const paths = socketPaths(socketDirectory, providers);
	await checkDirectory(socketDirectory);
	for (const [index, takenOver] of (await Promise.all(paths.map(checkFree))).entries()) {
		if (takenOver) log.info({ event: "taken_over", path: paths[index] }, "Taking over from a running Claviger");
	}
	const health = new Health();
	const mounts = new Mounts(options);
	const servers = providers.map((provider) => makeServer(provider, options, mounts, health));
	const { sockets, listeners } = await open(servers, paths, socketDirectory);
	let stopped: Promise<void> | undefined;
	return {
		sockets: paths,
		setServing: (serving) => health.setServing(serving),
		stop() {
			stopped ??= drain(options, { health, mounts, servers, listeners, sockets });
			return stopped;
		},
	};
}

/** All sockets or none: no final path is touched before every server listens. */
async function open(
	servers: readonly Server[],
	paths: readonly string[],
	directory: string,
): Promise<Pick<Running, "sockets" | "listeners">> {
	const sockets: OwnSocket[] = [];
	const listeners = servers.map((server) => new Listener(server));
	try {
		await removeLeftovers(directory);
		const temporaries = await Promise.all(listeners.map((listener) => listener.listen(temporaryPath(directory))));
		for (const [index, path] of paths.entries()) sockets.push(await publish(temporaries[index] ?? "", path));
		return { sockets, listeners };
	} catch (cause) {
		for (const socket of sockets) socket.release();
		for (const listener of listeners) void listener.close();
		for (const server of servers) server.forceShutdown();
		throw cannotListen(directory, cause);
	}
}

function makeServer(provider: string, { runtimeVersion }: ContractOptions, mounts: Mounts, health: Health): Server {
	const server = new Server({ "grpc.max_receive_message_length": receiveLimit, "grpc.enable_channelz": 0 });
	server.addService(driverDefinition, {
		version: (_call: unknown, callback: (error: null, answer: object) => void) =>
			callback(null, { version: "v1alpha1", runtimeName: "claviger", runtimeVersion }),
		mount: mounts.method(provider),
	});
	server.addService(healthDefinition, {
		check: health.check.bind(health),
		watch: health.watch.bind(health),
		list: health.list.bind(health),
	});
	return server;
}

interface Running {
	readonly health: Health;
	readonly mounts: Mounts;
	readonly servers: readonly Server[];
	readonly listeners: readonly Listener[];
	readonly sockets: readonly OwnSocket[];
}

/**
 * Running Mounts get the drain time; those left then are told to stop and have a last moment to answer.
 * No connection is cut before: its calls would end as CANCELLED, which must not leave Mount.
 */
async function drain(options: ContractOptions, { health, mounts, servers, listeners, sockets }: Running): Promise<void> {
	for (const socket of sockets) socket.release();
	health.stop();
	// grpc-js knows nothing of the connections it was given; the listeners know when all of them have ended.
	const closed = Promise.all([...listeners.map((listener) => listener.close()), ...servers.map(close)]);
	// Calls that were on their way when the servers closed arrive within this moment.
	if (await settles(closed, lastMoment)) return;
	if (!(await settles(Promise.race([closed, mounts.idle()]), options.drainMilliseconds ?? defaultDrain))) {
		options.log.warn({ event: "drain_over" }, "The drain time is over; ending the mounts that still run");
		mounts.abort(new ProviderError("stopped", "The provider is stopping.", { remedy: "The mount is tried again." }));
	}
	if (await settles(closed, lastMoment)) return;
	// What is left are connections on which nobody calls, and which do not close when asked to.
	for (const listener of listeners) listener.cut();
	await settles(closed, lastMoment);
}

function close(server: Server): Promise<void> {
	return new Promise((resolve) => server.tryShutdown(() => resolve()));
}

async function settles(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
	const { promise: late, resolve } = Promise.withResolvers<boolean>();
	const timer = setTimeout(resolve, milliseconds, false);
	try {
		return await Promise.race([promise.then(() => true), late]);
	} finally {
		clearTimeout(timer);
	}
}

function cannotListen(directory: string, cause: unknown): ProviderError {
	if (cause instanceof ProviderError) return cause;
	const text = cause instanceof Error ? cause.message : String(cause);
	return new ProviderError("invalid", `Cannot listen in the socket directory ${directory}: ${text}.`, {
		remedy: "Check that it is writable and that unix sockets are possible there.",
		cause,
	});
}
