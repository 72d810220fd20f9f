import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { v1alpha1 } from "../../provider/contract/generated/codec.js";

export type MountMessage = v1alpha1.MountRequest.$Shape;
export type MountAnswer = v1alpha1.MountResponse.$Properties;

const mount = {
	path: "/v1alpha1.CSIDriverProvider/Mount",
	requestStream: false,
	responseStream: false,
	requestDeserialize: (bytes: Buffer) => v1alpha1.MountRequest.decode(bytes),
	requestSerialize: (message: MountMessage) => Buffer.from(v1alpha1.MountRequest.encode(message).finish()),
	responseDeserialize: (bytes: Buffer) => v1alpha1.MountResponse.decode(bytes),
	responseSerialize: (message: MountAnswer) => Buffer.from(v1alpha1.MountResponse.encode(message).finish()),
} as const;

/** Serves Mount alone on a unix socket: what a benchmark's comparisons have in common. */
export function serveMounts(socket: string, answer: (request: MountMessage) => Promise<MountAnswer>): void {
	const server = new Server({ "grpc.enable_channelz": 0 });
	server.addService(
		{ Mount: mount },
		{
			Mount(call: ServerUnaryCall<MountMessage, MountAnswer>, callback: sendUnaryData<MountAnswer>) {
				answer(call.request).then(
					(message) => callback(null, message),
					(error: unknown) => callback({ code: status.UNKNOWN, details: String(error), metadata: new Metadata() }),
				);
			},
		},
	);
	// An exit in order, because only that writes the compile cache.
	process.once("SIGTERM", () => process.exit(0));
	server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => {
		if (error !== null) throw error;
	});
}

/** An answer with one file and one version for each value. */
export function answerWith(contents: readonly Uint8Array[]): MountAnswer {
	return {
		files: contents.map((value, index) => ({ path: `file-${index}`, mode: 0o400, contents: value })),
		objectVersion: contents.map((_, index) => ({ id: `file-${index}`, version: "0123456789abcdef0123456789abcdef" })),
	};
}
