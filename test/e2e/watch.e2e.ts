import test from "ava";
import { createClass } from "./classes.ts";
import { type MadePod, runPod, volumeContent } from "./pods.ts";
import { type Site, startSite } from "./site.ts";
import type { StoreCase } from "./store-case.ts";
import { figures, settled, timeUntil } from "./timing.ts";

// A store that tells of changes by itself: the poll interval is the usual minute, so what is quicker was told.

const changes = 50;
const name = "kubernetes";
const namespace = "default";

let site: Site;
let storeCase: StoreCase;
let pod: MadePod;

test.before(async () => {
	site = await startSite({ push: true, stores: [name] });
	storeCase = site.storeCase(name);
	await createClass(site, storeCase, { namespace, name });
	pod = await runPod(site, { namespace, name: "web-0", classes: [name] });
});
test.after.always(() => site?.stop());

test.serial(`${changes} changes of a Kubernetes Secret are in the running pod within a second`, async (t) => {
	const times: number[] = [];
	for (let change = 0; change < changes; change += 1) {
		await settled();
		const value = await storeCase.change();
		times.push(await timeUntil(site, "the new value", () => volumeContent(site, pod, storeCase.changing) === value, 10_000));
	}
	t.true(figures(t, "Secret changed → new bytes, poll interval 60 s", times).p99 <= 1000);
	t.is(await site.provider.restarts(), 0, "the provider ran all the time");
});

test.serial("a right that is taken away takes its file along, by the next poll at the latest", async (t) => {
	await settled();
	await storeCase.revoke();
	const time = await timeUntil(site, "the removal", () => volumeContent(site, pod, storeCase.revocable) === undefined, 75_000);
	t.log(`RBAC taken away → file gone, poll interval 60 s: ${time.toFixed(0)} ms`);
	for (const [path, content] of storeCase.files) t.is(volumeContent(site, pod, path), content, path);
});
