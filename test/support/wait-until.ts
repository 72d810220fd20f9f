import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until a condition holds, looked at every few milliseconds.
 *
 * @throws Error after ten seconds
 */
export async function waitUntil(holds: () => boolean | Promise<boolean>, limitMilliseconds = 10_000): Promise<void> {
	const end = performance.now() + limitMilliseconds;
	while (!(await holds())) {
		if (performance.now() > end) throw new Error(`it did not come true within ${limitMilliseconds} ms`);
		await delay(5);
	}
}
