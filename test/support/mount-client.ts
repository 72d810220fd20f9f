import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { asBuffer } from "../../provider/contract/codec.ts";
import { healthDefinition, versionMethod } from "../../provider/contract/definitions.ts";
import { grpc, v1alpha1 } from "../../provider/contract/generated/codec.js";

/** The HTTP/2 path of Mount. */
export const mountPath = "/v1alpha1.CSIDriverProvider/Mount";
const { ServingStatus } = grpc.health.v1.HealthCheckResponse;
const defaultDeadline = 30_000;

export interface MountCallOptions {
	/** Data of nodePublishSecretRef; a text is sent as it is. Default: the text `null`, as without a nodePublishSecretRef. */
	readonly secrets?: Readonly<Record<string, string>> | string;
	/** The default file mode; a text is sent as it is. Default 420, as the driver's. */
	readonly permission?: number | string;
	readonly target?: string;
	/** Milliseconds from now. Default 30,000. */
	readonly deadline?: number;
	readonly currentVersions?: Readonly<Record<string, string>>;
	readonly signal?: AbortSignal;
}

export interface MountedFile {
	readonly mode: number;
	readonly contents: Buffer;
}

export interface MountResult {
	readonly files: ReadonlyMap<string, MountedFile>;
	readonly versions: ReadonlyMap<string, string>;
	/** The file paths in the order of the answer. */
	readonly order: readonly string[];
}

/** A call that ended with a status other than OK. */
export class CallFailure extends Error {
	override readonly name = "CallFailure";
	/** The status by name, such as `NOT_FOUND`. */
	readonly code: string;
	readonly details: string;
	/** The trailer `claviger-error-code`; undefined when there is none. */
	readonly errorCode: string | undefined;

	constructor(error: ServiceError) {
		super(`${status[error.code]}: ${error.details}`);
		this.code = status[error.code] ?? String(error.code);
		this.details = error.details;
		this.errorCode = trailer(error.metadata);
	}
}

export interface MountClient {
	/** @param attributes what the driver sends as attributes; a text is sent as it is */
	mount(attributes: Readonly<Record<string, string>> | string, options?: MountCallOptions): Promise<MountResult>;
	/** Sends bytes as the message of a Mount, whatever they are. */
	mountBytes(message: Buffer, deadline?: number): Promise<Buffer>;
	version(): Promise<{ readonly version: string; readonly runtimeName: string; readonly runtimeVersion: string }>;
	/** The serving status by name, such as `SERVING`. */
	health(service?: string): Promise<string>;
	/** The serving statuses that a watch reports, until it ends. */
	watchHealth(service?: string): AsyncIterable<string>;
	listHealth(): Promise<Readonly<Record<string, string>>>;
	close(): void;
}

/** A client that calls a provider's socket as the driver does: authority `localhost`, waiting until it is connected. */
export function createMountClient(socketPath: string): MountClient {
	const client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
		"grpc.default_authority": "localhost",
		"grpc.enable_channelz": 0,
		"grpc.use_local_subchannel_pool": 1,
		"grpc.max_receive_message_length": 64 * 1024 * 1024,
		"grpc.initial_reconnect_backoff_ms": 50,
		"grpc.max_reconnect_backoff_ms": 200,
	});
	const call = unaryCalls(client);
	return {
		async mount(attributes, options = {}) {
			const message = asBuffer(v1alpha1.MountRequest.encode(mountMessage(attributes, options)).finish());
			return readAnswer(await call(mountPath, message, options.deadline, options.signal));
		},
		mountBytes: (message, deadline) => call(mountPath, message, deadline),
		async version() {
			const { path, requestSerialize, responseDeserialize } = versionMethod;
			const { version, runtimeName, runtimeVersion } = responseDeserialize(await call(path, requestSerialize({ version: "v1alpha1" })));
			return { version, runtimeName, runtimeVersion };
		},
		async health(service = "") {
			const { path, requestSerialize, responseDeserialize } = healthDefinition.check;
			return ServingStatus[responseDeserialize(await call(path, requestSerialize({ service }))).status] ?? "";
		},
		watchHealth: (service = "") => watchHealth(client, service),
		async listHealth() {
			const { path, requestSerialize, responseDeserialize } = healthDefinition.list;
			const { statuses } = responseDeserialize(await call(path, requestSerialize({})));
			return Object.fromEntries(Object.entries(statuses).map(([name, { status }]) => [name, ServingStatus[status ?? 0] ?? ""]));
		},
		close: () => client.close(),
	};
}

/** The message of a Mount, as the driver would fill it. */
export function mountMessage(attributes: Readonly<Record<string, string>> | string, options: MountCallOptions = {}) {
	const { secrets = "null", permission = 420, target = "/var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/secrets/mount" } = options;
	return {
		attributes: typeof attributes === "string" ? attributes : JSON.stringify(attributes),
		secrets: typeof secrets === "string" ? secrets : JSON.stringify(secrets),
		permission: String(permission),
		targetPath: target,
		currentObjectVersion: Object.entries(options.currentVersions ?? {}).map(([id, version]) => ({ id, version })),
	};
}

function unaryCalls(client: Client) {
	return async (path: string, message: Buffer, deadline = defaultDeadline, signal?: AbortSignal): Promise<Buffer> => {
		const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
		const running = client.makeUnaryRequest(
			path,
			(bytes: Buffer) => bytes,
			(bytes: Buffer) => bytes,
			message,
			new Metadata({ waitForReady: true }),
			{ deadline: Date.now() + deadline },
			(error, answer) => (error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(new CallFailure(error))),
		);
		const cancel = () => running.cancel();
		signal?.addEventListener("abort", cancel, { once: true });
		try {
			return await promise;
		} finally {
			signal?.removeEventListener("abort", cancel);
		}
	};
}

function readAnswer(bytes: Buffer): MountResult {
	const { files, objectVersion } = v1alpha1.MountResponse.decode(bytes);
	return {
		files: new Map(files.map(({ path, mode, contents }) => [path ?? "", { mode: mode ?? 0, contents: Buffer.from(contents ?? []) }])),
		versions: new Map(objectVersion.map(({ id, version }) => [id ?? "", version ?? ""])),
		order: files.map(({ path }) => path ?? ""),
	};
}

async function* watchHealth(client: Client, service: string): AsyncIterable<string> {
	const { path, requestSerialize, responseDeserialize } = healthDefinition.watch;
	const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service });
	try {
		for await (const answer of call) yield ServingStatus[answer.status] ?? "";
	} finally {
		call.cancel();
	}
}

function trailer(metadata: Metadata): string | undefined {
	const [value] = metadata.get("claviger-error-code");
	return value === undefined ? undefined : String(value);
}
