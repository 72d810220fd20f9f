import http2 from "node:http2";
import { connect } from "node:net";
import { status } from "@grpc/grpc-js";
import { mountPath } from "./mount-client.ts";

/** How a call ended. */
export interface RawOutcome {
	/** The gRPC status by name; `HTTP <status>` or `RESET <code>` when the call has none. */
	readonly code: string;
	readonly details: string;
}

/** An HTTP/2 connection on which calls may be malformed in every way, and cost little. */
export interface RawConnection {
	/** Sends one message in a proper frame; the outcome `HANG` means that no answer came within the deadline. */
	mount(message: Buffer, deadline?: number): Promise<RawOutcome>;
	/** Sends any bytes as the body of a call. */
	body(bytes: Buffer, options?: { readonly headers?: http2.OutgoingHttpHeaders; readonly deadline?: number }): Promise<RawOutcome>;
	close(): void;
}

const longWait = 20_000;

/** Opens a connection to a provider's socket. */
export function connectRaw(socketPath: string): RawConnection {
	// By default a session resets calls once messages of 10 MB are in its hands.
	const session = http2.connect("http://localhost", { createConnection: () => connect(socketPath), maxSessionMemory: 1000 });
	// A broken connection breaks its calls too, and they report it.
	session.on("error", () => {});
	const body: RawConnection["body"] = (bytes, { headers = {}, deadline = longWait } = {}) =>
		settle(
			session.request({
				":method": "POST",
				":path": mountPath,
				"content-type": "application/grpc",
				te: "trailers",
				"grpc-timeout": `${deadline}m`,
				...headers,
			}),
			bytes,
			deadline,
		);
	return {
		body,
		mount: (message, deadline = longWait) => body(frame(message), { deadline }),
		close: () => session.destroy(),
	};
}

/** A message as gRPC sends it: a flag for compression and the length before it. */
export function frame(message: Buffer, flag = 0, length = message.length): Buffer {
	const framed = Buffer.allocUnsafe(5 + message.length);
	framed.writeUInt8(flag, 0);
	framed.writeUInt32BE(length, 1);
	message.copy(framed, 5);
	return framed;
}

function settle(stream: http2.ClientHttp2Stream, bytes: Buffer, deadline: number): Promise<RawOutcome> {
	const { promise, resolve } = Promise.withResolvers<RawOutcome>();
	let outcome: RawOutcome | undefined;
	const read = (headers: http2.IncomingHttpHeaders) => {
		const code = headers["grpc-status"];
		const http = Number(headers[":status"] ?? 200);
		if (code !== undefined)
			outcome = { code: status[Number(code)] ?? String(code), details: decodeURIComponent(String(headers["grpc-message"] ?? "")) };
		else if (http !== 200) outcome = { code: `HTTP ${http}`, details: "" };
	};
	stream.on("response", read);
	stream.on("trailers", read);
	stream.on("error", () => {});
	stream.on("close", () => resolve(outcome ?? { code: `RESET ${stream.rstCode}`, details: "" }));
	stream.setTimeout(deadline, () => {
		outcome = { code: "HANG", details: "" };
		stream.close(http2.constants.NGHTTP2_CANCEL);
	});
	stream.resume();
	stream.end(bytes);
	return promise;
}
