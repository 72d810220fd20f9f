import { readFileSync } from "node:fs";
import { Agent, request as httpsRequest } from "node:https";
import { ProviderError } from "../errors.ts";

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

	/** @throws ProviderError `unreachable` when there is no answer, `invalid` when token or CA cannot be read */
	async call(method: "GET" | "POST", path: string, signal: AbortSignal, body?: object): Promise<ApiAnswer> {
		const limited = AbortSignal.any([signal, AbortSignal.timeout(deadlineMilliseconds)]);
		const token = readOwnFile("--kubernetes-token-file", this.#options.tokenFile).toString("utf8").trim();
		const ca = readOwnFile("--kubernetes-ca", this.#options.caFile);
		try {
			return await send(new URL(path, this.#options.address), { method, token, ca, agent: this.#agent, signal: limited, body });
		} catch (cause) {
			if (signal.aborted) throw ProviderError.from(signal.reason);
			throw new ProviderError("unreachable", `The API server gave no usable answer to ${method} ${path}.`, {
				remedy: "Check --kubernetes-api and the network from this node to it.",
				cause,
			});
		}
	}

	close(): void {
		this.#agent.destroy();
	}
}

interface Call {
	readonly method: string;
	readonly token: string;
	readonly ca: Buffer;
	readonly agent: Agent;
	readonly signal: AbortSignal;
	readonly body: object | undefined;
}

function send(url: URL, { method, token, ca, agent, signal, body }: Call): Promise<ApiAnswer> {
	const payload = body === undefined ? undefined : JSON.stringify(body);
	const headers = {
		// The token keys have a media type of their own (RFC 7517 §8.5), which the API server insists on.
		accept: "application/json, application/jwk-set+json",
		authorization: `Bearer ${token}`,
		...(payload === undefined ? {} : { "content-type": "application/json" }),
	};
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
