import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { v1alpha1 } from "../../contract/generated/codec.js";
import type { ProviderAnswer } from "./answer.ts";
import type { DriverRequest } from "./request.ts";

/** How a call that brought no answer ended. */
export interface CallFailure {
	/** Name of the gRPC code, such as `PERMISSION_DENIED`. */
	readonly status: string;
	/** Claviger's own code for it; undefined where another provider answered, or none. */
	readonly errorCode: string | undefined;
	readonly text: string;
}

export type CallResult = { readonly answer: ProviderAnswer } | { readonly failure: CallFailure };

const method = "/v1alpha1.CSIDriverProvider/Mount";

/** The driver's own limit and retries: three attempts where the outcome is UNAVAILABLE, so that a provider may restart meanwhile. */
const channelOptions = {
	"grpc.default_authority": "localhost",
	"grpc.max_receive_message_length": 4 * 1024 * 1024,
	"grpc.enable_channelz": 0,
	"grpc.service_config": JSON.stringify({
		methodConfig: [
			{
				name: [{ service: "v1alpha1.CSIDriverProvider" }],
				retryPolicy: {
					maxAttempts: 3,
					initialBackoff: "1s",
					maxBackoff: "10s",
					backoffMultiplier: 1.1,
					retryableStatusCodes: ["UNAVAILABLE"],
				},
			},
		],
	}),
};

/** Calls Mount on a provider's socket as the driver does. Never rejects: a failed call is a result. */
export async function callMount(socket: string, request: DriverRequest, timeoutMilliseconds: number): Promise<CallResult> {
	const client = new Client(`unix:${socket}`, credentials.createInsecure(), channelOptions);
	try {
		return await new Promise<CallResult>((settle) => {
			client.makeUnaryRequest(
				method,
				(message: DriverRequest) => Buffer.from(v1alpha1.MountRequest.encode(message).finish()),
				readAnswer,
				request,
				{ deadline: Date.now() + timeoutMilliseconds },
				(error, answer) => settle(answer === undefined ? { failure: readFailure(error) } : { answer }),
			);
		});
	} finally {
		client.close();
	}
}

function readAnswer(bytes: Buffer): ProviderAnswer {
	const message = v1alpha1.MountResponse.decode(bytes);
	return {
		errorCode: message.error?.code ?? "",
		files: (message.files ?? []).map((file) => ({
			path: file.path ?? "",
			mode: file.mode ?? 0,
			contents: file.contents ?? new Uint8Array(),
		})),
		versions: new Map((message.objectVersion ?? []).map((entry) => [entry.id ?? "", entry.version ?? ""])),
	};
}

function readFailure(error: ServiceError | null): CallFailure {
	if (error === null) return { status: "UNKNOWN", errorCode: undefined, text: "The provider sent an empty answer." };
	const [errorCode] = error.metadata.get("claviger-error-code");
	return {
		status: status[error.code] ?? "UNKNOWN",
		errorCode: errorCode === undefined ? undefined : errorCode.toString(),
		text: error.details,
	};
}
