import { setTimeout as delay } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { waitFor } from "../servers/kubernetes/wait-for.ts";
import { createClass } from "./classes.ts";
import { createPod, type MadePod, podEvents, runPod, untilReady, volumeContent } from "./pods.ts";
import { type Site, startSite } from "./site.ts";
import { caseNames } from "./store-case.ts";
import { figures } from "./timing.ts";

// Many pods at once: when they are made, when kubelet starts anew, and when the provider does at the same time.

const namespace = "default";
const single = 10;
const together = 20;
const pods: MadePod[] = [];
let site: Site;

test.before(async () => {
	site = await startSite();
	for (const name of caseNames) await createClass(site, site.storeCase(name), { namespace, name });
});
test.after.always(() => site?.stop());

function caseOf(index: number): string {
	return caseNames[index % caseNames.length] ?? "";
}

test.serial("a pod is Ready with its secrets about two seconds after it was made", async (t) => {
	const times: number[] = [];
	for (let index = 0; index < single; index += 1) {
		// Kubelet looks at its containers once a second; pods are made at every moment between two looks.
		await delay(Math.random() * 1000);
		const began = performance.now();
		pods.push(await runPod(site, { namespace, name: `single-${index}`, classes: [caseOf(index)] }));
		times.push(performance.now() - began);
	}
	checkContents(t);
	// Under two on a machine that does nothing else.
	t.true(figures(t, "pod made → Ready with its secrets", times).p50 <= 3000);
	t.true(site.storeCalls() <= 2 * site.callsForAll, `${site.storeCalls()} calls of stores`);
});

test.serial(`${together} pods at once are Ready, and no store is asked for what is known`, async (t) => {
	const calls = site.storeCalls();
	const began = performance.now();
	const names = Array.from({ length: together }, (_, index) => ({
		namespace,
		name: `pod-${index}`,
		classes: [caseOf(single + index)],
	}));
	const made = await Promise.all(names.map((options) => createPod(site, options)));
	pods.push(...made);
	await Promise.all(made.map((pod) => untilReady(site, pod, 120)));
	checkContents(t);
	const asked = site.storeCalls() - calls;
	t.log(`${together} pods made → all Ready: ${((performance.now() - began) / 1000).toFixed(1)} s, ${asked} calls of stores`);
	t.true(asked <= site.callsForAll, `${asked} calls`);
});

test.serial("kubelet starts anew with 30 pods: no mount fails, and the stores hardly notice", async (t) => {
	t.is(pods.length, 30);
	const { calls, seconds } = await storm(() => site.node.restartKubelet());
	checkContents(t);
	t.log(`kubelet started → every volume looked after: ${seconds} s, ${calls} calls of stores`);
	t.true(calls <= site.callsForAll, `${calls} calls`);
	t.deepEqual(await failures(), []);
});

test.serial("kubelet and the provider start anew together with 30 pods: no mount fails, and each secret is asked for once", async (t) => {
	const { calls, seconds } = await storm(async () => {
		await site.provider.crash();
		await site.node.restartKubelet();
	});
	checkContents(t);
	t.log(`both started → every volume looked after: ${seconds} s, ${calls} calls of stores`);
	t.true(calls > 0 && calls <= 2 * site.callsForAll, `${calls} calls`);
	// Kubelet, which has just started too, writes the status when it comes to it.
	await waitFor("one restart in the pod's status", [], async () => (await site.provider.restarts()) > 0);
	t.is(await site.provider.restarts(), 1);
	t.deepEqual(await failures(), []);
});

interface StormFigures {
	readonly calls: number;
	/** As text, with one decimal. */
	readonly seconds: string;
}

/** Does something, and waits until the driver has asked the provider for the volume of every pod again. */
async function storm(cause: () => Promise<void>): Promise<StormFigures> {
	const calls = site.storeCalls();
	await cause();
	const before = site.node.publishes().length;
	const began = performance.now();
	await waitFor(
		"every volume",
		[],
		async () => {
			const seen = new Set(
				site.node
					.publishes()
					.slice(before)
					.map(({ podUid }) => podUid),
			);
			return pods.every(({ uid }) => seen.has(uid));
		},
		120,
	);
	return { calls: site.storeCalls() - calls, seconds: ((performance.now() - began) / 1000).toFixed(1) };
}

function checkContents(t: ExecutionContext<unknown>): void {
	for (const [index, pod] of pods.entries())
		for (const [path, content] of site.storeCase(caseOf(index)).files) t.is(volumeContent(site, pod, path), content, `${pod.name} ${path}`);
}

/** Every failed call that the driver knows of, but for those that kubelet gave up by ending, and every failed mount that pods were told. */
async function failures(): Promise<readonly string[]> {
	const known = site.node.publishes().flatMap(({ failure }) => failure ?? []);
	const told = (await podEvents(site, { namespace })).filter((text) => text.startsWith("FailedMount"));
	return [...known.filter((failure) => !failure.endsWith("context canceled")), ...told];
}
