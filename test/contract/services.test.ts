import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { Client, credentials, status } from "@grpc/grpc-js";
import test from "ava";
import { build } from "esbuild";
import { CallFailure } from "../support/mount-client.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { connect, serve } from "./harness.ts";

const root = join(import.meta.dirname, "../..");

test("Version says who serves", async (t) => {
	const { client } = await serve(t, { runtimeVersion: "1.2.3" });
	t.deepEqual(await client.version(), { version: "v1alpha1", runtimeName: "claviger", runtimeVersion: "1.2.3" });
});

test("health is told for the server and for the contract, on every socket", async (t) => {
	const { server } = await serve(t, { providers: ["claviger", "vault"] });
	for (const socket of server.sockets) {
		const client = connect(t, socket);
		server.setServing(true);
		t.is(await client.health(), "SERVING");
		t.is(await client.health("v1alpha1.CSIDriverProvider"), "SERVING");
		server.setServing(false);
		t.is(await client.health(), "NOT_SERVING");
		t.deepEqual(await client.listHealth(), { "": "NOT_SERVING", "v1alpha1.CSIDriverProvider": "NOT_SERVING" });
		const failure = await t.throwsAsync(client.health("other"), { instanceOf: CallFailure });
		t.is(failure?.code, "NOT_FOUND");
	}
});

test("a watch reports each change and ends well when the server stops", async (t) => {
	const { server, client } = await serve(t);
	const seen: string[] = [];
	const unknown: string[] = [];
	const watching = (async () => {
		for await (const health of client.watchHealth("v1alpha1.CSIDriverProvider")) {
			seen.push(health);
			if (seen.length === 1) server.setServing(false);
			if (seen.length === 2) server.setServing(true);
			if (seen.length === 3) void server.stop();
		}
	})();
	for await (const health of client.watchHealth("other")) unknown.push(health);
	await watching;
	t.deepEqual(seen, ["SERVING", "NOT_SERVING", "SERVING", "NOT_SERVING"]);
	t.deepEqual(unknown, ["SERVICE_UNKNOWN"]);
});

test("watchers that disappear are forgotten", async (t) => {
	const { server, socket, client } = await serve(t);
	for (let count = 0; count < 50; count += 1) {
		const watcher = connect(t, socket);
		for await (const _ of watcher.watchHealth()) break;
		watcher.close();
	}
	server.setServing(false);
	server.setServing(true);
	t.is(await client.health(), "SERVING");
});

test("methods that do not exist are refused, and the process goes on", async (t) => {
	const { client, socket } = await serve(t);
	const raw = new Client(`unix:${socket}`, credentials.createInsecure());
	t.teardown(() => raw.close());
	const same = (bytes: Buffer) => bytes;
	const code = await new Promise((resolve) => {
		raw.makeUnaryRequest("/v1alpha1.CSIDriverProvider/Unmount", same, same, Buffer.alloc(0), (error) => resolve(error?.code));
	});
	t.is(code, status.UNIMPLEMENTED);
	t.is(await client.health(), "SERVING");
});

test("the generated codec is fresh", (t) => {
	t.notThrows(() => execFileSync(process.execPath, [join(root, "scripts/generate.ts"), "--check", "codec"], { stdio: "pipe" }));
});

test("the contract works as a bundle", async (t) => {
	const directory = temporaryDirectory(t);
	const outfile = join(directory, "bundle.cjs");
	const contents = `
		import { serveContract } from "./provider/contract/server.ts";
		import { askRuntimeName } from "./provider/contract/probe.ts";
		const quiet = () => {};
		serveContract({ socketDirectory: ${JSON.stringify(directory)}, providers: ["claviger"], runtimeVersion: "1", handler: quiet,
			plainStatus: quiet, log: { debug: quiet, info: quiet, warn: quiet, error: quiet } }).then(async (server) => {
			console.log(await askRuntimeName(server.sockets[0]));
			await server.stop();
		});`;
	await build({
		stdin: { contents, resolveDir: root },
		bundle: true,
		minify: true,
		platform: "node",
		format: "cjs",
		outfile,
		logLevel: "silent",
	});
	t.is(execFileSync(process.execPath, [outfile], { encoding: "utf8" }), "claviger\n");
});
