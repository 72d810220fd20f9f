import { setTimeout as delay } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import type { Site } from "./site.ts";

/**
 * Milliseconds until something holds, looked at every 5 ms.
 *
 * @throws Error with the ends of the logs after the time
 */
export async function timeUntil(site: Site, what: string, holds: () => boolean, limitMilliseconds: number): Promise<number> {
	const began = performance.now();
	while (!holds()) {
		if (performance.now() - began > limitMilliseconds)
			throw new Error(`${what}: not within ${limitMilliseconds} ms\n${await site.provider.log()}\n${site.node.log()}`);
		await delay(5);
	}
	return performance.now() - began;
}

/** The median and the 99th percentile of some times, which are written to the test's log. */
export function figures(t: ExecutionContext<unknown>, what: string, milliseconds: readonly number[]) {
	const sorted = milliseconds.toSorted((one, other) => one - other);
	const percentile = (part: number) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
	const result = { p50: percentile(0.5), p99: percentile(0.99) };
	t.log(`${what}: p50 ${result.p50.toFixed(0)} ms, p99 ${result.p99.toFixed(0)} ms of ${sorted.length}`);
	return result;
}

/**
 * Waits until the last change is past: the driver leaves a volume alone that changed within its interval of 1 s, and
 * kubelet looks after a pod again only when it has seen its containers since, which takes it a second too. The random
 * rest lets changes fall on every moment between two polls.
 */
export async function settled(): Promise<void> {
	await delay(2200 + Math.random() * 1000);
}
