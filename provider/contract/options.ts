import type { ProviderError } from "../errors.ts";
import type { RenderedFile } from "../plan/mount-plan.ts";
import type { MountRequest } from "../plan/mount-request.ts";

/** What a Mount answers: the whole content of the volume, and the versions the driver records. */
export interface MountAnswer {
	/** At least one; a file that is missing here is removed from the volume. */
	readonly files: readonly RenderedFile[];
	/** At least one, by object name; a version changes exactly when its object does. */
	readonly versions: ReadonlyMap<string, string>;
	/** True when the very same files and versions may come again, so that they are worth being checked and encoded once. */
	readonly isKept?: boolean;
	/** Called when the answer has passed every check, before it leaves; when it throws, the answer does not leave. */
	leaving?(): void;
	/** Called instead of that when the answer does not pass. */
	withheld?(error: ProviderError): void;
}

/**
 * `true`: every failure is UNKNOWN. `by-stage`: INVALID_ARGUMENT for what is written wrong, PERMISSION_DENIED for a
 * login, INTERNAL for a read. `false`: each kind of failure has its own.
 */
export type PlainStatus = boolean | "by-stage";

/** What a call carries beside its message, by name in lower case. */
export interface CallMetadata {
	get(name: string): readonly (string | Buffer)[];
}

/**
 * Makes the answer of one Mount.
 * @throws ProviderError; anything else is answered as a defect
 */
export type MountHandler = (request: MountRequest, metadata: CallMetadata) => Promise<MountAnswer>;

/** Where the contract reports; fields never hold a secret or a token. A pino logger fits. */
export interface ContractLog {
	debug(fields: object, message: string): void;
	info(fields: object, message: string): void;
	warn(fields: object, message: string): void;
	error(fields: object, message: string): void;
}

export interface ContractOptions {
	/** An existing directory; each provider listens there on `<name>.sock`. */
	readonly socketDirectory: string;
	/** The provider names to serve, `^[a-zA-Z0-9_-]{1,30}$`. */
	readonly providers: readonly string[];
	readonly handler: MountHandler;
	/** Hears of a request that the handler did not answer in time. */
	unanswered?(request: MountRequest, error: ProviderError): void;
	/**
	 * Hears how each Mount was answered, once.
	 * @param code `ok`, or the stable error code
	 */
	answered?(provider: string, code: string, milliseconds: number): void;
	/** What `Version` answers as `runtime_version`. */
	readonly runtimeVersion: string;
	/** Which statuses a provider's failures carry, as those of the provider that it stands for do. */
	plainStatus(provider: string): PlainStatus;
	readonly log: ContractLog;
	/** The driver's receive limit, which no answer exceeds. Default 4 MiB. */
	readonly maximumResponseBytes?: number;
	/** How long a Mount may take, whatever the caller allows. Default 100,000. */
	readonly mountLimitMilliseconds?: number;
	/** How long {@link ContractServer.stop} lets running Mounts go on. Default 20,000. */
	readonly drainMilliseconds?: number;
}

/** A running server of the driver's contract. */
export interface ContractServer {
	/** The paths listened on, in the order of the providers. */
	readonly sockets: readonly string[];
	/** What the health service says; true from the start. */
	setServing(serving: boolean): void;
	/** Takes no new calls, removes the sockets, and lets running Mounts end within the drain time. */
	stop(): Promise<void>;
}
