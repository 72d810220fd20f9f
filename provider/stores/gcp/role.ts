import { ProviderError } from "../../errors.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import { isJsonArray, JsonError, type JsonValue, parseJson } from "../../shared/json.ts";
import type { Identity, RoleAnnotation } from "../store.ts";

type Account = Pick<Identity, "namespace" | "serviceAccount">;

const annotation = "iam.gke.io/gcp-service-account";
const delegatesAnnotation = "iam.gke.io/gcp-service-account-delegates";
const prefix = "projects/-/serviceAccounts/";
const example = "app@my-proj.iam.gserviceaccount.com";
/** How today's provider begins what it says of a login with the pod's token. */
export const workloadPrefix = "unable to obtain workload identity auth: ";
const legacyPrefix = `unable to obtain auth for mount: ${workloadPrefix}`;

/** Whom a session acts as, and through whom. */
export interface Impersonation {
	/** Email address or unique id of a Google service account. */
	readonly target: string;
	/** The accounts through which the right is passed on, in their order. */
	readonly delegates: readonly string[];
}

/** The role of an identity: the account to act as, then those through which. Neither holds a blank. */
export function roleOf({ target, delegates }: Impersonation): string {
	return [target, ...delegates].join(" ");
}

/** Undefined for an identity that acts as itself. @throws ProviderError `invalid` for what can name no account */
export function impersonationOf({ role, namespace, serviceAccount }: Identity): Impersonation | undefined {
	const [target = "", ...delegates] = role.split(" ");
	if (role === "") return undefined;
	if ([target, ...delegates].every(isAccount)) return { target, delegates };
	throw new ProviderError(
		"invalid",
		`${quote(role)}, whom service account ${namespace}/${serviceAccount} acts as, is no Google service account.`,
		{
			stage: "login",
			remedy: `Correct it: kubectl annotate --overwrite serviceaccount ${serviceAccount} --namespace ${namespace} ${annotation}=${example}`,
		},
	);
}

/** Whether a text may be the email address or the unique id of a Google service account. */
function isAccount(text: string): boolean {
	return text.length <= 256 && /^(?:\d{1,30}|[a-z0-9][\w.:-]*@[a-z0-9][a-z0-9.-]*)$/i.test(text);
}

/** The role that an entry under `stores` names; empty: what the service account's annotation says. */
export function readRole(fields: Fields): string {
	const target = fields.text("role") ?? "";
	const delegates = fields.texts("delegates").map(withoutPrefix);
	if (target === "") {
		if (delegates.length > 0) fields.reject("delegates", "stands without a role", "Name the account to act as in `role`.");
		return "";
	}
	const wrong = [target, ...delegates].find((account) => !isAccount(account));
	if (wrong === undefined) return roleOf({ target, delegates });
	fields.reject(wrong === target ? "role" : "delegates", `names ${quote(wrong)}, which is no service account`, `Write it as ${example}.`);
	return "";
}

/**
 * Where a service account of the cluster names the Google service account that its pods act as. Without it they act as
 * themselves. Source: GKE, "Authenticate to Google Cloud APIs from GKE workloads"; the second is today's provider's own.
 */
export const accountAnnotation: RoleAnnotation = {
	key: annotation,
	further: [delegatesAnnotation],
	isOptional: true,
	role: ([target = "", delegates], account) => roleOf({ target: target.trim(), delegates: readDelegates(delegates ?? "", account) }),
	failure({ namespace, serviceAccount }, error) {
		const reason = error?.message ?? `the annotation ${annotation} is missing.`;
		return new ProviderError(error?.code ?? "invalid", `Service account ${namespace}/${serviceAccount}: ${reason}`, {
			legacyText: `${legacyPrefix}unable to fetch SA info: ${reason}`,
			stage: "login",
			remedy: `${error?.remedy ?? ""} Where no pod acts as a Google service account, the administrator sets impersonation: none.`.trim(),
			cause: error?.cause,
		});
	},
};

function readDelegates(text: string, { namespace, serviceAccount }: Account): readonly string[] {
	if (text.trim() === "") return [];
	const list = parse(text);
	if (isJsonArray(list) && list.every((entry) => typeof entry === "string")) return list.map(withoutPrefix);
	throw new ProviderError(
		"invalid",
		`The annotation ${delegatesAnnotation} of service account ${namespace}/${serviceAccount} is no list of texts in JSON.`,
		{
			legacyText: `${legacyPrefix}unable to parse delegates annotation on SA: ${delegatesAnnotation}`,
			stage: "login",
			remedy: `Write it as ["${prefix}${example}"].`,
		},
	);
}

function parse(text: string): JsonValue | undefined {
	try {
		return parseJson(text);
	} catch (error) {
		if (error instanceof JsonError) return undefined;
		throw error;
	}
}

function withoutPrefix(account: string): string {
	return account.startsWith(prefix) ? account.slice(prefix.length) : account;
}

/** An account as the API for impersonation names it. */
export function accountResource(account: string): string {
	return `${prefix}${account}`;
}
