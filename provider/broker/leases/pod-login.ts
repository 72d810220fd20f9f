import { ProviderError } from "../../errors.ts";
import { Flights } from "../../shared/flights.ts";
import { Secret } from "../../shared/secret.ts";
import type { Session } from "../../stores/store.ts";
import { withinLimit } from "../attempt-limit.ts";
import type { KeeperContext } from "./keeper-context.ts";
import { isRefusal, isTruncated, renewalTime, resumedTime, retryTime } from "./schedule.ts";
import type { LeaseSource, LoginSnapshot } from "./snapshot.ts";

/** Logs in for one pod alone, with the newest token that it brought. */
export type Connect = (signal: AbortSignal) => Promise<Session>;

/** A login that has less left than this is not used for another read. */
const expiryMarginMilliseconds = 10_000;
/** A login of which the store has just shown that it lives is not doubted again for this long. */
const believedMilliseconds = 30_000;

/** Of replaced logins so many are kept until they end; what hung on an older one was replaced several times since. */
const maximumFormer = 4;

export interface PodLoginOptions {
	readonly context: KeeperContext;
	readonly source: LeaseSource;
	/** A new login took the place of the last one, whose leases can no longer be renewed. */
	renewed(): void;
	/** A login is of no use: it came when the pod was already gone, or it was replaced long ago. */
	superfluous(session: Session): void;
}

/**
 * The login of one pod at one store. Leases die with the login that made them, so it is renewed
 * like them, and replaced when the store no longer prolongs it.
 */
export class PodLogin {
	readonly #options: PodLoginOptions;
	readonly #flights = new Flights<Session>();
	#connect: Connect | undefined;
	#session: Session | undefined;
	/** Logins that were replaced: what the pod has in its files may still hang on them. */
	#former: Session[] = [];
	#life = Number.POSITIVE_INFINITY;
	#dueAt = Number.POSITIVE_INFINITY;
	#failures = 0;
	#believedUntil = 0;
	#ended = false;

	constructor(options: PodLoginOptions) {
		this.#options = options;
	}

	/** When something is to be done, in milliseconds of the epoch. */
	get dueAt(): number {
		return this.#dueAt;
	}

	/** Every Mount brings a fresh token, so the way to log in is always the last Mount's. */
	connectWith(connect: Connect): void {
		this.#connect = connect;
	}

	/** The login as it is, living or not. */
	get session(): Session | undefined {
		return this.#session;
	}

