import { ProviderError } from "../../errors.ts";

/** Time and chance, so that a test can let an hour pass in a moment. */
export interface Clock {
	/** Milliseconds of the epoch. */
	now(): number;
	/** Runs once after a time, unless cancelled by what it returns. */
	setTimer(run: () => void, milliseconds: number): () => void;
	/** From 0 to just below 1. */
	random(): number;
}

/** Timers of the process; they do not keep it alive. */
export const systemClock: Clock = {
	now: Date.now,
	setTimer(run, milliseconds) {
		const timer = setTimeout(run, milliseconds).unref();
		return () => clearTimeout(timer);
	},
	random: Math.random,
};

/** The part of the remaining life after which something is renewed, as Vault's own agent and operator do. */
const renewalPart = 2 / 3;
/** By how much a renewal may come earlier, so that what began together does not stay together. */
const jitterPart = 0.1;
/** However short a life is, the store is not asked more often. */
const shortestWaitMilliseconds = 1_000;
const longestRetryMilliseconds = 60_000;
/** Stores round; a renewal that gives less than this part of what was asked for has met the longest life allowed. */
const wholePart = 0.9;

/** When to renew what ends at a time; never for what has no end. */
export function renewalTime(clock: Clock, expiresAt: number): number {
	const part = renewalPart * (1 - jitterPart * clock.random());
	return clock.now() + Math.max(shortestWaitMilliseconds, (expiresAt - clock.now()) * part);
}

/** When to try again after a number of failures: at growing distances, but always once more before the end. */
export function retryTime(clock: Clock, failures: number, expiresAt: number): number {
	const ceiling = Math.min(longestRetryMilliseconds, shortestWaitMilliseconds * 2 ** failures);
	const wait = Math.min(ceiling * (1 - clock.random() / 2), (expiresAt - clock.now()) / 2);
	return clock.now() + Math.max(shortestWaitMilliseconds, wait);
}

/** When to do after a restart what was due at a time: a crowd that became due meanwhile is spread. */
export function resumedTime(clock: Clock, dueAt: number, expiresAt: number): number {
	if (dueAt > clock.now()) return dueAt;
	return clock.now() + Math.min(10_000, (expiresAt - clock.now()) / 2) * clock.random();
}

/** Whether a renewal gave noticeably less than a whole life, so that the next one will give less still, or nothing. */
export function isTruncated(grantedMilliseconds: number, lifeMilliseconds: number): boolean {
	return grantedMilliseconds < lifeMilliseconds * wholePart;
}

/** Whether an error is the store's word, and not the lack of one. */
export function isRefusal(reason: unknown): boolean {
	return reason instanceof ProviderError && ["absent", "denied", "invalid", "refused"].includes(reason.code);
}
