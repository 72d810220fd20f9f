import type { HttpHandler, HttpHandlerOptions, HttpRequest, HttpResponse } from "@smithy/protocol-http";
import { bareHost } from "../net/address.ts";
import type { Server } from "./connections.ts";

export interface HandlerOptions {
	readonly server: Server;
	readonly timeoutMilliseconds: number;
	allowsAddress(address: string): boolean;
}

/** AWS keeps values of 64 KiB at most, and answers twenty of them at once. */
const maximumBytes = 4 * 1024 * 1024;

/**
 * Carries the SDK's requests over our own connections, with their guard of addresses, proxy, authorities and limits.
 * It reaches one server and no other, whatever a request says.
 */
export class TransportHandler implements HttpHandler {
	readonly metadata = { handlerProtocol: "http/1.1" };
	readonly #options: HandlerOptions;

	constructor(options: HandlerOptions) {
		this.#options = options;
	}

	/** @throws ProviderError as {@link Transport.request} */
	async handle(request: HttpRequest, { abortSignal }: HttpHandlerOptions = {}): Promise<{ response: HttpResponse }> {
		const { server, timeoutMilliseconds } = this.#options;
		const { host } = server.address;
		if (request.hostname !== host && request.hostname !== bareHost(server.address)) throw new Error("the SDK wants to ask another host");
		if (!(abortSignal instanceof AbortSignal)) throw new Error("the SDK lost the call's signal");
		const answer = await server.request({
			method: request.method,
			path: request.path,
			headers: request.headers,
			...bodyOf(request),
			signal: abortSignal,
			timeoutMilliseconds,
			maximumBytes,
			allowsAddress: (address) => this.#options.allowsAddress(address),
		});
		const headers = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
		return { response: { statusCode: answer.status, headers, body: answer.body } };
	}

	/** The SDK may change options of its own handlers; this one has none. */
	updateHttpClientConfig(): void {}

	httpHandlerConfigs(): object {
		return {};
	}
}

/** JSON and form bodies are texts, whichever of the two the SDK hands over. */
function bodyOf(request: HttpRequest): { readonly body?: string } {
	const body: unknown = request.body;
	if (typeof body === "string") return { body };
	if (body instanceof Uint8Array) return { body: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8") };
	return {};
}
