import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { send } from "./api.ts";
import type { LoginParts } from "./login-parts.ts";

/** It answers on the node itself; where there is none, nothing ever answers. */
const metadataMilliseconds = 3_000;

/**
 * Asks the node's metadata server. Source: Compute Engine, "About VM metadata".
 *
 * @param path below `/computeMetadata/v1/`
 * @throws ProviderError `unreachable` in seconds
 */
export async function askMetadata({ servers, context }: LoginParts, path: string): Promise<HttpAnswer> {
	const request = {
		method: "GET",
		path: `/computeMetadata/v1/${path}`,
		headers: { "metadata-flavor": "Google" },
		timeoutMilliseconds: metadataMilliseconds,
	};
	const answer = await send(servers.metadata, context, request, context.signal).catch((reason: unknown) => {
		const error = ProviderError.from(reason);
		throw error.code === "unreachable" ? outage(`The node's metadata server gave no answer: ${error.message}`, error.cause) : error;
	});
	// Whoever else answers at that address does not know the header.
	if (answer.headers["metadata-flavor"] !== "Google")
		throw outage("What answers in the place of the node's metadata server is none of Google's.");
	return answer;
}

export function outage(message: string, cause?: unknown): ProviderError {
	return new ProviderError("unreachable", message, {
		stage: "login",
		remedy: "Check that this node is a virtual machine of Google's, and that no network policy keeps the provider from 169.254.169.254.",
		cause,
	});
}
