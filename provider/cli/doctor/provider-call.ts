import http2 from "node:http2";
import { connect } from "node:net";
import { addAbortSignal } from "node:stream";
import { buffer } from "node:stream/consumers";
import { healthDefinition, versionMethod } from "../../contract/definitions.ts";
import { grpc } from "../../contract/generated/codec.js";

/** What a provider says of itself; the names are its own words, without characters that steer a terminal. */
export interface ProviderSelf {
	readonly name: string;
	readonly version: string;
	/** By the standard health service, which few providers have: `SERVING`, or undefined. */
	readonly health: string | undefined;
}

const frameHeader = 5;
const largestAnswer = 64 * 1024;
const { ServingStatus } = grpc.health.v1.HealthCheckResponse;

interface Method<Request, Response> {
	readonly path: string;
	requestSerialize(message: Request): Buffer;
	responseDeserialize(bytes: Buffer): Response;
}

/** Asks a provider's socket for its version and its health; undefined when it does not answer as a provider. */
export async function askProvider(socket: string, signal: AbortSignal): Promise<ProviderSelf | undefined> {
	const connection = connect(socket);
	const session = http2.connect("http://localhost", { createConnection: () => connection });
	// What breaks the session breaks the calls on it as well, which is where it is noticed.
	session.on("error", () => {});
	try {
		const self = await call(session, versionMethod, { version: "v1alpha1" }, signal);
		const check = await call(session, healthDefinition.check, { service: "" }, signal).catch(() => undefined);
		const health = check === undefined ? undefined : ServingStatus[check.status];
		return { name: plain(self.runtimeName), version: plain(self.runtimeVersion), health };
	} catch {
		return undefined;
	} finally {
		session.destroy();
		connection.destroy();
	}
}

/** One gRPC call: its message in a frame of five bytes, and the answer's message out of such a frame. */
async function call<Request, Response>(
	session: http2.ClientHttp2Session,
	method: Method<Request, Response>,
	message: Request,
	signal: AbortSignal,
): Promise<Response> {
	const stream = session.request({ ":method": "POST", ":path": method.path, "content-type": "application/grpc", te: "trailers" });
	addAbortSignal(signal, stream);
	const bytes = method.requestSerialize(message);
	const framed = Buffer.alloc(frameHeader + bytes.length);
	framed.writeUInt32BE(bytes.length, 1);
	bytes.copy(framed, frameHeader);
	stream.end(framed);
	const answer = await buffer(stream);
	if (answer.length < frameHeader || answer.length > largestAnswer) throw new Error("no message");
	return method.responseDeserialize(answer.subarray(frameHeader, frameHeader + answer.readUInt32BE(1)));
}

function plain(text: string): string {
	return text.replace(/\p{Cc}/gu, "").slice(0, 60);
}
