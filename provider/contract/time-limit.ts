import { ProviderError } from "../errors.ts";

const largestMargin = 2000;
const largestGrace = 250;

/**
 * How long a call may take, in milliseconds, so that its answer reaches the caller in time: the
 * caller's deadline less a margin of a tenth, at most two seconds, and never more than the limit.
 *
 * @param deadline when the caller gives up; Infinity when never
 */
export function timeBudget(deadline: Date | number, limit: number, now = Date.now()): number {
	const remaining = Math.max(0, Number(deadline) - now);
	const margin = Math.min(largestMargin, remaining / 10);
	return Math.min(remaining - margin, limit);
}

/**
 * Runs a task that must be answered within a time. A moment before its end, or when somebody else
 * aborts the controller, the signal aborts, so that the task can still say in its own words what it
 * was waiting for; then the signal's reason is thrown, whatever the task does.
 *
 * @throws ProviderError `unreachable` when the time is over, the signal's reason when aborted, or what the task throws
 */
export async function settleInTime<Result>(
	task: (signal: AbortSignal) => Promise<Result>,
	controller: AbortController,
	milliseconds: number,
): Promise<Result> {
	const { signal } = controller;
	const grace = Math.min(largestGrace, milliseconds / 20);
	const { promise: overdue, reject } = Promise.withResolvers<never>();
	let graceTimer: NodeJS.Timeout | undefined;
	const onAbort = () => {
		graceTimer = setTimeout(() => reject(signal.reason), grace);
	};
	signal.addEventListener("abort", onAbort, { once: true });
	const timer = setTimeout(() => controller.abort(outOfTime(milliseconds)), milliseconds - grace);
	try {
		return await Promise.race([task(signal), overdue]);
	} finally {
		clearTimeout(timer);
		clearTimeout(graceTimer);
		signal.removeEventListener("abort", onAbort);
	}
}

function outOfTime(milliseconds: number): ProviderError {
	const seconds = (milliseconds / 1000).toFixed(1);
	return new ProviderError("unreachable", `The time limit of ${seconds} s is over: the store did not answer in time.`, {
		remedy: "Check that the store is reachable from this node and not overloaded; the mount is tried again.",
	});
}
