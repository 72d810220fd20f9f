import test from "ava";
import { field } from "../servers/kubernetes/api-client.ts";
import { waitFor } from "../servers/kubernetes/wait-for.ts";
import { createClass } from "./classes.ts";
import { createPod, deletePod, inPod, isReady, type MadePod, podEvents, runPod, volumeContent } from "./pods.ts";
import { makeNamespace, type Site, startSite } from "./site.ts";
import { caseNames } from "./store-case.ts";

// What the driver project's suites assert about installation, mounting and unmounting.

const namespace = "default";
let site: Site;
const pods = new Map<string, MadePod>();

test.before(async () => {
	site = await startSite();
});
test.after.always(() => site?.stop());

test.serial("the provider's pod is Ready, and the driver's kinds are established", async (t) => {
	const [pod, ...others] = await site.provider.pods();
	t.true(isReady(pod));
	t.deepEqual(others, []);
	for (const plural of ["secretproviderclasses", "secretproviderclasspodstatuses"]) {
		const name = `${plural}.secrets-store.csi.x-k8s.io`;
		const kind = await site.objects.find({ apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", name });
		t.like(field(kind, "status", "conditions"), [{ status: "True" }, { type: "Established", status: "True" }]);
	}
});

for (const name of caseNames) {
	test.serial(`${name}: a pod is Ready within 60 s and reads every file exactly`, async (t) => {
		const storeCase = site.storeCase(name);
		const stored = await createClass(site, storeCase, { namespace, name });
		t.is(field(stored, "spec", "provider"), storeCase.provider);
		const pod = await runPod(site, { namespace, name: `${name}-inline`, classes: [name] });
		pods.set(name, pod);
		for (const [path, content] of storeCase.files) {
			t.is(volumeContent(site, pod, path), content, path);
			t.is(await inPod(site, pod, `cat /mnt/secrets-store-0/${path}`), content, `${path} in the container`);
		}
		t.is(await inPod(site, pod, "echo x > /mnt/secrets-store-0/new 2>/dev/null || echo read-only"), "read-only\n");
	});

	test.serial(`${name}: the status object says what is mounted`, async (t) => {
		const status = await site.objects.find({
			apiVersion: "secrets-store.csi.x-k8s.io/v1",
			kind: "SecretProviderClassPodStatus",
			namespace,
			name: `${name}-inline-${namespace}-${name}`,
		});
		t.true(field(status, "status", "mounted"));
		const objects = field(status, "status", "objects");
		t.true(Array.isArray(objects) && objects.length > 0);
	});

	test.serial(`${name}: a deleted pod is gone within 60 s and leaves nothing mounted`, async (t) => {
		const pod = pods.get(name);
		if (pod === undefined) throw new Error("the pod was not made");
		await deletePod(site, pod);
		await waitFor("the unmount", [], async () => !site.node.mounts().includes(pod.uid));
		t.notRegex(site.node.driverLog(), /failed to clean and unmount/);
	});
}

test.serial("two classes in one pod are two volumes with their own files", async (t) => {
	const [one = "", other = one] = caseNames;
	const pod = await runPod(site, { namespace, name: "two-classes", classes: [one, other] });
	for (const [index, name] of [one, other].entries())
		for (const [path, content] of site.storeCase(name).files) t.is(volumeContent(site, pod, path, index), content, `${name} ${path}`);
});

const strange = "negative-test-ns";

test.serial("a pod whose namespace has no such class waits, and its events name the class", async (t) => {
	await makeNamespace(site.objects, strange);
	for (const name of caseNames) await createPod(site, { namespace: strange, name: `${name}-waiting`, classes: [name] });
	for (const name of caseNames)
		await untilEvent(name, new RegExp(`FailedMount.*failed to get secretproviderclass ${strange}/${name}.*not found`));
	t.pass();
});

test.serial("an account that the store does not know gets nothing, and its events say why", async (t) => {
	for (const name of caseNames) await createClass(site, site.storeCase(name), { namespace: strange, name });
	for (const name of caseNames) await untilEvent(name, new RegExp(`FailedMount.*${site.storeCase(name).refusal.source}`, "s"));
	t.pass();
});

async function untilEvent(name: string, expected: RegExp): Promise<void> {
	const found = async () => (await podEvents(site, { namespace: strange, name: `${name}-waiting` })).some((text) => expected.test(text));
	await waitFor(`${name}: the event ${expected}`, [], found);
}
