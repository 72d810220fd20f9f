import { once } from "node:events";
import http2 from "node:http2";
import { connect } from "node:net";
import { addAbortSignal } from "node:stream";
import { buffer } from "node:stream/consumers";
import { ProviderError } from "../errors.ts";
import { versionMethod } from "./definitions.ts";

const patienceMilliseconds = 2000;
const frameHeader = 5;
/** What connecting says when no process listens: nobody behind the socket, no socket at all, or a plain file. */
const nobody = new Set(["ECONNREFUSED", "ENOENT", "ENOTSOCK"]);

/**
 * Whether a process listens on a unix socket.
 * @throws ProviderError `invalid` when that cannot be found out
 */
export async function isAnswered(path: string): Promise<boolean> {
	const connection = connect(path);
	try {
		await once(connection, "connect");
		return true;
	} catch (cause) {
		const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
		if (nobody.has(code)) return false;
		// A full queue of connections belongs to a living process.
		if (code === "EAGAIN") return true;
		throw new ProviderError("invalid", `The socket ${path} cannot be tried: ${code}.`, {
			remedy: "Check the permissions of the socket directory.",
			cause,
		});
	} finally {
		connection.destroy();
	}
}

/** The `runtime_name` of the provider on a socket; undefined when it does not answer as one. */
export async function askRuntimeName(path: string): Promise<string | undefined> {
	// By hand, because a grpc-js client cannot be made to let go of a connection on which nobody speaks HTTP/2.
	const connection = connect(path);
	const session = http2.connect("http://localhost", { createConnection: () => connection });
	// What breaks the session breaks the call on it as well, which is where it is noticed.
	session.on("error", () => {});
	try {
		return versionMethod.responseDeserialize(await callVersion(session)).runtimeName;
	} catch {
		return undefined;
	} finally {
		session.destroy();
		connection.destroy();
	}
}

/** One gRPC call: its message in a frame of five bytes, and the answer's message out of such a frame. */
async function callVersion(session: http2.ClientHttp2Session): Promise<Buffer> {
	const stream = session.request({ ":method": "POST", ":path": versionMethod.path, "content-type": "application/grpc", te: "trailers" });
	addAbortSignal(AbortSignal.timeout(patienceMilliseconds), stream);
	stream.end(frame(versionMethod.requestSerialize({ version: "v1alpha1" })));
	const answer = await buffer(stream);
	return answer.subarray(frameHeader, frameHeader + answer.readUInt32BE(1));
}

function frame(message: Buffer): Buffer {
	const header = Buffer.alloc(frameHeader);
	header.writeUInt32BE(message.length, 1);
	return Buffer.concat([header, message]);
}
