import { driverName } from "../../mount/manifests.ts";
import { at, listAt, textAt } from "../json-fields.ts";

export const chart = "secrets-store-csi-driver --repo https://kubernetes-sigs.github.io/secrets-store-csi-driver/charts";

/**
 * The command that adds audiences to a CSIDriver's tokenRequests and keeps those that are there. Where Helm owns the object
 * the command is Helm's, because its next upgrade would undo any other.
 */
export function patchAudiences(object: unknown, missing: readonly string[]): string {
	const present = listAt(object, "spec", "tokenRequests");
	const release = textAt(object, "metadata", "annotations", "meta.helm.sh/release-name");
	const namespace = textAt(object, "metadata", "annotations", "meta.helm.sh/release-namespace");
	if (release !== undefined && namespace !== undefined && /^[\w.-]+$/.test(release + namespace)) {
		return `Run: helm upgrade ${release} ${chart} --namespace ${namespace} --reuse-values ${helmValues(present, missing)}`;
	}
	const requests = missing.map((audience) => ({ audience }));
	const operations =
		at(object, "spec", "tokenRequests") === undefined
			? [{ op: "add", path: "/spec/tokenRequests", value: requests }]
			: requests.map((value) => ({ op: "add", path: "/spec/tokenRequests/-", value }));
	return `Run: kubectl patch csidriver ${driverName} --type json --patch ${shellQuote(JSON.stringify(operations))}`;
}

/** Helm replaces lists as wholes, so those that are there are repeated. */
function helmValues(present: readonly unknown[], missing: readonly string[]): string {
	const kept = present.flatMap((request, index) => {
		const seconds = at(request, "expirationSeconds");
		const audience = [`tokenRequests[${index}].audience=${helmEscape(textAt(request, "audience") ?? "")}`];
		return typeof seconds === "number" ? [...audience, `tokenRequests[${index}].expirationSeconds=${seconds}`] : audience;
	});
	const added = missing.map((audience, index) => `tokenRequests[${present.length + index}].audience=${helmEscape(audience)}`);
	return [...kept, ...added].map((value) => `--set ${shellQuote(value)}`).join(" ");
}

function helmEscape(text: string): string {
	return text.replace(/[\\,{}]/g, "\\$&");
}

function shellQuote(text: string): string {
	return `'${text.replaceAll("'", `'\\''`)}'`;
}
