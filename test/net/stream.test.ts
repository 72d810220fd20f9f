import { createServer, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { type ErrorCode, ProviderError } from "../../provider/errors.ts";
import { parseAddress } from "../../provider/net/address.ts";
import { type StreamRequest, Transport } from "../../provider/net/transport.ts";
import { listenDuring } from "../support/loopback.ts";
import { waitUntil } from "../support/wait-until.ts";

/** A server that answers as the test says, and the transport to it. */
async function open(t: ExecutionContext, answer: (response: ServerResponse) => void) {
	const server = createServer((_request, response) => answer(response));
	const sockets = new Set<Socket>();
	server.on("connection", (socket) => {
		sockets.add(socket);
		socket.once("close", () => sockets.delete(socket));
	});
	const address = parseAddress(`http://127.0.0.1:${await listenDuring(t, server)}`);
	if ("problem" in address) throw new Error(address.problem);
	const transport = new Transport({ address, environment: {} });
	const stream = (options: Partial<StreamRequest> = {}) =>
		transport.stream({
			path: "/",
			signal: AbortSignal.timeout(20_000),
			allowsAddress: () => true,
			idleMilliseconds: 10_000,
			maximumLineBytes: 1000,
			...options,
		});
	return { server, sockets, transport, stream };
}

async function all(lines: AsyncIterable<string>): Promise<readonly string[]> {
	const read: string[] = [];
	for await (const line of lines) read.push(line);
	return read;
}

async function failure(t: ExecutionContext, promise: Promise<unknown>, code: ErrorCode, text: RegExp): Promise<void> {
	const error = await t.throwsAsync(promise, { instanceOf: ProviderError });
	t.is(error?.code, code, error?.text);
	t.regex(error?.message ?? "", text);
}

test("lines come as they are sent, whatever pieces they come in", async (t) => {
	const answers: Buffer[][] = [];
	const { stream } = await open(t, (response) => {
		const [...pieces] = answers.shift() ?? [];
		const next = () => {
			const piece = pieces.shift();
			if (piece === undefined) response.end();
			else response.write(piece, next);
		};
		response.writeHead(200);
		next();
	});
	const line = fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => !text.includes("\n") && text.isWellFormed());
	const cuts = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 5 });
	const property = fc.asyncProperty(fc.array(line, { maxLength: 6 }), cuts, async (written, places) => {
		const bytes = Buffer.from(written.map((text) => `${text}\n`).join(""));
		const ends = [...new Set(places.filter((place) => place < bytes.length)), bytes.length].sort((one, other) => one - other);
		answers.push(ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)).filter(({ length }) => length > 0));
		const { lines } = await stream();
		return JSON.stringify(await all(lines)) === JSON.stringify(written);
	});
	await fc.assert(property, { numRuns: 100 });
	t.pass();
});

test("an answer that is no stream tells its status, and its connection ends", async (t) => {
	const { stream, sockets } = await open(t, (response) => response.writeHead(429, { "retry-after": "7" }).write("wait"));
	const { status, retryAfter, lines } = await stream();
	t.deepEqual([status, retryAfter, await all(lines)], [429, "7", []]);
	await waitUntil(() => sockets.size === 0);
});

test("half a line at the end is not told, and one that is cut off is an outage", async (t) => {
	const ended = await open(t, (response) => response.end("one\ntw"));
	t.deepEqual(await all((await ended.stream()).lines), ["one"]);
	const cut = await open(t, (response) => response.write("one\ntw", () => setImmediate(() => response.destroy())));
	await failure(
		t,
		cut.stream().then(({ lines }) => all(lines)),
		"unreachable",
		/the connection was cut/,
	);
});

test("what limits a stream: a long line, silence, no beginning, the signal, whoever stops reading", async (t) => {
	const long = await open(t, (response) => response.write("x".repeat(2000)));
	await failure(
		t,
		long.stream().then(({ lines }) => all(lines)),
		"too-large",
		/a line of more than 1000 bytes/,
	);
	const silent = await open(t, (response) => response.write("one\n"));
	await failure(
		t,
		silent.stream({ idleMilliseconds: 50 }).then(({ lines }) => all(lines)),
		"unreachable",
		/did not finish within 0.05 s/,
	);
	const mute = await open(t, () => undefined);
	await failure(t, mute.stream({ timeoutMilliseconds: 50 }), "unreachable", /did not finish within 0.05 s/);
	const ending = new AbortController();
	const { lines } = await silent.stream({ signal: ending.signal });
	const reading = all(lines);
	ending.abort(new ProviderError("stopped", "That is all."));
	await failure(t, reading, "stopped", /That is all/);
	for await (const line of (await silent.stream()).lines) if (line === "one") break;
	for (const { sockets } of [long, silent, mute]) await waitUntil(() => sockets.size === 0);
	silent.server.close();
	await failure(t, silent.stream(), "unreachable", /the connection was refused while the connection was opened/);
});

test("a stream goes where requests may go: not behind a redirect, nor to an address that policy forbids", async (t) => {
	const { stream, sockets } = await open(t, (response) => response.writeHead(302, { location: "http://elsewhere.example/" }).end());
	await failure(t, stream(), "unreachable", /redirects to elsewhere\.example/);
	await waitUntil(() => sockets.size === 0);
	await failure(t, stream({ allowsAddress: () => false }), "refused", /no address that policy allows/);
	await failure(t, stream({ signal: AbortSignal.abort(new ProviderError("stopped", "Too late.")) }), "stopped", /Too late/);
});

test("streams take no connection from requests", async (t) => {
	const { stream, transport } = await open(t, (response) => response.write("one\n"));
	const streams = await Promise.all(Array.from({ length: 70 }, () => stream()));
	const signal = AbortSignal.timeout(5000);
	await failure(
		t,
		transport.request({ method: "GET", path: "/", signal, timeoutMilliseconds: 200, allowsAddress: () => true }),
		"unreachable",
		/while its answer was awaited/,
	);
	t.true(streams.every(({ status }) => status === 200));
	await Promise.all(streams.map(async ({ lines }) => void (await lines[Symbol.asyncIterator]().return?.())));
});
