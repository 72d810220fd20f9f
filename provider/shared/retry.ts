import { setTimeout as sleep } from "node:timers/promises";
import { ProviderError } from "../errors.ts";

/** What is asked of an answer to decide whether another attempt could do better. */
export interface Attempted {
	readonly status: number;
	/** The header Retry-After as sent. */
	readonly retryAfter?: string | undefined;
}

export interface RetryOptions {
	/** All attempts, the first included. */
	readonly attempts?: number;
	readonly baseMilliseconds?: number;
	/** The longest wait of our own choice. */
	readonly maximumMilliseconds?: number;
	/** The longest Retry-After that is waited for; a longer one ends the attempts. */
	readonly maximumRetryAfterMilliseconds?: number;
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
 * lags behind), 429 and 5xx except 501 it waits and sends again, with full jitter and never less than
 * Retry-After. The last answer or error is the caller's. Every attempt must bring its own deadline.
 *
 * @throws the signal's reason when it aborts between two attempts
 */
export async function withRetries<Answer extends Attempted>(
	send: () => Promise<Answer>,
	signal: AbortSignal,
	options: RetryOptions = {},
): Promise<Answer> {
	const attempts = options.attempts ?? 3;
	for (let attempt = 1; ; attempt += 1) {
		const outcome = await attemptOnce(send);
		const wait = attempt < attempts ? waitBefore(attempt, outcome, options) : undefined;
		if (wait === undefined) return settle(outcome);
		await pause(wait, signal);
	}
}

type Outcome<Answer> = { readonly answer: Answer } | { readonly error: unknown };

async function attemptOnce<Answer>(send: () => Promise<Answer>): Promise<Outcome<Answer>> {
	try {
		return { answer: await send() };
	} catch (error) {
		return { error };
	}
}

function settle<Answer>(outcome: Outcome<Answer>): Answer {
	if ("error" in outcome) throw outcome.error;
	return outcome.answer;
}

/** Milliseconds to wait, or undefined when another attempt makes no sense. */
function waitBefore<Answer extends Attempted>(attempt: number, outcome: Outcome<Answer>, options: RetryOptions): number | undefined {
	if ("error" in outcome && !isConnectionError(outcome.error)) return undefined;
	if ("answer" in outcome && !isPassing(outcome.answer.status)) return undefined;
	const asked = "answer" in outcome ? retryAfterMilliseconds(outcome.answer.retryAfter) : 0;
	if (asked > (options.maximumRetryAfterMilliseconds ?? 10_000)) return undefined;
	const ceiling = Math.min(options.maximumMilliseconds ?? 2_000, (options.baseMilliseconds ?? 200) * 2 ** (attempt - 1));
	return asked + Math.random() * ceiling;
}

function isPassing(status: number): boolean {
	return status === 412 || status === 429 || (status >= 500 && status !== 501);
}

/** Whether the connection was refused or lost, so that nothing says the request itself is at fault. */
function isConnectionError(error: unknown): boolean {
	if (!(error instanceof ProviderError) || error.code !== "unreachable") return false;
	const cause = error.cause;
	return cause instanceof Error && "code" in cause && typeof cause.code === "string" && connectionErrors.has(cause.code);
}

/** Retry-After as seconds or as a date, in milliseconds from now; 0 when there is none or it is nonsense. */
export function retryAfterMilliseconds(header: string | undefined): number {
	if (header === undefined) return 0;
	if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
	const until = Date.parse(header) - Date.now();
	return Number.isFinite(until) ? Math.max(0, until) : 0;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
	try {
		await sleep(milliseconds, undefined, { signal });
	} catch {
		throw signal.reason;
	}
}
