import { LRUCache } from "lru-cache";
import { Secret } from "../shared/secret.ts";
import type { Found, Outcome, StoreInstance } from "../stores/store.ts";
import { parseValues, type ValueSnapshot, type ValuesSnapshot } from "./values-snapshot.ts";

/** An outcome and when it was asked for. */
export interface Known {
	readonly outcome: Outcome;
	/** In milliseconds of the broker's clock, at the moment the store was asked, not when it answered. */
	readonly askedAt: number;
	/** From a store inside this process, which has no outages: never written to a file. */
	readonly isLocal?: boolean;
	/** From an earlier process: it only stands in during an outage. */
	readonly isRestored?: boolean;
}

/** Hears of values; for what saves them, and for metrics. */
export interface ValuesEvents {
	/** A snapshot would be another one. */
	changed?(): void;
	/** A value is about to be overwritten: what was made of it must go too. */
	discarded?(): void;
	/** A known outcome was young enough, in milliseconds of age. */
	served?(ageMilliseconds: number): void;
}

/** An entry's cost beside the value itself: keys, objects, what is made of the value for files, the cache's own links. */
const overheadBytes = 4096;
/** A denial or an absence is remembered only so long that a crowd of pods does not repeat the question. */
const negativeMilliseconds = 2000;

/** How long a value that the store has withdrawn is remembered, for volumes that keep it. */
const withdrawnMilliseconds = 24 * 3_600_000;

/** Values that stay the same grow no older than this in the file that keeps them. */
const reportMilliseconds = 60_000;
/** Values of more bytes than this do not go into a file together: what was used last goes first. */
const largestSnapshotBytes = 32 * 1024 * 1024;

/**
 * What stores said, by identity and ref, within a bound of bytes. Another identity never meets an
 * entry: the identity is in the key.
 *
 * Evicted values are overwritten, but not at once: a Mount that holds one goes on without a break from its last
 * look at it ({@link isWiped}) to the encoded answer, so the next turn of the event loop is late enough.
 */
export class Values {
	readonly #entries: LRUCache<string, Known>;
	readonly #wiped = new WeakSet<object>();
	readonly #withdrawn: LRUCache<string, Found>;

	readonly #now: () => number;
	readonly #events: ValuesEvents;
	#reportedAt = Number.NEGATIVE_INFINITY;

