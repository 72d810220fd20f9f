import { readFileSync } from "node:fs";
import { Agent, request as httpsRequest } from "node:https";
import { ProviderError } from "../errors.ts";
import { type EventStream, openEvents } from "./events.ts";

/** An answer of the API server. */
export interface ApiAnswer {
	readonly status: number;
	/** The parsed JSON body; undefined when there is none. */
	readonly body: unknown;
}

export interface KubernetesClientOptions {
	/** `https://host:port` */
	readonly address: string;
	/** The provider's own token; read again for each call, because kubelet replaces it. */
	readonly tokenFile: string;
	readonly caFile: string;
}

const deadlineMilliseconds = 10_000;
const maximumBodyBytes = 4 * 1024 * 1024;

/** The token keys have a media type of their own (RFC 7517 §8.5), which the API server insists on. */
const anyAnswer = "application/json, application/jwk-set+json";
const metadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const metadataObject = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/**
 * The few calls that the provider itself makes to the API server. None of them is made per Mount,
 * and none with a pod's token.
 */
export class KubernetesClient {
	readonly #options: KubernetesClientOptions;
	readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });

	constructor(options: KubernetesClientOptions) {
		this.#options = options;
	}

	/**
	 * A PATCH is a JSON merge patch (RFC 7386).
	 *
	 * @throws ProviderError `unreachable` when there is no answer, `invalid` when token or CA cannot be read
	 */
	async call(method: "GET" | "POST" | "PATCH", path: string, signal: AbortSignal, body?: object): Promise<ApiAnswer> {
		const limited = AbortSignal.any([signal, AbortSignal.timeout(deadlineMilliseconds)]);
		const credentials = this.#credentials();
		try {
			return await send(new URL(path, this.#options.address), { method, ...credentials, agent: this.#agent, signal: limited, body });
		} catch (cause) {
			throw noAnswer(method, path, signal, cause);
		}
	}

	/**
	 * Lists objects as their metadata alone (PartialObjectMetadataList), which keeps specs, with all
	 * they may hold, out of this process.
	 *
	 * @throws ProviderError as {@link call} does
	 */
	listMetadata(path: string, signal: AbortSignal): Promise<ApiAnswer> {
		return this.#getAs(metadataList, path, signal);
	}

	/** Gets one object as its metadata alone. @throws ProviderError as {@link call} does */
	getMetadata(path: string, signal: AbortSignal): Promise<ApiAnswer> {
		return this.#getAs(metadataObject, path, signal);
	}

	async #getAs(accept: string, path: string, signal: AbortSignal): Promise<ApiAnswer> {
		const limited = AbortSignal.any([signal, AbortSignal.timeout(deadlineMilliseconds)]);
		const call = { method: "GET", ...this.#credentials(), agent: this.#agent, signal: limited, body: undefined, accept };
		try {
			return await send(new URL(path, this.#options.address), call);
		} catch (cause) {
			throw noAnswer("GET", path, signal, cause);
		}
	}

	/**
	 * Opens a watch of objects' metadata on a connection of its own. The path says by `timeoutSeconds`
	 * how long it lasts, and the signal must end it should the server forget to.
	 *
	 * @throws ProviderError as {@link call} does, also while events are read
	 */
	async watchMetadata(path: string, signal: AbortSignal): Promise<EventStream> {
		const failed = (cause: unknown) => noAnswer("GET", path, signal, cause);
		const call = { ...this.#credentials(), accept: metadataObject, signal, deadlineMilliseconds };
		return openEvents(new URL(path, this.#options.address), call, failed);
	}

	close(): void {
		this.#agent.destroy();
	}

	#credentials(): { readonly token: string; readonly ca: Buffer } {
		const token = readOwnFile("--kubernetes-token-file", this.#options.tokenFile).toString("utf8").trim();
		return { token, ca: readOwnFile("--kubernetes-ca", this.#options.caFile) };
	}
}

function noAnswer(method: string, path: string, signal: AbortSignal, cause: unknown): ProviderError {
	// A time limit says the same as silence; any other reason is the caller's own.
	if (signal.aborted && !isTimeout(signal.reason)) return ProviderError.from(signal.reason);
	return new ProviderError("unreachable", `The API server gave no usable answer to ${method} ${path}.`, {
		remedy: "Check --kubernetes-api and the network from this node to it.",
		cause,
	});
}

function isTimeout(reason: unknown): boolean {
	return reason instanceof DOMException && reason.name === "TimeoutError";
}

interface Call {
	readonly method: string;
	readonly token: string;
	readonly ca: Buffer;
	readonly agent: Agent;
	readonly signal: AbortSignal;
	readonly body: object | undefined;
	/** Default: JSON as the API server has it. */
	readonly accept?: string;
}

function send(url: URL, { method, token, ca, agent, signal, body, accept = anyAnswer }: Call): Promise<ApiAnswer> {
	const payload = body === undefined ? undefined : JSON.stringify(body);
	const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
	const headers = { accept, authorization: `Bearer ${token}`, ...(payload === undefined ? {} : { "content-type": contentType }) };
	return new Promise((resolve, reject) => {
		const call = httpsRequest(url, { method, agent, ca, headers, signal, minVersion: "TLSv1.2" }, (response) => {
			const chunks: Buffer[] = [];
			let length = 0;
			response.on("error", reject);
			response.on("data", (chunk: Buffer) => {
				chunks.push(chunk);
				length += chunk.length;
				if (length > maximumBodyBytes) call.destroy(new Error("the answer is too long"));
			});
			response.on("end", () => {
				try {
					resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks)) });
				} catch (cause) {
					reject(cause);
				}
			});
		});
		call.on("error", reject);
		call.end(payload);
	});
}

function parse(body: Buffer): unknown {
	return body.length === 0 ? undefined : JSON.parse(body.toString("utf8"));
}

function readOwnFile(flag: string, file: string): Buffer {
	try {
		return readFileSync(file);
	} catch (cause) {
		throw new ProviderError("invalid", `${flag} ${file} cannot be read.`, {
			remedy: "Name the file, or mount the service account's token.",
			cause,
		});
	}
}
