import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, LookupFunction, Socket } from "node:net";
import { join } from "node:path";
import { inspect } from "node:util";
import test, { type ExecutionContext } from "ava";
import { type ErrorCode, ProviderError } from "../../provider/errors.ts";
import { parseAddress } from "../../provider/net/address.ts";
import { type HttpRequest, Transport, type TransportOptions } from "../../provider/net/transport.ts";
import { type Misbehaviour, startLatencyProxy } from "../servers/latency-proxy.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const token = "hvs.marked-token-value-0123456789";

interface Recorder {
	readonly address: string;
	readonly requests: {
		readonly method: string;
		readonly url: string;
		readonly headers: IncomingMessage["headers"];
		readonly body: string;
	}[];
	readonly sockets: Set<Socket>;
	connections: number;
}

/** A server that records what it gets and answers `ok`. */
async function startRecorder(
	t: ExecutionContext,
	listenOn: string | number = 0,
	answer = (response: ServerResponse) => response.end("ok"),
) {
	const server = createServer(async (incoming, outgoing) => {
		const chunks: Buffer[] = [];
		for await (const chunk of incoming) chunks.push(chunk);
		const { method = "", url = "", headers } = incoming;
		recorder.requests.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
		answer(outgoing);
	});
	const sockets = new Set<Socket>();
	server.on("connection", (socket) => {
		recorder.connections += 1;
		sockets.add(socket);
		socket.once("close", () => sockets.delete(socket));
	});
	if (typeof listenOn === "string") server.listen(listenOn);
	else server.listen(listenOn, "127.0.0.1");
	await once(server, "listening");
	const bound = server.address() as AddressInfo | string;
	const address = typeof bound === "string" ? `unix://${bound}` : `http://127.0.0.1:${bound.port}`;
	const recorder: Recorder = { address, requests: [], sockets, connections: 0 };
	t.teardown(() => {
		server.close();
		server.closeAllConnections();
	});
	return recorder;
}

function makeTransport(t: ExecutionContext, address: string, options: Omit<TransportOptions, "address"> = {}): Transport {
	const parsed = parseAddress(address);
	if ("problem" in parsed) throw new Error(parsed.problem);
	const transport = new Transport({ environment: {}, ...options, address: parsed });
	t.teardown(() => transport.close());
	return transport;
}

function get(overrides: Partial<HttpRequest> = {}): HttpRequest {
	return {
		method: "GET",
		path: "/v1/x?version=2",
		headers: { "X-Vault-Token": token },
		signal: AbortSignal.timeout(30_000),
		allowsAddress: () => true,
		...overrides,
	};
}

async function failure(t: ExecutionContext, promise: Promise<unknown>): Promise<ProviderError> {
	const error = await t.throwsAsync(promise, { instanceOf: ProviderError });
	if (error === undefined) throw new Error("no failure");
	t.false(inspect(error, { showHidden: true, depth: 10 }).includes(token), "the error carries no header");
	return error;
}

async function until(t: ExecutionContext, condition: () => boolean): Promise<void> {
	const end = Date.now() + 10_000;
	while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
	t.true(condition());
}

test("method, path, headers and body go out as given, and nothing is asked to be compressed", async (t) => {
	const server = await startRecorder(t);
	const transport = makeTransport(t, server.address);
	for (const method of ["GET", "POST", "PUT"]) {
		const answer = await transport.request(get({ method, body: '{"ä":1}' }));
		t.is(answer.body.toString(), "ok");
	}
	t.deepEqual(
		server.requests.map(({ method, url, body }) => [method, url, body]),
		["GET", "POST", "PUT"].map((method) => [method, "/v1/x?version=2", '{"ä":1}']),
	);
	const headers = server.requests[0]?.headers;
	t.is(headers?.["accept-encoding"], undefined);
	t.is(headers?.["x-vault-token"], token);
});

test("requests share kept connections", async (t) => {
	const server = await startRecorder(t);
	const transport = makeTransport(t, server.address);
	for (let request = 0; request < 50; request += 1) await transport.request(get());
	t.is(server.connections, 1);
	await Promise.all(Array.from({ length: 40 }, () => transport.request(get())));
	t.true(server.connections <= 64);
});

