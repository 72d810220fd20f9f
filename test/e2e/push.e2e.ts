import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { waitFor } from "../servers/kubernetes/wait-for.ts";
import { createClass } from "./classes.ts";
import { annotate, type MadePod, runPod, volumeContent } from "./pods.ts";
import { type Site, startSite } from "./site.ts";
import { caseNames, type StoreCase } from "./store-case.ts";
import { figures, settled, timeUntil } from "./timing.ts";

const syncSeconds = 20;
const changes = 50;
const name = "vault-native";
const namespace = "default";

let site: Site;
let storeCase: StoreCase;
let pod: MadePod;

test.before(async () => {
	site = await startSite({ syncFrequency: `${syncSeconds}s`, pollInterval: "1s", push: true });
	storeCase = site.storeCase(name);
	await createClass(site, storeCase, { namespace, name });
	const script = `while :; do cat /mnt/secrets-store-0/${storeCase.changing}; echo; sleep 0.2; done`;
	pod = await runPod(site, { namespace, name: "web-0", classes: [name], script });
});
test.after.always(() => site?.stop());

test.serial("a patched pod is looked after by kubelet at once", async (t) => {
	const times: number[] = [];
	for (let round = 0; round < 10; round += 1) {
		await settled();
		const before = site.provider.deliveries(pod.uid).length;
		await annotate(site, pod, { round: String(round) });
		times.push(await timeUntil(site, "the delivery", () => site.provider.deliveries(pod.uid).length > before, 5000));
	}
	t.true(figures(t, "patch → delivery", times).p50 <= 500);
});

test.serial(`${changes} changes in the store are read inside the running pod within two seconds`, async (t) => {
	const times: number[] = [];
	let value = "";
	for (let change = 0; change < changes; change += 1) {
		await settled();
		value = await storeCase.change();
		times.push(await timeUntil(site, "the new value", () => volumeContent(site, pod, storeCase.changing) === value, 10_000));
	}
	t.true(figures(t, "change → new bytes, poll interval 1 s", times).p99 <= 2000);
	await waitFor("the container's own output", [], async () => printed().includes(value), 5);
	t.is(await site.provider.restarts(), 0, "the provider ran all the time");
});

function printed(): string {
	return globSync(join(site.node.logFolder(pod), "main/*.log"))
		.map((path) => readFileSync(path, "utf8"))
		.join("");
}

for (const other of caseNames) {
	test.serial(`${other}: a revoked secret's file is gone within five seconds, or stays where today's provider leaves it`, async (t) => {
		const ofStore = site.storeCase(other);
		if (other !== name) await createClass(site, ofStore, { namespace, name: other });
		const holder = await runPod(site, { namespace, name: `${other}-revoked`, classes: [other] });
		await settled();
		await ofStore.revoke();
		if (ofStore.onRevoked === "removed") await checkRemoval(t, ofStore, holder);
		else await untilRefused(holder);
		for (const [path, content] of ofStore.files) t.is(volumeContent(site, holder, path), content, path);
	});
}

/** The file goes, and comes back with the secret. */
async function checkRemoval(t: ExecutionContext<unknown>, ofStore: StoreCase, holder: MadePod): Promise<void> {
	const file = () => volumeContent(site, holder, ofStore.revocable);
	const gone = await timeUntil(site, "the removal", () => file() === undefined, 10_000);
	for (const [path, content] of ofStore.files) t.is(volumeContent(site, holder, path), content, path);
	await settled();
	await ofStore.restore();
	const back = await timeUntil(site, "the return", () => file() === ofStore.files.get(ofStore.revocable), 10_000);
	t.log(`revoked → file gone: ${gone.toFixed(0)} ms, back → new bytes: ${back.toFixed(0)} ms`);
	t.true(gone <= 5000 && back <= 5000);
}

/** The driver was told that the secret is no more, which it keeps to itself. */
async function untilRefused({ uid }: MadePod): Promise<void> {
	const refused = () => site.node.publishes().some(({ podUid, failure }) => podUid === uid && failure !== undefined);
	await timeUntil(site, "the refusal", refused, syncSeconds * 1500 + 5000);
}

test.serial("without push a change arrives within one sync of kubelet after the poll", async (t) => {
	await site.provider.apply({ ...site.installed, push: false });
	const value = await storeCase.change();
	const time = await timeUntil(site, "the new value", () => volumeContent(site, pod, storeCase.changing) === value, 120_000);
	t.log(`change → new bytes without push, sync ${syncSeconds} s: ${time.toFixed(0)} ms`);
	// Kubelet stretches its sync by up to a half, by chance.
	t.true(time <= syncSeconds * 1500 + 1000 + 2000);
});
