import test from "ava";
import { waitFor } from "../servers/kubernetes/wait-for.ts";
import { createClass, secretData, secretObject } from "./classes.ts";
import { type MadePod, runPod, volumeContent } from "./pods.ts";
import { type Site, startSite } from "./site.ts";
import { caseNames } from "./store-case.ts";
import { timeUntil } from "./timing.ts";

// What the driver project's suites assert about rotation, with kubelet's own pace and without push: kubelet looks after a
// pod every 5 to 7.5 s here instead of every 60 to 90.

const namespace = "default";
let site: Site;
const pods = new Map<string, MadePod>();

test.before(async () => {
	site = await startSite({ syncFrequency: "5s", pollInterval: "2s" });
	for (const name of caseNames) {
		const storeCase = site.storeCase(name);
		await createClass(site, storeCase, { namespace, name, secretObjects: [secretObject(`${name}-secret`, storeCase)] });
		pods.set(name, await runPod(site, { namespace, name: `${name}-rotating`, classes: [name] }));
	}
});
test.after.always(() => site?.stop());

function podOf(name: string): MadePod {
	const pod = pods.get(name);
	if (pod === undefined) throw new Error(`there is no pod of ${name}`);
	return pod;
}

for (const name of caseNames) {
	test.serial(`${name}: a new value is in the file and in the synced Secret, without a restart`, async (t) => {
		const [pod, storeCase] = [podOf(name), site.storeCase(name)];
		const old = storeCase.files.get(storeCase.changing);
		t.is(volumeContent(site, pod, storeCase.changing), old);
		const value = await storeCase.change();
		t.not(value, old);
		const time = await timeUntil(site, "the new value", () => volumeContent(site, pod, storeCase.changing) === value, 120_000);
		t.log(`change → new bytes: ${time.toFixed(0)} ms`);
		for (const [path, content] of storeCase.files) t.is(volumeContent(site, pod, path), content, path);
		for (const [key, path] of Object.entries(storeCase.sync)) {
			const wanted = storeCase.files.get(path);
			await waitFor(`key ${key}`, [], async () => (await secretData(site, namespace, `${name}-secret`)).get(key) === wanted);
		}
	});
}

test.serial("a driver that was replaced goes on with the volumes that it finds", async (t) => {
	await site.node.restartDriver();
	for (const name of caseNames) {
		const [pod, storeCase] = [podOf(name), site.storeCase(name)];
		for (const [path, content] of storeCase.files) t.is(volumeContent(site, pod, path), content, path);
		const value = await storeCase.change();
		await timeUntil(site, "the new value", () => volumeContent(site, pod, storeCase.changing) === value, 120_000);
	}
});
