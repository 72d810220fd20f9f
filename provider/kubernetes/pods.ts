import { setTimeout as sleep } from "node:timers/promises";
import { ProviderError } from "../errors.ts";
import type { KubernetesClient } from "./client.ts";

/** Hears of the pods of one node. */
export interface PodWatchHandlers {
	/** A pod is gone or has ended: its object is deleted, or its phase is Succeeded or Failed. */
	onGone(uid: string): void;
	/**
	 * All pods of the node that are there and have not ended, as of a moment after `askedAt` (of
	 * `performance.now()`). A pod first heard of later than that may be missing here without being gone.
	 */
	onSynced(uids: ReadonlySet<string>, askedAt: number): void;
	/** The API server cannot be watched; called once until it can be again, and tried on and on. */
	onTrouble(error: ProviderError): void;
}

/** The server ends a watch after this; spread, so that a cluster's nodes do not come back together. */
const watchSeconds = 300;
/** How much longer than it was to last a watch is believed in. */
const graceMilliseconds = 15_000;
const firstPauseMilliseconds = 250;
const longestPauseMilliseconds = 30_000;

/**
 * Watches the pods of a node until the signal aborts, by list and watch ("Efficient detection of
 * changes" in the Kubernetes API concepts), with bookmarks, beginning anew when the server no longer
 * knows where it was. Only metadata is asked for: that a pod has ended, the server tells by the field selector,
 * which an ended pod leaves. So no spec, no environment and no status of any pod comes into this process.
 *
 * The list is a consistent read. One from the server's cache could be older than a pod that has
 * mounted already, and would make it look gone.
 */
export async function watchPods(client: KubernetesClient, node: string, handlers: PodWatchHandlers, signal: AbortSignal): Promise<void> {
	const watch = new PodWatch(client, node, handlers, signal);
	let failures = 0;
	while (!signal.aborted) {
		try {
			await watch.follow();
			failures = 0;
			await pause(1, signal);
		} catch (reason) {
			if (signal.aborted) return;
			if (watch.takeProgress()) failures = 0;
			if (failures === 0) handlers.onTrouble(ProviderError.from(reason));
			failures += 1;
			await pause(failures, signal);
		}
	}
}

class PodWatch {
	readonly #client: KubernetesClient;
	readonly #selector: string;
	readonly #handlers: PodWatchHandlers;
	readonly #signal: AbortSignal;
	/** Where the next watch begins; undefined when the pods must be listed first. */
	#resourceVersion: string | undefined;
	#progress = false;

	constructor(client: KubernetesClient, node: string, handlers: PodWatchHandlers, signal: AbortSignal) {
		this.#client = client;
		this.#selector = `fieldSelector=${encodeURIComponent(`spec.nodeName=${node},status.phase!=Succeeded,status.phase!=Failed`)}`;
		this.#handlers = handlers;
		this.#signal = signal;
	}

	/** Whether anything was heard since the last question. */
	takeProgress(): boolean {
		const progress = this.#progress;
		this.#progress = false;
		return progress;
	}

	/** One list if needed, and one watch to its end. */
	async follow(): Promise<void> {
		const from = this.#resourceVersion ?? (await this.#list());
		const seconds = Math.round(watchSeconds * (0.8 + 0.4 * Math.random()));
		const limited = AbortSignal.any([this.#signal, AbortSignal.timeout(seconds * 1000 + graceMilliseconds)]);
		const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${encodeURIComponent(from)}`;
		const { status, events } = await this.#client.watchMetadata(`/api/v1/pods?${this.#selector}&${query}`, limited);
		if (status === 200) this.#resourceVersion = from;
		else if (!this.#begunAnew(status)) throw refusal("watch", status);
		for await (const event of events) if (!this.#hear(event)) return;
	}

	async #list(): Promise<string> {
		const askedAt = performance.now();
		const { status, body } = await this.#client.listMetadata(`/api/v1/pods?${this.#selector}`, this.#signal);
		if (status !== 200) throw refusal("list", status);
		const list = readList(body);
		this.#progress = true;
		this.#handlers.onSynced(list.uids, askedAt);
		return list.resourceVersion;
	}

	/** Takes one event in; false when the watch is at its end. */
	#hear(event: unknown): boolean {
		const { type, object } = event as { type?: unknown; object?: { code?: unknown; metadata?: Metadata } };
		if (type === "ERROR") {
			const code = Number(object?.code);
			if (this.#begunAnew(code)) return false;
			throw refusal("watch", code);
		}
		const { uid, resourceVersion } = object?.metadata ?? {};
		if (typeof resourceVersion === "string") this.#resourceVersion = resourceVersion;
		this.#progress = true;
		if (type === "DELETED" && typeof uid === "string") this.#handlers.onGone(uid);
		return true;
	}

	/** 410: the server has forgotten the version that the watch began at, so the next one begins with a list. */
	#begunAnew(code: number): boolean {
		if (code !== 410) return false;
		this.#resourceVersion = undefined;
		return true;
	}
}

interface Metadata {
	readonly uid?: unknown;
	readonly resourceVersion?: unknown;
}

function readList(body: unknown): { readonly uids: ReadonlySet<string>; readonly resourceVersion: string } {
	const { items, metadata } = (body ?? {}) as { items?: unknown; metadata?: Metadata };
	const resourceVersion = metadata?.resourceVersion;
	// A node without pods is answered with `"items": null`.
	const list: unknown = items === null ? [] : items;
	if (!Array.isArray(list) || typeof resourceVersion !== "string") {
		throw new ProviderError("unreachable", "The API server's list of pods is none.", { remedy: "Check --kubernetes-api." });
	}
	const uids = list.map((item: { metadata?: Metadata } | null) => item?.metadata?.uid).filter((uid) => typeof uid === "string");
	return { uids: new Set(uids), resourceVersion };
}

function refusal(verb: "list" | "watch", status: number): ProviderError {
	const denied = status === 401 || status === 403;
	return new ProviderError(denied ? "denied" : "unreachable", `The API server answered ${status} to ${verb} of this node's pods.`, {
		remedy: denied
			? "Apply manifests/deploy/push: the provider's service account needs list and watch on pods."
			: "It is tried again; check the API server.",
	});
}

async function pause(failures: number, signal: AbortSignal): Promise<void> {
	const ceiling = Math.min(longestPauseMilliseconds, firstPauseMilliseconds * 2 ** (failures - 1));
	await sleep(ceiling * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
}
