import { setTimeout as sleep } from "node:timers/promises";
import { ProviderError } from "../../errors.ts";
import { retryAfterMilliseconds } from "../../shared/retry.ts";
import type { Secret } from "../../shared/secret.ts";
import type { ApiServer, CallContext } from "./api-server.ts";
import { type FailedRead, notWatchable, serverOf } from "./failures.ts";
import type { Seen } from "./secret-answer.ts";
import { readEvent, type WatchEvent } from "./watch-event.ts";

/** Whose watch it is, of what, and with which token. */
export interface WatchAs {
	readonly read: FailedRead;
	readonly token: Secret;
	readonly context: CallContext;
}

export interface Listener {
	changed(): void;
	/** Why nothing is told for the time being; once until it is again. */
	troubled(error: ProviderError): void;
}

/** The server ends a watch after this; spread, so that a node's watches do not come back together. */
const watchSeconds = 300;
/** A watch from now on begins with the Secret as it is; when that has not come by then, it is gone. */
const firstEventMilliseconds = 2_000;
/** A watch whose listener leaves goes on for as long as a new login takes to bring the next one. */
const lingerMilliseconds = 5_000;
const firstPauseMilliseconds = 100;
const longestPauseMilliseconds = 30_000;
/** Faster than this one Secret is not changed; a server that tells of more is heard as slowly, and keeps nothing else waiting. */
const [eventsAtOnce, eventsMilliseconds] = [100, 1_000];
/** Rights that are not there now may be given later. */
const deniedPauseMilliseconds = 300_000;

/** Watches one Secret as one identity, on and on, with the newest token that its listeners have brought. */
export class SecretWatch {
	readonly #api: ApiServer;
	readonly #listeners = new Set<Listener>();
	readonly #ending = new AbortController();
	readonly #ended: () => void;
	#as: WatchAs;
	#seen: Seen | undefined;
	/** Ends the present step, be it a stream or a rest, and lets the next one begin. */
	#step = new AbortController();
	#linger: NodeJS.Timeout | undefined;
	/** Where the next stream goes on; undefined: from now on. */
	#from: string | undefined;
	#isTroubled = false;
	#wasOpen = false;
	#failures = 0;

	/** @param seen what the last read told; undefined when there was none */
	constructor(api: ApiServer, as: WatchAs, seen: Seen | undefined, ended: () => void) {
		this.#api = api;
		this.#as = as;
		this.#seen = seen;
		this.#ended = ended;
		void this.#run();
	}

