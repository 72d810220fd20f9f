import { ProviderError } from "../../errors.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import type { Identity } from "../store.ts";
import { encodeValue, valueProblem } from "./query.ts";

const longestAppId = 128;
const remedy = "Write each as namespace/account, or namespace/* for all accounts of a namespace.";

/** The AppID by whom it stands for: `namespace/account`, or `namespace/*`. */
export type Applications = ReadonlyMap<string, string>;

/** Why a text can be no AppID, as a clause, or undefined. */
export function appIdProblem(appId: string): string | undefined {
	if (appId === "") return "is empty";
	return encodeValue(appId.toWellFormed()).length > longestAppId ? `is longer than ${longestAppId} bytes` : valueProblem(appId);
}

/**
 * Reads the administrator's list of `{appId, serviceAccounts}`. A service account may stand in it once, and so may
 * a whole namespace. Undefined without a list.
 */
export function readApplications(fields: Fields): Applications | undefined {
	if (!fields.has("applications")) return undefined;
	const applications = new Map<string, string>();
	const items = fields.items("applications");
	for (const item of items) {
		const appId = item.required("appId", "Write the application's name in the vault.");
		const problem = appId === "" ? undefined : appIdProblem(appId);
		if (problem !== undefined) item.reject("appId", problem, "Write the application's name in the vault.");
		for (const account of readAccounts(item)) {
			if (applications.has(account))
				item.reject("serviceAccounts", `name ${quote(account)}, which has an application already`, "Keep one.");
			applications.set(account, appId);
		}
		item.done();
	}
	if (items.length === 0) fields.reject("applications", "has no entries", `Write a list of {appId: …, serviceAccounts: […]}. ${remedy}`);
	return applications;
}

function readAccounts(item: Fields): readonly string[] {
	const accounts = item.texts("serviceAccounts");
	const wrong = accounts.find(
		(account) => !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\/(?:\*|[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/.test(account),
	);
	if (wrong !== undefined) item.reject("serviceAccounts", `name ${quote(wrong)}, which is no service account`, remedy);
	if (!item.has("serviceAccounts")) item.reject("serviceAccounts", "are missing", remedy);
	else if (accounts.length === 0) item.reject("serviceAccounts", "are none", remedy);
	return accounts;
}

/**
 * The application that stands for a service account; an entry of its own counts before that of its namespace.
 *
 * @throws ProviderError `refused` when no entry names it
 */
export function applicationOf(applications: Applications, store: string, { namespace, serviceAccount }: Identity): string {
	const appId = applications.get(`${namespace}/${serviceAccount}`) ?? applications.get(`${namespace}/*`);
	if (appId !== undefined) return appId;
	throw new ProviderError(
		"refused",
		`No application of the store ${quote(store)} stands for service account ${namespace}/${serviceAccount}.`,
		{
			stage: "login",
			remedy: `Ask the administrator to add ${namespace}/${serviceAccount} to the store's applications.`,
		},
	);
}
