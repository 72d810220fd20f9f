import { existsSync, mkdirSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import test, { type ExecutionContext } from "ava";
import { versionMethod } from "../../provider/contract/definitions.ts";
import { serveContract } from "../../provider/contract/server.ts";
import { ProviderError } from "../../provider/errors.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { attributes, connect, contractOptions, oneFile, serve, until } from "./harness.ts";
import { startProcess } from "./processes.ts";

/** A gRPC server of somebody else's, or of an older Claviger's, on a socket. */
async function serveForeign(t: ExecutionContext, path: string, runtimeName: string): Promise<Server> {
	const server = new Server();
	server.addService(
		{ version: versionMethod },
		{ version: (_call: unknown, callback: (error: null, answer: object) => void) => callback(null, { version: "v1alpha1", runtimeName }) },
	);
	await new Promise((resolve) => server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), resolve));
	t.teardown(() => server.forceShutdown());
	return server;
}

/** A process that listened and was killed, so that its socket stays without anybody behind it. */
async function leaveStaleSocket(t: ExecutionContext, socketDirectory: string): Promise<void> {
	const child = await startProcess(t, { socketDirectory, runtimeVersion: "old", handler: "steady" });
	await child.end("SIGKILL");
	t.true(existsSync(join(socketDirectory, "claviger.sock")));
}

async function refusal(t: ExecutionContext, socketDirectory: string, providers = ["claviger"]): Promise<ProviderError | undefined> {
	return t.throwsAsync(serveContract(contractOptions({ socketDirectory, providers })), { instanceOf: ProviderError, code: "invalid" });
}

test("a socket is the owner's alone, and no other file lies beside it", async (t) => {
	const socketDirectory = temporaryDirectory(t);
	const { server } = await serve(t, { socketDirectory, providers: ["claviger", "vault"] });
	t.deepEqual(readdirSync(socketDirectory).sort(), ["claviger.sock", "vault.sock"]);
	for (const path of server.sockets) t.is(statSync(path).mode & 0o777, 0o600);
	await server.stop();
	t.deepEqual(readdirSync(socketDirectory), []);
});

test("a stale socket, a plain file and a dangling link give way", async (t) => {
	const socketDirectory = temporaryDirectory(t);
	await leaveStaleSocket(t, socketDirectory);
	writeFileSync(join(socketDirectory, "vault.sock"), "");
	symlinkSync("/nowhere", join(socketDirectory, "aws.sock"));
	const { server } = await serve(t, { socketDirectory, providers: ["claviger", "vault", "aws"] });
	for (const path of server.sockets) t.is((await connect(t, path).version()).runtimeName, "claviger");
});

test("leftovers of an earlier start are removed, what is alive or somebody else's is not", async (t) => {
	const socketDirectory = temporaryDirectory(t);
	await leaveStaleSocket(t, socketDirectory);
	renameSync(join(socketDirectory, "claviger.sock"), join(socketDirectory, ".clv-00000000"));
	writeFileSync(join(socketDirectory, ".clv-22222222"), "no socket");
	await serveForeign(t, join(socketDirectory, ".clv-11111111"), "claviger");
	await serve(t, { socketDirectory });
	t.deepEqual(readdirSync(socketDirectory).sort(), [".clv-11111111", ".clv-22222222", "claviger.sock"]);
});

test("the living socket of another provider is left alone, and nothing else is opened", async (t) => {
	const socketDirectory = temporaryDirectory(t);
	const path = join(socketDirectory, "vault.sock");
	await serveForeign(t, path, "vault-csi-provider");
	const error = await refusal(t, socketDirectory, ["claviger", "vault"]);
	t.is(error?.message, `The socket ${path} is in use by the provider "vault-csi-provider".`);
	t.regex(error?.remedy ?? "", /Stop that program, or leave this provider name out/);
	t.deepEqual(readdirSync(socketDirectory), ["vault.sock"]);
	t.is((await connect(t, path).version()).runtimeName, "vault-csi-provider");
});

test("the living socket of a program that speaks no gRPC is left alone", async (t) => {
	const socketDirectory = temporaryDirectory(t);
	const path = join(socketDirectory, "claviger.sock");
	const server = createServer((connection) => connection.resume()).listen(path);
	t.teardown(() => server.close());
	await until(() => existsSync(path), "the other program listens");
	t.regex((await refusal(t, socketDirectory))?.message ?? "", /claviger\.sock is in use by a program that is no provider, or hangs/);
	t.true(existsSync(path));
});

test("a directory in the socket's place is refused", async (t) => {
	const socketDirectory = temporaryDirectory(t);
	mkdirSync(join(socketDirectory, "claviger.sock"));
	t.regex((await refusal(t, socketDirectory))?.message ?? "", /claviger\.sock is a directory/);
});

test("a socket directory that is missing or too long is refused with its path", async (t) => {
	const parent = temporaryDirectory(t);
	t.regex((await refusal(t, join(parent, "none")))?.text ?? "", /none does not exist\. Create it/);
	// 94 bytes and a temporary name of 14 with its slash are one more than fits.
	const long = join(parent, "x".repeat(94 - parent.length - 1));
	mkdirSync(long);
	t.regex(
		(await refusal(t, long))?.text ?? "",
		/is too long: a socket path in it takes 108 bytes, and 107 are possible\. Use a directory with a shorter/,
	);
	const longest = long.slice(0, -1);
	mkdirSync(longest);
	const { client } = await serve(t, { socketDirectory: longest });
	t.is((await client.version()).runtimeName, "claviger");
});

