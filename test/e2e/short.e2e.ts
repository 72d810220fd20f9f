import test from "ava";
import { createClass } from "./classes.ts";
import { annotate, type MadePod, runPod, volumeContent } from "./pods.ts";
import { type Site, startSite } from "./site.ts";
import { caseNames } from "./store-case.ts";
import { settled, timeUntil } from "./timing.ts";

// The short form: one pod of each case through its life, on one node. scripts/test runs it.

const namespace = "default";
let site: Site;
const pods = new Map<string, MadePod>();

test.before(async () => {
	site = await startSite({ pollInterval: "1s", push: true });
});
test.after.always(() => site?.stop());

test.serial("the provider runs as the chart's DaemonSet, and a pod of every case is Ready with its files", async (t) => {
	await Promise.all(caseNames.map(startPod));
	for (const [name, pod] of pods)
		for (const [path, content] of site.storeCase(name).files) t.is(volumeContent(site, pod, path), content, `${name} ${path}`);
	await settled();
});

async function startPod(name: string): Promise<void> {
	await createClass(site, site.storeCase(name), { namespace, name });
	pods.set(name, await runPod(site, { namespace, name: `${name}-0`, classes: [name] }));
}

test.serial("a change is in the running pod within five seconds", async (t) => {
	const change = async (name: string, pod: MadePod) => {
		const storeCase = site.storeCase(name);
		const value = await storeCase.change();
		if (storeCase.changesIn === "class") await annotate(site, pod, { class: "changed" });
		const time = await timeUntil(site, name, () => volumeContent(site, pod, storeCase.changing) === value, 10_000);
		t.log(`${name}: change → new bytes ${time.toFixed(0)} ms`);
		t.true(time <= 5000);
	};
	await Promise.all([...pods].map(([name, pod]) => change(name, pod)));
	await settled();
});

test.serial("a revoked secret's file is gone within five seconds, and the others stay", async (t) => {
	for (const [name, pod] of pods) {
		const storeCase = site.storeCase(name);
		if (storeCase.onRevoked === "kept") continue;
		await storeCase.revoke();
		const time = await timeUntil(site, name, () => volumeContent(site, pod, storeCase.revocable) === undefined, 10_000);
		t.log(`${name}: revoked → file gone ${time.toFixed(0)} ms`);
		t.true(time <= 5000);
		for (const [path, content] of storeCase.files) t.is(volumeContent(site, pod, path), content, path);
	}
});
