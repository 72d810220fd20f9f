interface Flight<Result> {
	readonly result: Promise<Result>;
	readonly controller: AbortController;
	waiting: number;
}

/**
 * Single flight: callers that want the same thing at the same time share one attempt at getting it.
 * A caller that gives up leaves the others undisturbed; the attempt is aborted only when nobody
 * waits any more. Results are not kept.
 */
export class Flights<Result> {
	readonly #flights = new Map<string, Flight<Result>>();

	/**
	 * @param key what is wanted; equal keys share
	 * @param signal the caller's own; when it aborts, its reason is thrown to this caller alone
	 */
	async join(key: string, signal: AbortSignal, start: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
		signal.throwIfAborted();
		const flight = this.#flights.get(key) ?? this.#take(key, start);
		flight.waiting += 1;
		try {
			return await settledOrAborted(flight.result, signal);
		} finally {
			flight.waiting -= 1;
			if (flight.waiting === 0) this.#leave(key, flight, signal.reason);
		}
	}

	#take(key: string, start: (signal: AbortSignal) => Promise<Result>): Flight<Result> {
		const controller = new AbortController();
		const flight: Flight<Result> = { result: start(controller.signal), controller, waiting: 0 };
		this.#flights.set(key, flight);
		const forget = () => {
			if (this.#flights.get(key) === flight) this.#flights.delete(key);
		};
		// Both branches, so that a result nobody waits for any more is no unhandled rejection.
		flight.result.then(forget, forget);
		return flight;
	}

	#leave(key: string, flight: Flight<Result>, reason: unknown): void {
		if (this.#flights.get(key) !== flight) return;
		this.#flights.delete(key);
		flight.controller.abort(reason);
	}
}

/** The promise's outcome, or the signal's reason if that comes first. */
export async function settledOrAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
	signal.throwIfAborted();
	let onAbort = (): void => undefined;
	const aborted = new Promise<never>((_resolve, reject) => {
		onAbort = () => reject(signal.reason);
		signal.addEventListener("abort", onAbort, { once: true });
	});
	try {
		return await Promise.race([promise, aborted]);
	} finally {
		signal.removeEventListener("abort", onAbort);
	}
}