for (const name of ["", "a/b", "../a", "a.b", "ä", "x".repeat(31)]) {
	test(`the provider name ${JSON.stringify(name)} is refused`, async (t) => {
		t.regex((await refusal(t, temporaryDirectory(t), [name]))?.text ?? "", /is not valid\. Use 1 to 30 letters/);
	});
}

test("no provider name, and one given twice, are refused", async (t) => {
	t.regex((await refusal(t, temporaryDirectory(t), []))?.text ?? "", /No provider name is given/);
	t.regex((await refusal(t, temporaryDirectory(t), ["a", "b", "a"]))?.text ?? "", /provider name a is given twice/);
});

test("an older server that ends leaves the socket of the one that took over", async (t) => {
	const socketDirectory = temporaryDirectory(t);
	const log: string[] = [];
	const older = await serve(t, { socketDirectory, runtimeVersion: "old" });
	const newer = await serve(t, {
		socketDirectory,
		runtimeVersion: "new",
		log: { debug() {}, info: (_fields, message) => log.push(message), warn() {}, error() {} },
	});
	t.deepEqual(log, ["Taking over from a running Claviger"]);
	await older.server.stop();
	t.is((await connect(t, newer.socket).version()).runtimeVersion, "new");
	t.deepEqual(readdirSync(socketDirectory), ["claviger.sock"]);
});

test("processes take over from each other under load without one failed mount, and the socket is never missing", async (t) => {
	const socketDirectory = temporaryDirectory(t);
	const socket = join(socketDirectory, "claviger.sock");
	let current = await startProcess(t, { socketDirectory, runtimeVersion: "0", handler: "steady" });
	const load = mountContinuously(t, socket);
	for (const runtimeVersion of ["1", "2", "3"]) {
		const next = await startProcess(t, { socketDirectory, runtimeVersion, handler: "steady" });
		t.is(await current.end("SIGTERM"), 0);
		t.is(current.complaints(), "");
		current = next;
		await until(() => load.answeredBy.has(runtimeVersion), `the process ${runtimeVersion} answers`);
	}
	await load.stop();
	t.deepEqual(load.failures, []);
	t.deepEqual([...load.answeredBy].sort(), ["0", "1", "2", "3"]);
	t.is(load.missing, 0);
	t.is(await current.end("SIGTERM"), 0);
	t.deepEqual(readdirSync(socketDirectory), []);
});

/** Mounts over lasting connections and over new ones, and looks whether the socket is there, until told to stop. */
function mountContinuously(t: ExecutionContext, socket: string) {
	const state = { failures: [] as string[], answeredBy: new Set<string>(), missing: 0, going: true };
	const mountWith = async (client: ReturnType<typeof connect>) => {
		try {
			const { files } = await client.mount(attributes());
			state.answeredBy.add(files.get("password")?.contents.toString() ?? "");
		} catch (error) {
			state.failures.push(String(error));
		}
	};
	const lasting = async () => {
		const client = connect(t, socket);
		while (state.going) await mountWith(client);
	};
	const fresh = async () => {
		while (state.going) {
			const client = connect(t, socket);
			await mountWith(client);
			client.close();
		}
	};
	const looking = setInterval(() => {
		if (!existsSync(socket)) state.missing += 1;
	}, 1);
	const workers = [lasting(), lasting(), lasting(), lasting(), fresh(), fresh()];
	return Object.assign(state, {
		async stop() {
			state.going = false;
			clearInterval(looking);
			await Promise.all(workers);
		},
	});
}

test("SIGTERM during fifty mounts lets every one of them end, and removes the socket at once", async (t) => {
	const socketDirectory = temporaryDirectory(t);
	const started: (() => void)[] = [];
	const { server, client, socket } = await serve(t, {
		socketDirectory,
		drainMilliseconds: 10_000,
		handler: () => new Promise((resolve) => started.push(() => resolve(oneFile))),
	});
	const mounts = Array.from({ length: 50 }, () => client.mount(attributes()));
	await until(() => started.length === 50, "all mounts run");
	const stopped = server.stop();
	t.false(existsSync(socket));
	for (const finish of started) finish();
	t.is((await Promise.all(mounts)).length, 50);
	await stopped;
});

test("mounts that outlast the drain time are answered with `stopped` before the connection ends", async (t) => {
	const reasons: unknown[] = [];
	const { server, client } = await serve(t, {
		drainMilliseconds: 100,
		handler: ({ signal }) => {
			signal.addEventListener("abort", () => reasons.push(signal.reason));
			return new Promise(() => {});
		},
	});
	const mounts = Promise.allSettled(Array.from({ length: 20 }, () => client.mount(attributes())));
	await until(async () => (await client.health()) === "SERVING", "the server answers");
	const began = performance.now();
	const stopping = server.stop();
	t.is(server.stop(), stopping);
	const outcomes = await mounts;
	await stopping;
	t.true(performance.now() - began < 2000);
	for (const outcome of outcomes) {
		t.is(outcome.status, "rejected");
		if (outcome.status === "rejected") t.like(outcome.reason, { code: "INTERNAL", errorCode: "stopped" });
	}
	t.is(reasons.length, 20);
	t.true(reasons.every((reason) => reason instanceof ProviderError && reason.code === "stopped"));
});
