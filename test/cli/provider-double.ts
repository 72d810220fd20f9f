import { join } from "node:path";
import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import type { ExecutionContext } from "ava";
import { v1alpha1 } from "../../provider/contract/generated/codec.js";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** What a double answers to one call: files with versions, a status, or silence. */
export type DoubleAnswer =
	| { readonly files: Readonly<Record<string, string>>; readonly versions: Readonly<Record<string, string>>; readonly mode?: number }
	| { readonly code: number; readonly text: string; readonly errorCode?: string }
	| { readonly providerError: string }
	| "silence";

export interface ProviderDouble {
	readonly socket: string;
	readonly directory: string;
	/** Every request so far. */
	readonly requests: readonly v1alpha1.MountRequest[];
	/** What it answers from now on. */
	answer: DoubleAnswer;
}

type Call = ServerUnaryCall<v1alpha1.MountRequest, DoubleAnswer>;

/** A provider on a socket `NAME.sock` of its own directory that answers as it is told. */
export async function startProviderDouble(t: ExecutionContext<unknown>, name = "claviger"): Promise<ProviderDouble> {
	const directory = temporaryDirectory(t);
	const socket = join(directory, `${name}.sock`);
	const requests: v1alpha1.MountRequest[] = [];
	const double: ProviderDouble = { socket, directory, requests, answer: { files: { a: "1" }, versions: { a: "v1" } } };
	const server = new Server();
	server.addService(
		{
			Mount: {
				path: "/v1alpha1.CSIDriverProvider/Mount",
				requestStream: false,
				responseStream: false,
				requestDeserialize: (bytes: Buffer) => v1alpha1.MountRequest.decode(bytes),
				requestSerialize: () => Buffer.alloc(0),
				responseDeserialize: () => "silence" as const,
				responseSerialize: encodeAnswer,
			},
		},
		{
			Mount: (call: Call, callback: sendUnaryData<DoubleAnswer>) => {
				requests.push(call.request);
				respond(double.answer, callback);
			},
		},
	);
	await new Promise<void>((resolve, reject) => {
		server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error)));
	});
	t.teardown(() => server.forceShutdown());
	return double;
}

function respond(answer: DoubleAnswer, callback: sendUnaryData<DoubleAnswer>): void {
	if (answer === "silence") return;
	if (!("code" in answer)) {
		callback(null, answer);
		return;
	}
	const metadata = new Metadata();
	if (answer.errorCode !== undefined) metadata.set("claviger-error-code", answer.errorCode);
	callback({ code: answer.code, details: answer.text, metadata });
}

function encodeAnswer(answer: DoubleAnswer): Buffer {
	if (answer === "silence" || "code" in answer) return Buffer.alloc(0);
	const message =
		"providerError" in answer
			? { error: { code: answer.providerError } }
			: {
					files: Object.entries(answer.files).map(([path, text]) => ({ path, mode: answer.mode ?? 0o644, contents: Buffer.from(text) })),
					objectVersion: Object.entries(answer.versions).map(([id, version]) => ({ id, version })),
				};
	return Buffer.from(v1alpha1.MountResponse.encode(message).finish());
}