	/** A login that lives; a new one where there is none. @throws ProviderError as Store.connect */
	async current(signal: AbortSignal): Promise<Session> {
		const known = this.#session;
		const margin = Math.min(expiryMarginMilliseconds, this.#life / 10);
		return known !== undefined && this.#rest(known) > margin ? known : this.#logIn(signal);
	}

	/** Renews or replaces the login when that is due. Failures are logged and tried again. */
	async tend(signal: AbortSignal): Promise<void> {
		const { clock, log } = this.#options.context;
		const session = this.#session;
		if (session === undefined || clock.now() < this.#dueAt) return;
		try {
			if (!(await this.#renew(session, signal))) await this.#logIn(signal);
		} catch (reason) {
			if (signal.aborted) return;
			this.#failures += 1;
			this.#dueAt = retryTime(clock, this.#failures, clock.now() + this.#rest(session));
			const { namespace, serviceAccount } = this.#options.source.identity;
			log.warn(
				{ event: "login_renewal_delayed", namespace, serviceAccount, reason: ProviderError.from(reason).text },
				"the login that leases hang on was not renewed",
			);
		}
	}

	/**
	 * The login to ask again with after a denial, which may only mean that the store has ended the login;
	 * undefined when the denial is the store's word. Renewing a login proves that it lives.
	 */
	async afterDenial(session: Session, signal: AbortSignal): Promise<Session | undefined> {
		if (session !== this.#session) return this.current(signal);
		if (this.#options.context.clock.now() < this.#believedUntil) return undefined;
		if (!(await this.#renew(session, signal))) return this.#logIn(signal);
		this.#believe();
		return undefined;
	}

	/** Gives up all logins, for their owner to close. */
	end(): readonly Session[] {
		this.#ended = true;
		return this.#session === undefined ? this.#former : [this.#session, ...this.#former];
	}

	/** Undefined when there is no login, or one that another process cannot go on with. */
	snapshot(): { readonly login: LoginSnapshot; readonly former: readonly string[] } | undefined {
		const state = this.#session?.state?.();
		if (state === undefined) return undefined;
		const former = this.#former.filter((session) => this.#rest(session) > 0).map((session) => session.state?.());
		const isEndless = !Number.isFinite(this.#dueAt);
		const login = { state: encode(state), ...(isEndless ? {} : { life: this.#life, dueAt: this.#dueAt }) };
		return { login, former: former.filter((kept) => kept !== undefined).map(encode) };
	}

	/** @throws ProviderError `refused` when policy no longer lets the store be asked */
	async restore(login: LoginSnapshot, former: readonly string[]): Promise<Session> {
		const { context, source } = this.#options;
		const resume = (state: string) => context.resume(source, new Secret(Buffer.from(state, "base64")));
		const session = await resume(login.state);
		this.#former = await Promise.all(former.map(resume));
		this.#session = session;
		this.#life = login.life ?? Number.POSITIVE_INFINITY;
		if (login.dueAt !== undefined) this.#dueAt = resumedTime(context.clock, login.dueAt, context.clock.now() + this.#rest(session));
		return session;
	}

	/** @returns whether the store prolonged the login by another whole life. @throws ProviderError on an outage */
	async #renew(session: Session, signal: AbortSignal): Promise<boolean> {
		if (session.renewLogin === undefined) return false;
		try {
			await session.renewLogin(signal);
		} catch (reason) {
			if (isRefusal(reason)) return false;
			throw reason;
		}
		this.#options.context.changed();
		if (isTruncated(this.#rest(session), this.#life)) return false;
		this.#failures = 0;
		this.#dueAt = this.#renewalTime(session);
		return true;
	}

	#logIn(signal: AbortSignal): Promise<Session> {
		return this.#flights.join("login", signal, async (attempt) => {
			const connect = this.#connect;
			if (connect === undefined) throw noToken();
			const session = await withinLimit(attempt, connect);
			this.#adopt(session);
			return session;
		});
	}

	#adopt(session: Session): void {
		if (this.#ended) {
			this.#options.superfluous(session);
			throw new ProviderError("stopped", "The pod is gone.");
		}
		const isFirst = this.#session === undefined;
		const earlier = this.#session === undefined ? this.#former : [...this.#former, this.#session];
		this.#former = earlier.filter((known) => this.#rest(known) > 0);
		for (const superfluous of this.#former.splice(0, this.#former.length - maximumFormer)) this.#options.superfluous(superfluous);
		this.#session = session;
		this.#life = this.#rest(session);
		this.#failures = 0;
		this.#dueAt = this.#renewalTime(session);
		this.#believe();
		if (!isFirst) this.#options.renewed();
		this.#options.context.changed();
	}

	#believe(): void {
		this.#believedUntil = this.#options.context.clock.now() + believedMilliseconds;
	}

	#renewalTime({ expiresAt }: Session): number {
		return expiresAt === undefined ? Number.POSITIVE_INFINITY : renewalTime(this.#options.context.clock, expiresAt.getTime());
	}

	/** Milliseconds that a login has left. */
	#rest({ expiresAt }: Session): number {
		return expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt.getTime() - this.#options.context.clock.now();
	}
}

function encode(state: Secret): string {
	return state.reveal().toString("base64");
}

function noToken(): ProviderError {
	return new ProviderError("unreachable", "Nothing to log in with is known since the provider's start.", {
		remedy: "The pod's next Mount brings a token.",
	});
}