test("a unix socket is an address, and the guard has no say about it", async (t) => {
	const server = await startRecorder(t, join(temporaryDirectory(t), "agent.sock"));
	const transport = makeTransport(t, server.address);
	const answer = await transport.request(get({ allowsAddress: () => false }));
	t.is(answer.status, 200);
	t.is(server.requests[0]?.headers.host, "localhost");
	const missing = makeTransport(t, "unix:///nowhere/agent.sock");
	t.regex((await failure(t, missing.request(get()))).message, /^\/nowhere\/agent\.sock is unreachable: the socket does not exist/);
});

const misbehaviours: readonly { readonly behaviour: Misbehaviour; readonly message: RegExp; readonly code?: ErrorCode }[] = [
	{ behaviour: { kind: "hang" }, message: /did not finish within 0\.3 s: time ran out while its answer was awaited/ },
	{ behaviour: { kind: "drip" }, message: /did not finish within 0\.3 s/ },
	{ behaviour: { kind: "reset" }, message: /is unreachable: the connection was cut while its answer was awaited/ },
	{ behaviour: { kind: "truncate" }, message: /is unreachable: the connection was cut while its answer was awaited/ },
	{ behaviour: { kind: "endless" }, message: /answered with more than 100000 bytes/, code: "too-large" },
	{
		behaviour: { kind: "status", status: 200, headers: { "content-encoding": "gzip" }, body: "x" },
		message: /in an encoding that was not asked for/,
	},
	{
		behaviour: { kind: "status", status: 200, headers: { "x-big": "x".repeat(30_000) } },
		message: /the headers of the answer are too large/,
	},
];

for (const { behaviour, message, code = "unreachable" } of misbehaviours) {
	test(`a server that misbehaves by ${behaviour.kind}${"headers" in behaviour ? ` ${Object.keys(behaviour.headers ?? {})[0]}` : ""} is an error with the fact`, async (t) => {
		const proxy = await startLatencyProxy(t, { target: "http://127.0.0.1:1" });
		proxy.misbehave(behaviour);
		const transport = makeTransport(t, proxy.address);
		const timeoutMilliseconds = behaviour.kind === "hang" || behaviour.kind === "drip" ? 300 : 20_000;
		const error = await failure(t, transport.request(get({ timeoutMilliseconds, maximumBytes: 100_000 })));
		t.is(error.code, code);
		t.regex(error.message, message);
		t.true(error.message.startsWith(`127.0.0.1:${new URL(proxy.address).port} `), "the server is named");
		await until(t, () => proxy.openRequests() === 0);
	});
}

for (const status of [301, 302, 303, 307, 308]) {
	test(`a redirect ${status} is an error naming both hosts, and nothing goes to the second`, async (t) => {
		const second = await startRecorder(t);
		const proxy = await startLatencyProxy(t, { target: "http://127.0.0.1:1" });
		proxy.misbehave({ kind: "redirect", status, location: `${second.address}/v1/x` });
		const error = await failure(t, makeTransport(t, proxy.address).request(get()));
		t.is(error.code, "unreachable");
		t.true(error.message.includes(new URL(proxy.address).host) && error.message.includes(new URL(second.address).host), error.message);
		t.is(second.connections, 0);
	});
}

test("an abort ends the request at once with the caller's reason and closes the socket", async (t) => {
	const proxy = await startLatencyProxy(t, { target: "http://127.0.0.1:1" });
	proxy.misbehave({ kind: "hang" });
	const caller = new AbortController();
	const asked = makeTransport(t, proxy.address).request(get({ signal: caller.signal }));
	const failed = failure(t, asked);
	await until(t, () => proxy.openRequests() === 1);
	const reason = new ProviderError("stopped", "The driver cancelled the call.");
	caller.abort(reason);
	t.is(await failed, reason);
	await until(t, () => proxy.openRequests() === 0);
	await t.throwsAsync(makeTransport(t, proxy.address).request(get({ signal: caller.signal })), { is: reason });
});

