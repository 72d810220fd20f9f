import { quote } from "../../../plan/fields.ts";
import { driverName } from "../../mount/manifests.ts";
import type { ObjectFindings } from "../findings.ts";
import type { Inventory } from "../inventory.ts";
import { positionOfFault } from "../read/locate.ts";
import type { ManifestObject } from "../read/objects.ts";
import { joined } from "./class-parameters.ts";

/** The CSIDriver object of the driver: what kubelet tells it, and when. */
export function checkDriverObject(findings: ObjectFindings): void {
	const spec = findings.object.root.at("spec");
	if (spec?.at("podInfoOnMount")?.boolean !== true) {
		const remedy = "Write `podInfoOnMount: true`; without it no provider learns whose pod it is.";
		findings.at(spec?.at("podInfoOnMount") ?? spec, { rule: "driver-object", cause: "is not true", remedy, path: "spec.podInfoOnMount" });
	}
	if (!spec?.itemsAt("volumeLifecycleModes").some(({ scalar }) => scalar === "Ephemeral")) {
		const cause = "does not list Ephemeral";
		const remedy = "Write `volumeLifecycleModes: [Ephemeral]`; without it kubelet refuses the driver's volumes.";
		findings.at(spec?.at("volumeLifecycleModes") ?? spec, { rule: "driver-object", cause, remedy, path: "spec.volumeLifecycleModes" });
	}
	if (spec?.at("requiresRepublish")?.boolean !== true) {
		const remedy = "Write `requiresRepublish: true`; without it no change reaches a running pod.";
		findings.at(spec?.at("requiresRepublish") ?? spec, {
			rule: "driver-object-advice",
			cause: "is not true",
			remedy,
			path: "spec.requiresRepublish",
		});
	}
	if (spec === undefined || spec.itemsAt("tokenRequests").length > 0) return;
	const remedy = "List {audience: …} for each store that pods log in to; without it no pod has a token to show.";
	findings.at(spec.at("tokenRequests") ?? spec, {
		rule: "driver-object-advice",
		cause: "lists nothing",
		remedy,
		path: "spec.tokenRequests",
	});
}

/** The CSIDriver objects that are the driver's own. */
export function isDriverObject({ kind, apiVersion, name }: ManifestObject): boolean {
	return kind === "CSIDriver" && apiVersion.startsWith("storage.k8s.io/") && name === driverName;
}

/**
 * Classes whose stores want a token that the CSIDriver object does not ask kubelet for.
 *
 * @param judges whether a policy told the audiences of the administrator's stores; otherwise they are not known
 */
export function checkAudiences(
	{ drivers, classes }: Inventory,
	judges: boolean,
	findingsOf: (object: ManifestObject) => ObjectFindings,
): void {
	const requests = drivers.flatMap(({ root }) => root.itemsAt("spec", "tokenRequests"));
	if (drivers.length === 0 || requests.length === 0) return;
	const audiences = requests.map((request) => request.at("audience")?.scalar ?? "");
	for (const { object, planned } of classes) {
		const parameters = object.root.at("spec", "parameters");
		for (const [index, store] of (planned?.plan?.stores ?? []).entries()) {
			const { audience, audienceParameter } = store;
			if (parameters === undefined || audiences.includes(audience) || (store.origin === "policy" && !judges)) continue;
			// An audience that nobody wrote is shown where the store is used.
			const user = planned?.plan?.objects.find((each) => each.store === index)?.path;
			const path = parameters.at(/^[^.]+/.exec(audienceParameter)?.[0] ?? "") === undefined ? (user ?? "") : audienceParameter;
			findingsOf(object).at(parameters, {
				rule: "audience-not-requested",
				cause: `needs a token for the audience ${quote(audience)}, which the CSIDriver object does not ask for`,
				remedy: `Add {audience: ${audience}} to its spec.tokenRequests.`,
				path: joined(parameters.path, path),
				position: positionOfFault(parameters, path, ""),
			});
		}
	}
}