	/**
	 * @param maximumBytes for all values together
	 * @param now the broker's clock
	 */
	constructor(maximumBytes: number, now: () => number, events: ValuesEvents = {}) {
		this.#now = now;
		this.#events = events;
		this.#entries = new LRUCache({
			maxSize: maximumBytes,
			sizeCalculation: ({ outcome }, key) => overheadBytes + key.length * 2 + (outcome.kind === "found" ? outcome.value.length : 0),
			dispose: ({ outcome }) => this.#discard(outcome),
			// What is replaced may live on in what replaces it; see keep().
			noDisposeOnSet: true,
		});
		this.#withdrawn = new LRUCache({
			maxSize: maximumBytes,
			ttl: withdrawnMilliseconds,
			sizeCalculation: ({ value }) => overheadBytes + value.length,
			dispose: (found) => this.#discard(found),
		});
	}

	/** What is known and was asked for within the age. */
	fresh(key: string, maximumAgeMilliseconds: number): Outcome | undefined {
		const known = this.#entries.get(key);
		if (known === undefined || known.isRestored === true) return undefined;
		const limit = known.outcome.kind === "found" ? maximumAgeMilliseconds : Math.min(maximumAgeMilliseconds, negativeMilliseconds);
		const age = this.#now() - known.askedAt;
		if (age >= limit) return undefined;
		this.#events.served?.(age);
		return known.outcome;
	}

	/**
	 * Keeps an outcome and overwrites the value it replaces.
	 *
	 * @returns the outcome to go on with: equal content stays the same object, so that what was made of it is not made again
	 */
	keep(key: string, { outcome, ...known }: Omit<Known, "isRestored">): Outcome {
		const before = this.#entries.peek(key)?.outcome;
		if (before !== undefined && isSame(before, outcome)) {
			this.#entries.set(key, { ...known, outcome: before });
			if (outcome !== before && outcome.kind === "found") outcome.value.wipe();
			if (this.#now() - this.#reportedAt >= reportMilliseconds) this.#report();
			return before;
		}
		const kept = compact(outcome);
		this.#entries.set(key, { ...known, outcome: kept });
		if (before !== undefined) this.#replace(key, before, kept);
		if (before?.kind === "found" || kept.kind === "found") this.#report();
		return kept;
	}

	/** What was found and is believed still, secrets included: for an encrypted file alone. */
	snapshot(): ValuesSnapshot {
		const epoch = Date.now() - this.#now();
		const values: ValueSnapshot[] = [];
		let bytes = 0;
		for (const [key, { outcome, askedAt, isLocal }] of this.#entries.entries()) {
			if (outcome.kind !== "found" || outcome.lease !== undefined || isLocal === true) continue;
			bytes += outcome.value.length + key.length;
			if (bytes > largestSnapshotBytes) break;
			const { structure, value } = outcome;
			values.push({ key, structure, value: value.reveal().toString("base64"), askedAt: epoch + askedAt });
		}
		return { version: 1, values };
	}

	/**
	 * Takes in what an earlier process kept, except what is too old, or from a time that is yet to come, and what is
	 * known better by now.
	 *
	 * @returns false when this is no snapshot of values
	 */
	restore(kept: unknown, maximumAgeMilliseconds: number): boolean {
		const snapshot = parseValues(kept);
		if (snapshot === undefined) return false;
		const [now, epochNow] = [this.#now(), Date.now()];
		// What was used last comes first, and is to be evicted last.
		for (const { key, structure, value, askedAt } of snapshot.values.toReversed()) {
			const age = epochNow - askedAt;
			if (age < 0 || age >= maximumAgeMilliseconds || this.#entries.has(key)) continue;
			const outcome = compact({ kind: "found", structure, value: new Secret(Buffer.from(value, "base64")) });
			this.#entries.set(key, { outcome, askedAt: now - age, isRestored: true });
		}
		return true;
	}

	get count(): number {
		return this.#entries.size;
	}

	/** What the values take, with what belongs to them. */
	get bytes(): number {
		return this.#entries.calculatedSize;
	}

	peek(key: string): Known | undefined {
		return this.#entries.peek(key);
	}

	/** The last value before the store withdrew it. */
	withdrawn(key: string): Found | undefined {
		return this.#withdrawn.get(key);
	}

	/** Whether a value that was handed out has been overwritten since. */
	isWiped(outcome: { readonly kind: string } | undefined): boolean {
		return outcome !== undefined && this.#wiped.has(outcome);
	}

	#report(): void {
		this.#reportedAt = this.#now();
		this.#events.changed?.();
	}

	/** A value that the store has withdrawn is set aside for a while: a volume may be told to keep it. */
	#replace(key: string, before: Outcome, outcome: Outcome): void {
		if (before.kind === "found" && outcome.kind !== "found") this.#withdrawn.set(key, before);
		else this.#discard(before);
		if (outcome.kind === "found") this.#withdrawn.delete(key);
	}

	#discard(outcome: Outcome): void {
		if (outcome.kind !== "found") return;
		this.#events.discarded?.();
		setImmediate(() => {
			this.#wiped.add(outcome);
			outcome.value.wipe();
		});
	}
}

/** Whether a store is inside this process. */
export function isLocal(instance: StoreInstance): boolean {
	return instance.endpoints.length === 0;
}

/** The value in memory of its own: a small Buffer is a slice of a larger one, which it would keep alive. */
function compact(outcome: Outcome): Outcome {
	if (outcome.kind !== "found") return outcome;
	const bytes = Buffer.allocUnsafeSlow(outcome.value.length);
	outcome.value.reveal().copy(bytes);
	outcome.value.wipe();
	return { ...outcome, value: new Secret(bytes) };
}

function isSame(one: Outcome, other: Outcome): boolean {
	if (one === other) return true;
	if (one.kind !== "found" || other.kind !== "found") return false;
	return one.structure === other.structure && one.lease?.id === other.lease?.id && one.value.reveal().equals(other.value.reveal());
}