test("a thousand aborted requests leave no socket behind", async (t) => {
	const proxy = await startLatencyProxy(t, { target: "http://127.0.0.1:1" });
	proxy.misbehave({ kind: "hang" });
	const transport = makeTransport(t, proxy.address);
	for (let round = 0; round < 20; round += 1) {
		const caller = new AbortController();
		const asked = Array.from({ length: 50 }, () => transport.request(get({ signal: caller.signal })));
		await until(t, () => proxy.openRequests() > 0);
		caller.abort(new ProviderError("stopped", "enough"));
		await Promise.allSettled(asked);
	}
	await until(t, () => proxy.openRequests() === 0);
});

const forbidden = (address: string) => !/^169\.254\.|^fd00:ec2:/.test(address);

for (const host of ["169.254.169.254", "0xa9fea9fe", "2852039166", "[fd00:ec2::254]"]) {
	test(`the guard refuses the literal ${host} before any connection`, async (t) => {
		const error = await failure(t, makeTransport(t, `http://${host}:1`).request(get({ allowsAddress: forbidden })));
		t.is(error.code, "refused");
		t.truthy(error.remedy);
	});
}

test("the guard is asked about every address of a name, and one forbidden address condemns the name", async (t) => {
	const server = await startRecorder(t);
	const asked: string[] = [];
	const resolveTo =
		(addresses: readonly string[]): LookupFunction =>
		(_host, _options, callback) =>
			callback(
				null,
				addresses.map((address) => ({ address, family: 4 })),
			);
	const { port } = new URL(server.address);
	const allowsAddress = (address: string) => {
		asked.push(address);
		return forbidden(address);
	};
	const good = makeTransport(t, `http://vault.example:${port}`, { lookup: resolveTo(["127.0.0.1"]) });
	t.is((await good.request(get({ allowsAddress }))).status, 200);
	t.deepEqual(asked, ["127.0.0.1"]);
	const bad = makeTransport(t, `http://vault.example:${port}`, { lookup: resolveTo(["127.0.0.1", "169.254.169.254"]) });
	const error = await failure(t, bad.request(get({ allowsAddress })));
	t.is(error.code, "refused");
	t.regex(error.message, /^vault\.example resolves to 169\.254\.169\.254, which/);
	t.is(server.requests.length, 1);
});

test("failures name the stage", async (t) => {
	const refused = await failure(t, makeTransport(t, "http://127.0.0.1:1").request(get()));
	t.is(refused.message, "127.0.0.1:1 is unreachable: the connection was refused while the connection was opened.");
	const noName: LookupFunction = (_host, _options, callback) =>
		callback(Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" }), "");
	const unknown = await failure(t, makeTransport(t, "http://vault.example", { lookup: noName }).request(get()));
	t.is(unknown.message, "vault.example:80 is unreachable: the name does not exist while its name was looked up.");
});

test("a proxy of the environment carries requests, except to what NO_PROXY names", async (t) => {
	const proxy = await startRecorder(t);
	const direct = await startRecorder(t);
	const through = makeTransport(t, "http://vault.example:8200", { environment: { HTTP_PROXY: proxy.address } });
	t.is((await through.request(get())).status, 200);
	t.is(proxy.requests[0]?.url, "http://vault.example:8200/v1/x?version=2");
	const toSelf: LookupFunction = (_host, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]);
	const around = makeTransport(t, `http://vault.example:${new URL(direct.address).port}`, {
		environment: { HTTP_PROXY: proxy.address, NO_PROXY: "vault.example" },
		lookup: toSelf,
	});
	t.is((await around.request(get())).status, 200);
	t.is(direct.requests.length, 1);
	const blocked = await failure(
		t,
		makeTransport(t, "https://vault.example:8200", { environment: { HTTPS_PROXY: "http://127.0.0.1:1" } }).request(get()),
	);
	t.is(blocked.code, "unreachable");
	const metadata = makeTransport(t, "http://169.254.169.254", { environment: { HTTP_PROXY: proxy.address } });
	t.is((await failure(t, metadata.request(get({ allowsAddress: forbidden })))).code, "refused");
	t.is(proxy.requests.length, 1);
});
