import { type Finding, failed, ok, unchecked, warning } from "../../../shared/finding.ts";
import type { Right } from "../account.ts";
import { type Connected, type DoctorContext, withoutAnswer } from "../context.ts";
import { textAt } from "../json-fields.ts";

interface Need extends Right {
	/** The option that needs it. */
	readonly option: string;
	/** What does not work without it. */
	readonly loss: string;
}

const pushManifests = "Run: kubectl apply --filename manifests/deploy/push";

/** What the provider's account may do, against what its options need, and what it had better not be able to do. */
export async function checkRights(context: DoctorContext): Promise<readonly Finding[]> {
	const { kubernetes } = context;
	if (kubernetes === undefined) return [];
	return checkConnected({ ...context, kubernetes }).catch((reason: unknown) => [withoutAnswer("rights", reason)]);
}

async function checkConnected(connected: Connected): Promise<readonly Finding[]> {
	const needs = await Promise.all(needsOf(connected).map((need) => checkNeed(connected, need)));
	const excess = await Promise.all(excessOf(connected).map((right) => checkExcess(connected, right)));
	const found = [...needs, ...(await checkVersionSecret(connected)), ...excess.flat()];
	return connected.serve.push === "annotation" ? [...found, await checkFence(connected)] : found;
}

function needsOf({ serve }: DoctorContext): readonly Need[] {
	const { nodeName, push, tokenVerification, tellsEvents, startupTaint } = serve;
	const needs: Need[] = [];
	if (nodeName !== undefined) {
		const loss = "leases do not end with their pods";
		for (const verb of ["list", "watch"]) needs.push({ verb, resource: "pods", option: "--node-name", loss });
	}
	if (push === "annotation") {
		const loss = "changes arrive at kubelet's pace, 60 to 90 s later";
		needs.push({ verb: "patch", resource: "pods", option: "--push annotation", loss });
	}
	if (tokenVerification === "review") {
		const resource = "tokenreviews.authentication.k8s.io";
		needs.push({ verb: "create", resource, option: "--token-verification review", loss: "no pod's token can be verified" });
	}
	if (tellsEvents) {
		needs.push({ verb: "create", resource: "events.events.k8s.io", option: "--events on", loss: "no event tells why a mount failed" });
	}
	if (startupTaint !== undefined) {
		const loss = "the node keeps its taint, and no pod comes to it";
		for (const verb of ["get", "patch"]) needs.push({ verb, resource: "nodes", option: "--startup-taint", loss });
	}
	return needs;
}

async function checkNeed({ account, serve }: Connected, { option, loss, ...right }: Need): Promise<Finding> {
	const what = `${right.verb} on ${right.resource}`;
	const may = await account.may(right);
	if (may === true) return ok("rights", `The account has ${what}, for ${option}.`);
	if (may === undefined) return unchecked("rights", `The API server does not say whether the account has ${what}.`);
	const message = `The account lacks ${what}, which ${option} needs: ${loss}.`;
	const isFenced = serve.push === "annotation" && right.resource === "pods";
	return failed("rights", message, isFenced ? pushManifests : `Run: ${account.grant(right)}`);
}

/** Asked as rights, not by reading: the key itself stays where it is. */
async function checkVersionSecret({ serve, account }: Connected): Promise<readonly Finding[]> {
	const { versionKeySecret } = serve;
	if (versionKeySecret === undefined) return [];
	const [namespace = "", name = ""] = versionKeySecret.split("/");
	const [mayGet, mayCreate] = await Promise.all([
		account.may({ verb: "get", resource: "secrets", namespace, name }),
		account.may({ verb: "create", resource: "secrets", namespace }),
	]);
	if (mayGet === undefined) return [unchecked("version key", "The API server does not say whether the account may get the version key.")];
	if (mayGet && mayCreate === true) return [ok("version key", `The account may get the Secret ${versionKeySecret}, and make it.`)];
	if (mayGet) return [ok("version key", `The account may get the Secret ${versionKeySecret}; it may not make it, so it has to be there.`)];
	const message = `The account may not get the Secret ${versionKeySecret}, so the provider does not start (--version-key-secret).`;
	return [failed("version key", message, `Run: ${account.grant({ verb: "get", resource: "secrets", namespace, name })}`)];
}

/** Rights that turn a fault of the provider into one of the cluster. */
function excessOf({ serve }: DoctorContext): readonly Right[] {
	return [
		{ verb: "*", resource: "*.*" },
		{ verb: "list", resource: "secrets" },
		{ verb: "create", resource: "serviceaccounts/token" },
		...(serve.push === "off" ? [{ verb: "patch", resource: "pods" }] : []),
	];
}

async function checkExcess({ account }: Connected, right: Right): Promise<readonly Finding[]> {
	if ((await account.may(right)) !== true) return [];
	const message = `The account has ${right.verb} on ${right.resource === "*.*" ? "everything" : right.resource} in all namespaces, which it does not need.`;
	const find = `Find the binding and take it away: kubectl get clusterrolebindings --output wide | grep ${account.subjectFlag().split(":").at(-1)}`;
	return [warning("needless right", message, find)];
}

/**
 * Whether the ValidatingAdmissionPolicy of manifests/deploy/push stands, seen by what it does: a change of a label of the
 * provider's own pod, asked for as a dry run, must be refused.
 */
async function checkFence({ kubernetes, account, signal }: Connected): Promise<Finding> {
	const check = "fence";
	const pod = account.claims()?.pod;
	if (pod === undefined) return unchecked(check, "The token is bound to no pod, so the fence around pod patches cannot be tried.");
	if ((await account.may({ verb: "patch", resource: "pods" })) !== true)
		return unchecked(check, "Without the right to patch pods the fence cannot be tried.");
	const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}?dryRun=All`;
	const { status, body } = await kubernetes.call("PATCH", path, signal, { metadata: { labels: { "claviger.dev/doctor": "dry-run" } } });
	if (status === 200) {
		const message = "No admission policy fences the right to patch pods: who has the provider's token may change any pod's image.";
		return failed(check, message, "Run: kubectl apply --filename manifests/deploy/push/1-admission.yaml");
	}
	if (status === 403 && /ValidatingAdmissionPolicy/.test(textAt(body, "message") ?? "")) {
		return ok(check, "The admission policy refuses every change of a pod but the one annotation (tried as a dry run).");
	}
	return unchecked(check, `The dry run that tries the fence was answered ${status}.`);
}