	follow(as: WatchAs, listener: Listener, signal: AbortSignal): void {
		clearTimeout(this.#linger);
		const isOtherToken = as.token !== this.#as.token;
		this.#as = as;
		this.#listeners.add(listener);
		signal.addEventListener("abort", () => this.#leave(listener, isStopped(signal) ? 0 : lingerMilliseconds), { once: true });
		// What was refused the old token may be open to the new one.
		if (isOtherToken && this.#isTroubled) this.#restart();
	}

	saw(seen: Seen): void {
		const wasImmutable = this.#seen?.isImmutable ?? false;
		this.#seen = seen;
		if (seen.isImmutable !== wasImmutable) this.#restart();
	}

	#leave(listener: Listener, milliseconds: number): void {
		this.#listeners.delete(listener);
		if (this.#listeners.size > 0) return;
		clearTimeout(this.#linger);
		this.#linger = setTimeout(() => {
			this.#ending.abort(new ProviderError("stopped", "Nobody wants the Secret to be watched any more."));
			this.#ended();
		}, milliseconds);
	}

	#restart(): void {
		this.#step.abort(new ProviderError("stopped", "The watch begins anew."));
	}

	/** Never rejects. */
	async #run(): Promise<void> {
		while (!this.#ending.signal.aborted) {
			this.#step = new AbortController();
			const signal = AbortSignal.any([this.#ending.signal, this.#step.signal]);
			// What cannot change is not watched; the poll sees whether it is still there.
			const pause = this.#seen?.isImmutable ? Number.POSITIVE_INFINITY : await this.#follow(signal);
			await rest(Math.max(pause, this.#backoff()), signal);
		}
	}

	/** One stream to its end. @returns how long the server is not to be asked again, in milliseconds */
	async #follow(signal: AbortSignal): Promise<number> {
		try {
			return await this.#stream(signal);
		} catch (reason) {
			if (!signal.aborted) this.#trouble(ProviderError.from(reason));
			return 0;
		}
	}

	async #stream(signal: AbortSignal): Promise<number> {
		const seconds = Math.round(watchSeconds * (0.8 + 0.4 * Math.random()));
		const { read, token, context } = this.#as;
		const { status, retryAfter, lines } = await this.#api.watch(read.ref, token, context, { from: this.#from, seconds, signal });
		if (status === 410) return this.#beginAnew();
		if (status !== 200) return this.#refused(status, retryAfter);
		this.#isTroubled = false;
		this.#wasOpen = true;
		const isThere = this.#expectFirst();
		let heard = 0;
		try {
			for await (const line of lines) {
				const event = readEvent(line, read);
				if (event.kind === "object") isThere.confirm();
				if (!this.#hear(event)) return 0;
				heard += 1;
				if (heard % eventsAtOnce === 0) await rest(eventsMilliseconds, signal);
			}
		} finally {
			isThere.confirm();
		}
		return 0;
	}

	/** A stream from now on begins with the Secret; one that was there and does not come has gone in between. */
	#expectFirst(): { confirm(): void } {
		if (this.#from !== undefined || this.#seen?.resourceVersion === undefined) return { confirm: () => {} };
		const timer = setTimeout(() => this.#changed(), firstEventMilliseconds);
		return { confirm: () => clearTimeout(timer) };
	}

	/** Takes one event in; false when the stream is at its end. */
	#hear(event: WatchEvent): boolean {
		if (event.kind === "expired") {
			this.#beginAnew();
			return false;
		}
		this.#failures = 0;
		if (event.resourceVersion !== undefined) this.#from = event.resourceVersion;
		const isNews = event.kind === "gone" || (event.kind === "object" && event.resourceVersion !== this.#seen?.resourceVersion);
		if (isNews) this.#changed();
		return true;
	}

	/** The server has forgotten where the stream was, and so whatever happened since. */
	#beginAnew(): number {
		this.#from = undefined;
		return 0;
	}

	#refused(status: number, retryAfter: string | undefined): number {
		const { read } = this.#as;
		if (status === 401 || status === 403) {
			// What was open before: whether the Secret itself may be read no longer, a read tells, and it brings the next token.
			if (this.#wasOpen) this.#changed();
			this.#wasOpen = false;
			if (status === 401) return 0;
			this.#trouble(notWatchable(read));
			return deniedPauseMilliseconds * (0.75 + Math.random() / 2);
		}
		this.#trouble(new ProviderError("unreachable", `${serverOf(read.instance)} answered ${status} to a watch; it is tried again.`));
		return Math.min(deniedPauseMilliseconds, retryAfterMilliseconds(retryAfter));
	}

	#trouble(error: ProviderError): void {
		if (this.#isTroubled) return;
		this.#isTroubled = true;
		for (const listener of this.#listeners) listener.troubled(error);
	}

	/** Every end of a stream counts until something is heard again, lest one that ends at once is opened on and on. */
	#backoff(): number {
		this.#failures += 1;
		const ceiling = Math.min(longestPauseMilliseconds, firstPauseMilliseconds * 2 ** Math.min(20, this.#failures));
		return ceiling * (0.5 + Math.random() / 2);
	}

	#changed(): void {
		for (const listener of this.#listeners) listener.changed();
	}
}

/** Whether nobody will take the place of who leaves. */
function isStopped({ reason }: AbortSignal): boolean {
	return reason instanceof ProviderError && reason.code === "stopped";
}

/** Ends early with the signal. */
async function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
	if (Number.isFinite(milliseconds)) {
		await sleep(milliseconds, undefined, { signal, ref: false }).catch(() => {});
		return;
	}
	if (signal.aborted) return;
	await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
