import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { gzipSync } from "node:zlib";
import test from "ava";
import { asBuffer } from "../../provider/contract/codec.ts";
import { v1alpha1 } from "../../provider/contract/generated/codec.js";
import { mountMessage } from "../support/mount-client.ts";
import { connectRaw, frame, type RawOutcome } from "../support/raw-connection.ts";
import { attributes, serve } from "./harness.ts";

const good = asBuffer(v1alpha1.MountRequest.encode(mountMessage(attributes())).finish());
const megabytes = (count: number) => Buffer.alloc(count * 1024 * 1024);

interface Case {
	readonly title: string;
	readonly body: Buffer;
	readonly headers?: Readonly<Record<string, string>>;
	readonly code: string;
	readonly says?: RegExp;
}

const tooLong = /^The mount request is \d+ bytes long; 2097152 are read/;

/** What reaches this provider's own code gets its answer; what grpc-js ends before that gets grpc-js's, none of which a driver can cause. */
const cases: readonly Case[] = [
	{ title: "a good message", body: frame(good), code: "OK" },
	{ title: "an empty message", body: frame(Buffer.alloc(0)), code: "INVALID_ARGUMENT", says: /faults.*attributes is empty/ },
	{ title: "6 MiB", body: frame(megabytes(6)), code: "INVALID_ARGUMENT", says: tooLong },
	{ title: "31 MiB, above all that a driver can send", body: frame(megabytes(31)), code: "INVALID_ARGUMENT", says: tooLong },
	{ title: "a compressed message", body: frame(gzipSync(good), 1), headers: { "grpc-encoding": "gzip" }, code: "OK" },
	{
		title: "a compressed message of 6 MiB",
		body: frame(gzipSync(megabytes(6)), 1),
		headers: { "grpc-encoding": "gzip" },
		code: "INVALID_ARGUMENT",
		says: tooLong,
	},
	{ title: "33 MiB", body: frame(megabytes(33)), code: "RESOURCE_EXHAUSTED", says: /larger than max/ },
	{ title: "a length of 4 GiB", body: frame(good, 0, 0xffffffff), code: "RESOURCE_EXHAUSTED", says: /larger than max/ },
	{
		title: "a message that inflates to 64 MiB",
		body: frame(gzipSync(megabytes(64)), 1),
		headers: { "grpc-encoding": "gzip" },
		code: "RESOURCE_EXHAUSTED",
		says: /decompresses/,
	},
	{ title: "damaged compression", body: frame(good, 1), headers: { "grpc-encoding": "gzip" }, code: "INTERNAL", says: /decompress/ },
	{ title: "an unknown compression", body: frame(good, 1), headers: { "grpc-encoding": "br" }, code: "UNIMPLEMENTED", says: /br/ },
	{ title: "no message", body: Buffer.alloc(0), code: "UNIMPLEMENTED", says: /no request message/ },
	{ title: "half a message", body: frame(good, 0, good.length * 2), code: "UNIMPLEMENTED", says: /no request message/ },
	{ title: "half a frame header", body: Buffer.from([0, 0]), code: "UNIMPLEMENTED", says: /no request message/ },
	{ title: "two messages", body: Buffer.concat([frame(good), frame(good)]), code: "UNIMPLEMENTED", says: /second request message/ },
	{ title: "a malformed time limit", body: frame(good), headers: { "grpc-timeout": "soon" }, code: "INTERNAL", says: /grpc-timeout/ },
	{ title: "another content type", body: frame(good), headers: { "content-type": "text/plain" }, code: "HTTP 415" },
];

for (const { title, body, headers = {}, code, says } of cases) {
	test(`a call with ${title} ends with ${code}, and the next one is served`, async (t) => {
		const { client, socket } = await serve(t);
		const raw = connectRaw(socket);
		t.teardown(() => raw.close());
		const outcome: RawOutcome = await raw.body(body, { headers });
		t.is(outcome.code, code);
		if (says !== undefined) t.regex(outcome.details, says);
		t.is((await client.mount(attributes())).files.size, 1);
	});
}

test("noise on the socket, and connections that say nothing, disturb nobody", async (t) => {
	const { server, client, socket } = await serve(t);
	for (const noise of ["GET / HTTP/1.1\r\n\r\n", "\u0000".repeat(100_000), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""]) {
		const connection = connectSocket(socket);
		connection.on("error", () => {});
		t.teardown(() => connection.destroy());
		connection.resume();
		await once(connection, "connect");
		connection.write(noise);
		t.is((await client.mount(attributes())).files.size, 1);
	}
	const began = performance.now();
	await server.stop();
	t.true(performance.now() - began < 3000);
});
