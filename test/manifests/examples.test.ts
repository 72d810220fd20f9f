import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { readPodVolume, readSecretProviderClass } from "../../provider/cli/mount/manifests.ts";
import { Dialects } from "../../provider/dialects.ts";
import type { MountRequest } from "../../provider/plan/mount-request.ts";
import { parsePolicy } from "../../provider/policy/policy-file.ts";
import { StoreRegistry } from "../../provider/store-registry.ts";
import { stores } from "../../provider/stores/index.ts";
import { makePod } from "../support/pods.ts";
import { at, listAt, type Manifest, manifestsFolder, readManifests, yamlFiles } from "./read-manifests.ts";

const folders = readdirSync(join(manifestsFolder, "examples"), { withFileTypes: true })
	.filter((entry) => entry.isDirectory())
	.map((entry) => entry.name);

/** A policy that defines a store of each type by the name that the examples use: its type. */
const policy = `profile: strict
stores:
  aws: {type: aws, region: eu-west-1}
  gcp: {type: gcp, workloadPool: my-proj.svc.id.goog, identityProvider: "https://container.googleapis.com/v1/projects/my-proj/locations/l/clusters/c"}
  conjur: {type: conjur, address: "https://conjur.example", account: acme, service: kube}
  sealed: {type: sealed, keyDirectory: /nowhere}
  strongroom: {type: strongroom, directory: /nowhere}
  vault: {type: vault, address: "https://vault.example:8200"}
dialects:
  gcp: {workloadPool: my-proj.svc.id.goog, identityProvider: "https://container.googleapis.com/v1/projects/my-proj/locations/l/clusters/c"}
`;

function ofKind(folder: string, kind: string): readonly Manifest[] {
	return readManifests(join("examples", folder)).filter((object) => object.kind === kind);
}

function volumesOf(pod: Manifest): readonly unknown[] {
	return listAt(pod, "spec", "volumes").filter((volume) => at(volume, "csi", "driver") === "secrets-store.csi.k8s.io");
}

const classOf = (volume: unknown) => at(volume, "csi", "volumeAttributes", "secretProviderClass");

test("every folder is told of in the README", (t) => {
	const readme = readFileSync(join(manifestsFolder, "examples", "README.md"), "utf8");
	for (const folder of folders) t.true(readme.includes(`(${folder})`), folder);
	t.deepEqual(folders.toSorted(), stores.map(({ type }) => type).toSorted());
});

test("every class has a pod that mounts it read-only in its namespace, and a container that sees it", (t) => {
	for (const folder of folders) {
		const [classes, pods] = [ofKind(folder, "SecretProviderClass"), ofKind(folder, "Pod")];
		const key = (namespace: string | undefined, name: unknown) => `${namespace ?? "default"}/${String(name)}`;
		const mounted = pods.flatMap((pod) => volumesOf(pod).map((volume) => key(pod.metadata.namespace, classOf(volume))));
		t.deepEqual([...new Set(mounted)].sort(), classes.map(({ metadata }) => key(metadata.namespace, metadata.name)).sort(), folder);
		for (const pod of pods) {
			const seen = listAt(pod, "spec", "containers").flatMap((container) =>
				listAt(container, "volumeMounts").map((mount) => at(mount, "name")),
			);
			for (const volume of volumesOf(pod)) {
				t.true(at(volume, "csi", "readOnly"), `${folder} ${pod.metadata.name}`);
				t.true(seen.includes(at(volume, "name")), `${folder} ${pod.metadata.name}`);
			}
			// Nothing that needs the own store may run as the account that every pod has.
			t.not(at(pod, "spec", "serviceAccountName") ?? "default", "default", `${folder} ${pod.metadata.name}`);
		}
	}
});

test("the provider plans files out of every class as claviger mount sends it", async (t) => {
	for (const folder of folders) {
		for (const podManifest of ofKind(folder, "Pod")) {
			for (const volume of volumesOf(podManifest)) {
				const name = String(classOf(volume));
				const request = readRequest(folder, podManifest, name);
				const dialects = await Dialects.open(new StoreRegistry(stores), parsePolicy(policy, []), [request.provider]);
				const plan = (await dialects.of(request)).plan(request);
				t.true(plan.objects.length > 0 && plan.files.length > 0, `${folder} ${name}`);
			}
		}
	}
});

/** The request that the driver makes of the folder's manifests. */
function readRequest(folder: string, pod: Manifest, className: string): MountRequest {
	const text = yamlFiles(join("examples", folder))
		.map((file) => readFileSync(file, "utf8"))
		.join("\n---\n");
	const providerClass = readSecretProviderClass(text, folder, className);
	const { attributes } = readPodVolume(JSON.stringify(pod), "pod", className);
	const parameters = new Map([...providerClass.parameters, ...attributes]);
	parameters.delete("secretProviderClass");
	return {
		provider: providerClass.provider,
		pod: makePod({ namespace: pod.metadata.namespace ?? "default" }),
		tokens: new Map(),
		parameters,
		credentials: new Map(),
		defaultMode: 0o644,
		targetPath: "/volume",
		currentVersions: new Map(),
		signal: AbortSignal.timeout(10_000),
	};
}
