import { settledOrAborted } from "../shared/flights.ts";
import type { Failed, Outcome, Ref, Session } from "../stores/store.ts";

/** One ref that somebody waits for. */
interface Wanted {
	readonly ref: Ref;
	readonly signal: AbortSignal;
	readonly resolve: (outcome: Outcome) => void;
	readonly reject: (reason: unknown) => void;
}

/**
 * Asks a store for many refs at once where it can answer so: what the callers of one session want within one turn
 * of the event loop goes out together, in as few calls as the session's batch size allows.
 */
export class Batches {
	/** What each session's callers want in this turn. */
	readonly #gathering = new WeakMap<Session, Wanted[]>();

	/**
	 * @param signal the caller's own; a call is aborted only when no caller of it waits any more
	 * @throws what the session throws for the call that carried this ref, or the signal's reason
	 */
	async read(session: Session, ref: Ref, signal: AbortSignal): Promise<Outcome> {
		signal.throwIfAborted();
		const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
		if (session.batchSize <= 1) {
			void sendBatch(session, [[{ ref, signal, resolve, reject }]]);
			return settledOrAborted(promise, signal);
		}
		this.#gather(session).push({ ref, signal, resolve, reject });
		return settledOrAborted(promise, signal);
	}

	#gather(session: Session): Wanted[] {
		const known = this.#gathering.get(session);
		if (known !== undefined) return known;
		const wanted: Wanted[] = [];
		this.#gathering.set(session, wanted);
		setImmediate(() => {
			this.#gathering.delete(session);
			sendAll(session, wanted);
		});
		return wanted;
	}
}

function sendAll(session: Session, wanted: readonly Wanted[]): void {
	const waiting = wanted.filter(({ signal }) => !signal.aborted);
	// Equal keys mean the same thing, and some stores refuse a call that names a thing twice.
	const groups = [...Map.groupBy(waiting, ({ ref }) => ref.key).values()];
	for (let start = 0; start < groups.length; start += session.batchSize) {
		void sendBatch(session, groups.slice(start, start + session.batchSize));
	}
}

/** Makes one call. The callers of a group want the same ref. Never throws: what goes wrong is the callers' own. */
async function sendBatch(session: Session, groups: readonly (readonly Wanted[])[]): Promise<void> {
	const callers = groups.flat();
	const refs = groups.flatMap((group) => group[0]?.ref ?? []);
	const call = new AbortController();
	let waiting = callers.length;
	const leave = (event: Event) => {
		waiting -= 1;
		if (waiting === 0) call.abort(event.target instanceof AbortSignal ? event.target.reason : undefined);
	};
	for (const { signal } of callers) signal.addEventListener("abort", leave, { once: true });
	try {
		const outcomes = await readAll(session, refs, call.signal);
		for (const [index, outcome] of outcomes.entries()) {
			for (const caller of groups[index] ?? []) settle(caller, outcome);
		}
	} catch (reason) {
		for (const caller of callers) caller.reject(reason);
	} finally {
		for (const { signal } of callers) signal.removeEventListener("abort", leave);
	}
}

function settle(caller: Wanted, outcome: Outcome | Failed): void {
	if (outcome.kind === "failed") caller.reject(outcome.error);
	else caller.resolve(outcome);
}

async function readAll(session: Session, refs: readonly Ref[], signal: AbortSignal): Promise<readonly (Outcome | Failed)[]> {
	const outcomes = await session.read(refs, signal);
	// With one too few or too many nobody can tell whose secret each of them is, so nobody gets any.
	if (outcomes.length !== refs.length) throw new Error(`a session answered ${refs.length} refs with ${outcomes.length} outcomes`);
	return outcomes;
}
