import test, { type ExecutionContext } from "ava";
import { field } from "../servers/kubernetes/api-client.ts";
import { waitFor } from "../servers/kubernetes/wait-for.ts";
import { createClass, findSecret, ownersOfSecret, secretData, secretObject } from "./classes.ts";
import { createDeployment, deletePod, inPod, type MadePod, podsOfDeployment, runPod, volumeContent } from "./pods.ts";
import { namespaces, type Site, startSite } from "./site.ts";
import { caseNames } from "./store-case.ts";

// What the driver project's suites assert about Secrets that are made from mounted files.

const [namespace, otherNamespace] = namespaces;
const deployment = { apiVersion: "apps/v1", kind: "Deployment" };
let site: Site;

test.before(async () => {
	site = await startSite();
});
test.after.always(() => site?.stop());

interface Expectation {
	readonly namespace: string;
	readonly secret: string;
	readonly name: string;
	readonly pod: MadePod;
	readonly variable: string;
}

/** The files, the Secret made of them, and the variable made of that. */
async function checkPod(t: ExecutionContext<unknown>, { namespace: where, secret, name, pod, variable }: Expectation): Promise<void> {
	const { files, sync } = site.storeCase(name);
	for (const [path, content] of files) t.is(volumeContent(site, pod, path), content, path);
	const wanted = Object.fromEntries(Object.entries(sync).map(([key, path]) => [key, files.get(path)]));
	t.deepEqual(Object.fromEntries(await secretData(site, where, secret)), wanted);
	const [first = ""] = Object.values(sync);
	t.is(await inPod(site, pod, `printf %s "$${variable}"`), files.get(first) ?? "");
}

async function untilOwners(secret: string, where: string, kinds: readonly string[]): Promise<void> {
	await waitFor(`the owners of ${secret}`, [], async () => {
		const owners = await ownersOfSecret(site, where, secret);
		return owners.length === kinds.length && owners.every((kind, index) => kind === kinds[index]);
	});
}

async function untilGone(secret: string, where: string): Promise<void> {
	await waitFor(`the end of ${secret}`, [], async () => (await findSecret(site, where, secret)) === undefined);
}

function variableOf(name: string, secret: string) {
	const [key = ""] = Object.keys(site.storeCase(name).sync);
	return { name: "SECRET_USERNAME", secret, key };
}

for (const name of caseNames) {
	const secret = `${name}-secret`;

	test.serial(`${name}: two deployments share a Secret, which goes with the last of them`, async (t) => {
		const storeCase = site.storeCase(name);
		await createClass(site, storeCase, { namespace, name, secretObjects: [secretObject(secret, storeCase)] });
		const options = { namespace, classes: [name], variables: [variableOf(name, secret)] };
		for (const one of ["one", "two"]) await createDeployment(site, 2, { ...options, name: `${name}-${one}` });
		for (const one of ["one", "two"])
			for (const pod of await podsOfDeployment(site, namespace, `${name}-${one}`, 2))
				await checkPod(t, { namespace, secret, name, pod, variable: "SECRET_USERNAME" });
		t.like(field(await findSecret(site, namespace, secret), "metadata"), {
			labels: { environment: "test", "secrets-store.csi.k8s.io/managed": "true" },
			annotations: { "kubed.appscode.com/sync": "app=test" },
		});
		await untilOwners(secret, namespace, ["ReplicaSet", "ReplicaSet"]);
		await site.objects.delete({ ...deployment, namespace, name: `${name}-one` });
		await untilOwners(secret, namespace, ["ReplicaSet"]);
		await site.objects.delete({ ...deployment, namespace, name: `${name}-two` });
		await untilGone(secret, namespace);
		t.pass();
	});

	test.serial(`${name}: a class of the same name in another namespace is another class, with a Secret of its own`, async (t) => {
		const storeCase = site.storeCase(name);
		await createClass(site, storeCase, { namespace: otherNamespace, name, secretObjects: [secretObject(secret, storeCase)] });
		const options = { namespace: otherNamespace, name: `${name}-one`, classes: [name], variables: [variableOf(name, secret)] };
		await createDeployment(site, 2, options);
		for (const pod of await podsOfDeployment(site, otherNamespace, `${name}-one`, 2))
			await checkPod(t, { namespace: otherNamespace, secret, name, pod, variable: "SECRET_USERNAME" });
		await untilOwners(secret, otherNamespace, ["ReplicaSet"]);
		t.is(await findSecret(site, namespace, secret), undefined, "nothing of it is in the other namespace");
		await site.objects.delete({ ...deployment, namespace: otherNamespace, name: `${name}-one` });
		await untilGone(secret, otherNamespace);
	});

	test.serial(`${name}: two classes in one pod without an owner are two Secrets, each owned by its status object`, async (t) => {
		const storeCase = site.storeCase(name);
		const classes = [`${name}-spc-0`, `${name}-spc-1`];
		for (const one of classes)
			await createClass(site, storeCase, { namespace, name: one, secretObjects: [secretObject(`${one}-secret`, storeCase)] });
		const variables = classes.map((one, index) => ({ ...variableOf(name, `${one}-secret`), name: `SECRET_USERNAME_${index}` }));
		const pod = await runPod(site, { namespace, name: `${name}-multiple`, classes, variables });
		for (const [index, one] of classes.entries()) {
			for (const [path, content] of storeCase.files) t.is(volumeContent(site, pod, path, index), content, `${one} ${path}`);
			await checkPod(t, { namespace, secret: `${one}-secret`, name, pod, variable: `SECRET_USERNAME_${index}` });
			await untilOwners(`${one}-secret`, namespace, ["SecretProviderClassPodStatus"]);
		}
		await deletePod(site, pod);
		for (const one of classes) await untilGone(`${one}-secret`, namespace);
	});
}
