import { audienceOwners } from "../../../policy/audiences.ts";
import { type Finding, failed, failure, ok, warning } from "../../../shared/finding.ts";
import { stores } from "../../../stores/index.ts";
import { driverName } from "../../mount/manifests.ts";
import type { Connected } from "../context.ts";
import { at, listAt, textAt, textsAt } from "../json-fields.ts";
import { chart, patchAudiences } from "./audience-patch.ts";

/** The CSIDriver object: what kubelet tells the driver of a pod, how often, and with which tokens. */
export async function checkDriverObject(context: Connected): Promise<readonly Finding[]> {
	const { kubernetes, account, signal } = context;
	const right = { verb: "get", resource: "csidrivers.storage.k8s.io", name: driverName };
	const answer = await kubernetes.call("GET", `/apis/storage.k8s.io/v1/csidrivers/${driverName}`, signal);
	if (answer.status === 404) {
		const message = `There is no CSIDriver ${driverName}: the Secrets Store CSI driver is not installed.`;
		const install = `helm install csi-secrets-store ${chart} --namespace kube-system --set enableSecretRotation=true`;
		return [failed("CSIDriver", message, `Run: ${install}`)];
	}
	if (answer.status !== 200) return [account.notAllowed("CSIDriver", answer, right)];
	return [...checkSpec(at(answer.body, "spec")), ...(await checkAudiences(context, answer.body))];
}

function checkSpec(spec: unknown): readonly Finding[] {
	const patch = (fields: string) => `Run: kubectl patch csidriver ${driverName} --type merge --patch '{"spec": {${fields}}}'`;
	const findings: Finding[] = [];
	if (at(spec, "requiresRepublish") !== true) {
		const message = "requiresRepublish is off: kubelet asks for a volume once, so no change and no revocation ever reaches a running pod.";
		findings.push(failed("requiresRepublish", message, patch('"requiresRepublish": true')));
	}
	if (at(spec, "podInfoOnMount") !== true) {
		const message = "podInfoOnMount is off: the driver does not learn whose volume it mounts, and every mount fails.";
		findings.push(failed("podInfoOnMount", message, patch('"podInfoOnMount": true')));
	}
	if (!textsAt(spec, "volumeLifecycleModes").includes("Ephemeral")) {
		const message = "volumeLifecycleModes lacks Ephemeral: pods cannot have volumes of the driver. The field cannot be changed in place.";
		findings.push(failed("volumeLifecycleModes", message, `Run: kubectl delete csidriver ${driverName}, and install the driver again.`));
	}
	if (findings.length > 0) return findings;
	return [ok("CSIDriver", `${driverName} tells of pods, republishes, and mounts ephemeral volumes.`)];
}

interface Audience {
	readonly audience: string;
	readonly neededBy: string;
}

async function checkAudiences(context: Connected, object: unknown): Promise<readonly Finding[]> {
	const check = "tokenRequests";
	const listed = listAt(object, "spec", "tokenRequests").map((request) => textAt(request, "audience") ?? "");
	try {
		const needed = await neededAudiences(context);
		const missing = needed.filter(({ audience }) => !listed.includes(audience));
		const found = missing.map(({ audience, neededBy }) => {
			const message = `The audience ${JSON.stringify(audience)} is not in tokenRequests, so no pod has the token for ${neededBy}.`;
			return failed(
				check,
				message,
				patchAudiences(
					object,
					missing.map((entry) => entry.audience),
				),
			);
		});
		const whole = ok(
			check,
			`tokenRequests has every audience that is needed: ${needed.map(({ audience }) => audience || '""').join(", ") || "none"}.`,
		);
		return [...(found.length === 0 ? [whole] : found), ...checkOthers(listed, needed)];
	} catch (reason) {
		return [failure(check, reason, "Mend the policy first: it says which audiences are needed.")];
	}
}

/** By the store that asks for it; several may share one. */
async function neededAudiences({ arrangement, planned }: Connected): Promise<readonly Audience[]> {
	const needed = new Map<string, string[]>();
	const add = (audience: string, by: string) => {
		const known = needed.get(audience) ?? [];
		needed.set(audience, known.includes(by) ? known : [...known, by]);
	};
	for (const { audience, instance } of (await arrangement).stores)
		if (instance.loginBy === undefined) add(audience, `the store ${instance.name} (${instance.type})`);
	const plannedClass = await planned.catch(() => undefined);
	for (const { audience, instance } of plannedClass?.plan.stores ?? [])
		if (instance.loginBy === undefined) add(audience, `the class ${plannedClass?.name}`);
	return [...needed].map(([audience, by]) => ({ audience, neededBy: by.join(" and ") }));
}

/** Every audience listed goes to every provider on the node, whatever pod mounts. */
function checkOthers(listed: readonly string[], needed: readonly Audience[]): readonly Finding[] {
	const owners = audienceOwners(stores);
	return listed.flatMap((audience) => {
		if (needed.some((entry) => entry.audience === audience)) return [];
		const remedy = `If no other provider needs it, remove it: kubectl edit csidriver ${driverName}`;
		if (audience === "" || owners.get(audience) === "kubernetes") {
			const message = `tokenRequests lists the API server's own audience (${JSON.stringify(audience)}): every provider gets tokens with all the pods' rights in the cluster.`;
			return [warning("tokenRequests", message, remedy)];
		}
		return [ok("tokenRequests", `Nothing here needs the audience ${JSON.stringify(audience)}; another provider may.`)];
	});
}
