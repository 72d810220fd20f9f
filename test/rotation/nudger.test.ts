import { setImmediate as nextRound } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { ProviderError } from "../../provider/errors.ts";
import type { Pod } from "../../provider/plan/mount-request.ts";
import { Nudger, type NudgerOptions } from "../../provider/rotation/nudger.ts";
import { makePod } from "../support/pods.ts";
import { waitUntil } from "../support/wait-until.ts";

type Result = "patched" | "gone" | "refused";

/** An API server whose answers the test gives, patch by patch. */
class Patches {
	readonly started: { readonly pod: Pod; readonly signal: AbortSignal; answer(result: Result): void; fail(): void }[] = [];
	/** Given at once instead, where it is set. */
	always: (() => Result) | undefined;
	mostAtOnce = 0;
	#underWay = 0;

	async patch(pod: Pod, signal: AbortSignal): Promise<Result> {
		this.#underWay += 1;
		this.mostAtOnce = Math.max(this.mostAtOnce, this.#underWay);
		const { promise, resolve, reject } = Promise.withResolvers<Result>();
		const fail = () => reject(new ProviderError("unreachable", "The API server gave no usable answer."));
		promise.catch(() => {});
		signal.addEventListener("abort", () => reject(signal.reason));
		this.started.push({ pod, signal, answer: resolve, fail });
		try {
			return this.always === undefined ? await promise : this.always();
		} finally {
			this.#underWay -= 1;
		}
	}

	answer(index: number, result: Result): void {
		this.started.at(index)?.answer(result);
	}
}

function start(t: ExecutionContext<unknown>, options: Partial<NudgerOptions> = {}) {
	const patches = new Patches();
	const warnings: string[] = [];
	const nudger = new Nudger({
		patch: (pod, signal) => patches.patch(pod, signal),
		ratePerSecond: 1000,
		burst: 1000,
		log: { warn: (fields, message) => void warnings.push(JSON.stringify({ ...fields, message })) },
		...options,
	});
	t.teardown(() => nudger.stop());
	return { nudger, patches, warnings };
}

test("a pod has one patch under way, and all nudges during it lead to one more", async (t) => {
	const { nudger, patches } = start(t);
	const pod = makePod();
	for (let times = 0; times < 5; times += 1) nudger.nudge(pod);
	t.is(patches.started.length, 1);
	patches.answer(0, "patched");
	await waitUntil(() => patches.started.length === 2);
	patches.answer(1, "patched");
	await nextRound();
	t.is(patches.started.length, 2);
	nudger.nudge(pod);
	t.is(patches.started.length, 3, "a later nudge is a new one");
});

test("a pod that is gone is forgotten, even when it was nudged again meanwhile", async (t) => {
	const { nudger, patches } = start(t);
	const pod = makePod();
	nudger.nudge(pod);
	nudger.nudge(pod);
	patches.answer(0, "gone");
	await nextRound();
	t.is(patches.started.length, 1);
});

test("a refusal is told once, with its remedy, and again only after it was mended", async (t) => {
	const { nudger, patches, warnings } = start(t);
	for (const result of ["refused", "refused", "patched", "refused"] as const) {
		nudger.nudge(makePod());
		patches.answer(-1, result);
		await nextRound();
	}
	t.is(warnings.length, 2);
	t.regex(warnings[0] ?? "", /ClusterRole claviger-push/);
	t.is(patches.started.length, 4, "a refused pod is not tried again by itself");
});

test("an outage is told once, and every pod is tried until the API server is back", async (t) => {
	const { nudger, patches, warnings } = start(t);
	const pods = Array.from({ length: 3 }, () => makePod());
	for (const pod of pods) nudger.nudge(pod);
	for (const patch of patches.started) patch.fail();
	await waitUntil(() => patches.started.length === 6);
	t.is(warnings.length, 1);
	t.deepEqual(
		patches.started
			.slice(3)
			.map(({ pod }) => pod.uid)
			.sort(),
		pods.map(({ uid }) => uid).sort(),
	);
	for (const patch of patches.started) patch.answer("patched");
	await nextRound();
	t.is(patches.started.length, 6);
});

test("an outage longer than kubelet's own pace ends the attempts", async (t) => {
	let now = 0;
	const { nudger, patches } = start(t, { now: () => now });
	nudger.nudge(makePod());
	now = 120_000;
	patches.started[0]?.fail();
	await nextRound();
	nudger.nudge(makePod());
	t.is(patches.started.length, 2, "only the second pod's");
});

test("patches keep to the rate and to four at once", async (t) => {
	const { nudger, patches } = start(t, { ratePerSecond: 50, burst: 10 });
	patches.always = () => "patched";
	const began = performance.now();
	for (let index = 0; index < 30; index += 1) nudger.nudge(makePod());
	await waitUntil(() => patches.started.length === 30);
	// Thirty less a burst of ten, at fifty a second.
	t.true(performance.now() - began >= 380, "slower than the rate");
	const { nudger: crowd, patches: held } = start(t);
	for (let index = 0; index < 30; index += 1) crowd.nudge(makePod());
	t.is(held.started.length, 4);
	held.always = () => "patched";
	for (const patch of [...held.started]) patch.answer("patched");
	await waitUntil(() => held.started.length === 30);
	t.is(held.mostAtOnce, 4);
});

test("a pod that did not come, because the driver left its volume alone, is patched again", async (t) => {
	let looks = 0;
	const { nudger, patches } = start(t, {
		isBehind: () => {
			looks += 1;
			return looks === 1;
		},
	});
	patches.always = () => "patched";
	nudger.nudge(makePod());
	await waitUntil(() => looks === 2);
	t.is(patches.started.length, 2);
});

test("a nudger that stops ends what is under way and starts nothing more", async (t) => {
	const { nudger, patches } = start(t, { ratePerSecond: 1, burst: 1 });
	nudger.nudge(makePod());
	nudger.nudge(makePod());
	await nudger.stop();
	t.true(patches.started[0]?.signal.aborted);
	nudger.nudge(makePod());
	await nextRound();
	t.is(patches.started.length, 1);
});
