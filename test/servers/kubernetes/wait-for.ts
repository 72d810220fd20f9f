import { setTimeout as delay } from "node:timers/promises";
import type { GuardedProcess } from "../guarded-process.ts";

/**
 * Waits until a condition holds, looking every 50 ms.
 *
 * @throws Error with the ends of the programs' logs when one of them ends, or after the time
 */
export async function waitFor(
	what: string,
	programs: readonly GuardedProcess[],
	holds: () => Promise<boolean>,
	limitSeconds = 60,
): Promise<void> {
	const deadline = Date.now() + limitSeconds * 1000;
	while (!(await holds())) {
		const ended = programs.some((program) => !program.alive);
		if (ended || Date.now() > deadline) {
			const problem = ended ? "a program ended while it was waited for" : `it took more than ${limitSeconds} s`;
			throw new Error(`${what}: ${problem}:\n${programs.map((program) => program.log()).join("\n---\n")}`);
		}
		await delay(50);
	}
}
