import { ProviderError } from "../errors.ts";

/** An attempt that others may join ends by itself after this, so that no hanging call is joined for ever. */
const attemptMilliseconds = 60_000;

/** Runs one attempt that ends with the signal, and by itself after a minute. */
export async function withinLimit<Result>(signal: AbortSignal, run: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
	const limit = new AbortController();
	const timer = setTimeout(() => limit.abort(outOfTime()), attemptMilliseconds).unref();
	try {
		return await run(AbortSignal.any([signal, limit.signal]));
	} finally {
		clearTimeout(timer);
	}
}

function outOfTime(): ProviderError {
	return new ProviderError("unreachable", `The store did not answer within ${attemptMilliseconds / 1000} s.`, {
		remedy: "Check the store and the network between it and this node.",
	});
}
