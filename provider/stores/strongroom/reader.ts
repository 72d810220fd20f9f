import { ProviderError } from "../../errors.ts";
import { type BindingList, decide, listBindings, type PodIdentity } from "../../strongroom/bindings.ts";
import type { Location } from "../../strongroom/location.ts";
import { describeAddress, type SecretAddress } from "../../strongroom/names.ts";
import { OpenStore } from "../../strongroom/open-store.ts";
import { type Revealed, reveal } from "../../strongroom/reveal.ts";
import type { Rows } from "../../strongroom/storage.ts";
import type { Keyring } from "../../strongroom/unseal.ts";

/** What a pod gets to hear. */
export type Answer = { readonly kind: "found"; readonly revealed: Revealed } | { readonly kind: "absent" } | { readonly kind: "denied" };

/** A read blocks the process while the engine waits, so it waits briefly; readers hardly ever have to. */
const busyTimeout = 2000;
const watchMilliseconds = 250;

/**
 * The reading side of one strongroom, for all identities. Opens on first use; after a failure, or when
 * the file was replaced by a restored one, the next use opens it again.
 */
export class Reader {
	readonly #location: Location;
	/** Who is called back, with the state of the database that it knows of. */
	readonly #watching = new Map<() => void, string | undefined>();
	#timer: NodeJS.Timeout | undefined;
	#store: Promise<OpenStore> | undefined;
	#bindings: { readonly store: OpenStore; readonly state: string; readonly list: BindingList } | undefined;

	constructor(location: Location) {
		this.#location = location;
	}

	/** Unseals, so that a wrong key shows when somebody logs in rather than when he reads. */
	async open(): Promise<void> {
		await this.#opened();
	}

	/**
	 * Answers for one pod. What it is not bound to is `denied`, there or not: a pod cannot find out which names exist.
	 *
	 * @throws ProviderError `unreachable` when the database, the bindings or the entry are damaged
	 */
	async read(pod: PodIdentity, address: SecretAddress, version: number | undefined): Promise<Answer> {
		const store = await this.#opened();
		return store.read(async (rows, keyring) => {
			const decision = decide(await this.#currentBindings(store, rows, keyring), pod, address, new Date());
			if (decision === "unknown") throw damagedBindings(address);
			if (decision === "denied") return { kind: "denied" };
			const revealed = await reveal(rows, keyring, address, version);
			return revealed === undefined ? { kind: "absent" } : { kind: "found", revealed };
		});
	}

	/**
	 * Calls back, until the signal aborts, when the database has changed, and once at the first look: it may
	 * have changed between the read before the watch and that look. It is looked at a few times a second.
	 */
	watch(onChange: () => void, signal: AbortSignal): void {
		this.#watching.set(onChange, undefined);
		signal.addEventListener("abort", () => this.#watching.delete(onChange), { once: true });
		if (this.#timer === undefined) this.#look();
	}

	#look(): void {
		this.#timer = setTimeout(async () => {
			const state = await this.#state();
			this.#timer = undefined;
			for (const [onChange, seen] of state === undefined ? [] : this.#watching) {
				if (seen === state) continue;
				this.#watching.set(onChange, state);
				onChange();
			}
			if (this.#watching.size > 0) this.#look();
		}, watchMilliseconds);
		this.#timer.unref();
	}

	/** Undefined while the store cannot be opened: that is an outage, and no change. */
	async #state(): Promise<string | undefined> {
		try {
			const store = await this.#opened();
			return await store.read((rows) => rows.state());
		} catch {
			return undefined;
		}
	}

	async #opened(): Promise<OpenStore> {
		const opening = this.#store ?? this.#start();
		const store = await opening;
		if (!store.storage.isReplaced()) return store;
		if (this.#store === opening) this.#store = undefined;
		await store.close();
		return this.#opened();
	}

	#start(): Promise<OpenStore> {
		const opening = OpenStore.open(this.#location, { access: "read", busyTimeout });
		this.#store = opening;
		opening.catch(() => {
			if (this.#store === opening) this.#store = undefined;
		});
		return opening;
	}

	/** Reads and proves the bindings once for each state of the database. */
	async #currentBindings(store: OpenStore, rows: Rows, keyring: Keyring): Promise<BindingList> {
		const state = await rows.state();
		if (this.#bindings?.store === store && this.#bindings.state === state) return this.#bindings.list;
		const list = await listBindings(rows, keyring);
		this.#bindings = { store, state, list };
		return list;
	}
}

function damagedBindings(address: SecretAddress): ProviderError {
	return new ProviderError(
		"unreachable",
		`Nothing says that this pod may have ${describeAddress(address)}, but the strongroom's bindings are damaged.`,
		{
			remedy: "See: claviger strongroom bindings; remove and repeat the damaged ones, or restore a backup.",
		},
	);
}
