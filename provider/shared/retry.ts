import { setTimeout as sleep } from "node:timers/promises";
import { ProviderError } from "../errors.ts";
import { errorCodeOf } from "./error-code.ts";
import { longestWaitMilliseconds, type Verdict } from "./pause.ts";
import { RetryBudget } from "./retry-budget.ts";

/** What is asked of an answer to decide whether another attempt could do better. */
export interface Attempted {
	readonly status: number;
	/** The header Retry-After as sent. */
	readonly retryAfter?: string | undefined;
}

export interface RetryOptions {
	/** All attempts, the first included; those that the server itself put off do not count. */
	readonly attempts?: number;
	readonly baseMilliseconds?: number;
	/** The longest wait of our own choice. */
	readonly maximumMilliseconds?: number;
	/** The longest Retry-After that is waited for, 30 s at most; a longer one ends the attempts. */
	readonly maximumRetryAfterMilliseconds?: number;
	/** Shared by all calls to one server; without it the call keeps to itself. */
	readonly budget?: RetryBudget;
	/** Runs each attempt under a limit of concurrent calls. Nothing is held while the call waits. */
	readonly schedule?: <T>(task: () => Promise<T>) => Promise<T>;
}

const connectionErrors: ReadonlySet<string> = new Set([
	"ECONNREFUSED",
	"ECONNRESET",
	"ECONNABORTED",
	"EPIPE",
	"ETIMEDOUT",
	"EHOSTUNREACH",
	"ENETUNREACH",
	"EAI_AGAIN",
	"ENOENT",
]);

/**
 * Sends until an answer is worth keeping: after a lost or refused connection, 412 (a replica that
 * lags behind), 429 and 5xx except 501 it waits with full jitter and sends again, as far as the budget goes.
 * A server that says Retry-After is left alone by all who share the budget, for as long as their signals
 * let them wait. The last answer or error is the caller's. Every attempt must bring its own deadline.
 *
 * @throws ProviderError `unreachable` when the server wants to be left alone for too long; the signal's reason
 * when it aborts between two attempts
 */
export async function withRetries<Answer extends Attempted>(
	send: () => Promise<Answer>,
	signal: AbortSignal,
	options: RetryOptions = {},
): Promise<Answer> {
	const { attempts = 3, budget = new RetryBudget(), schedule = runAtOnce } = options;
	budget.noteCall();
	let attempt = 1;
	for (;;) {
		const outcome = await attemptOnce({ send, signal, budget, schedule });
		const asked = askedMilliseconds(outcome);
		if (asked > (options.maximumRetryAfterMilliseconds ?? longestWaitMilliseconds)) return settle(outcome);
		// The next attempt waits for the end of the pause that this one has begun.
		if (asked > 0) continue;
		if (!isWorthAnother(outcome) || attempt >= attempts || !budget.takeRetry()) return settle(outcome);
		const ceiling = Math.min(options.maximumMilliseconds ?? 2_000, (options.baseMilliseconds ?? 200) * 2 ** (attempt - 1));
		await wait(Math.random() * ceiling, signal);
		attempt += 1;
	}
}

type Outcome<Answer> = { readonly answer: Answer } | { readonly error: unknown };

interface Attempt<Answer> {
	readonly send: () => Promise<Answer>;
	readonly signal: AbortSignal;
	readonly budget: RetryBudget;
	readonly schedule: NonNullable<RetryOptions["schedule"]>;
}

/** Sends once, outside of pauses; one that begins while the attempt waits its turn sends it back to wait. */
async function attemptOnce<Answer extends Attempted>({ send, signal, budget, schedule }: Attempt<Answer>): Promise<Outcome<Answer>> {
	const { pause } = budget;
	for (;;) {
		const permit = await pause.permit(signal);
		let verdict: Verdict = "abandoned";
		try {
			const outcome = await schedule(async () => (pause.allows(permit) ? outcomeOf(send) : undefined));
			if (outcome === undefined) continue;
			verdict = verdictOn(outcome, signal);
			return outcome;
		} finally {
			pause.settle(permit, verdict);
		}
	}
}

async function outcomeOf<Answer>(send: () => Promise<Answer>): Promise<Outcome<Answer>> {
	try {
		return { answer: await send() };
	} catch (error) {
		return { error };
	}
}

function verdictOn(outcome: Outcome<Attempted>, signal: AbortSignal): Verdict {
	const pauseMilliseconds = askedMilliseconds(outcome);
	if (pauseMilliseconds > 0) return { pauseMilliseconds };
	return "error" in outcome && signal.aborted ? "abandoned" : "answered";
}

function settle<Answer>(outcome: Outcome<Answer>): Answer {
	if ("error" in outcome) throw outcome.error;
	return outcome.answer;
}

/** For how long the server wants to be left alone; 0 when it does not say so. */
function askedMilliseconds(outcome: Outcome<Attempted>): number {
	return "answer" in outcome && isPassing(outcome.answer.status) ? retryAfterMilliseconds(outcome.answer.retryAfter) : 0;
}

function isWorthAnother(outcome: Outcome<Attempted>): boolean {
	return "answer" in outcome ? isPassing(outcome.answer.status) : isConnectionError(outcome.error);
}

function runAtOnce<T>(task: () => Promise<T>): Promise<T> {
	return task();
}

function isPassing(status: number): boolean {
	return status === 412 || status === 429 || (status >= 500 && status !== 501);
}

/** Whether the connection was refused or lost, so that nothing says the request itself is at fault. */
function isConnectionError(error: unknown): boolean {
	if (!(error instanceof ProviderError) || error.code !== "unreachable") return false;
	const cause = error.cause;
	return connectionErrors.has(errorCodeOf(cause) ?? "");
}

/** Retry-After as seconds or as a date, in milliseconds from now; 0 when there is none or it is nonsense. */
export function retryAfterMilliseconds(header: string | undefined): number {
	if (header === undefined) return 0;
	if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
	const until = Date.parse(header) - Date.now();
	return Number.isFinite(until) ? Math.max(0, until) : 0;
}

async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
	try {
		await sleep(milliseconds, undefined, { signal });
	} catch {
		throw signal.reason;
	}
}

/** What an attempt came to, in the form in which {@link withRetries} looks at it. */
export type SettledAttempt<Answer> = { readonly status: number; readonly retryAfter?: string | undefined } & (
	| { readonly answer: Answer }
	| { readonly error: unknown }
);

/**
 * Makes an attempt by a client that throws the answers it does not like: such an error counts as an answer, whose status says
 * whether another attempt could do better.
 *
 * @param answered the status of an error that was an answer; undefined for a failure of the connection, which is thrown
 */
export async function settleAttempt<Answer>(
	call: () => Promise<Answer>,
	answered: (error: unknown) => { readonly status: number; readonly retryAfter?: string | undefined } | undefined,
): Promise<SettledAttempt<Answer>> {
	try {
		return { status: 200, answer: await call() };
	} catch (error) {
		const answer = answered(error);
		if (answer === undefined) throw error;
		return { ...answer, error };
	}
}
