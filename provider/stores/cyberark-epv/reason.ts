import type { Fields } from "../../plan/fields.ts";
import type { Identity } from "../store.ts";
import { encodeValue, valueProblem } from "./query.ts";

/** What the vault's audit is told unless configured otherwise. */
const defaultReason = "mount {{namespace}}/{{serviceAccount}}";
const longestReason = 400;
const names = ["namespace", "serviceAccount"] as const;
const remedy = `Write a text with {{namespace}} and {{serviceAccount}}, such as "${defaultReason}".`;

/** Reads the text that goes into the vault's audit with every read; empty: none is sent. */
export function readReason(fields: Fields): string {
	const reason = fields.text("reason") ?? defaultReason;
	const problem = reasonProblem(reason);
	if (problem !== undefined) fields.reject("reason", ...problem);
	return reason;
}

function reasonProblem(reason: string): readonly [problem: string, remedy: string] | undefined {
	const plain = reason.replace(/\{\{(\w+)\}\}/g, (written, name) => (names.some((known) => known === name) ? "" : written));
	if (/\{\{pod\}\}/.test(plain))
		return ["names the pod, but one read serves all pods of a service account", `${remedy} The provider's own audit names the pods.`];
	if (plain.includes("{{") || plain.includes("}}")) return ["has something in braces that is not known here", remedy];
	const problem = valueProblem(reason);
	if (problem !== undefined) return [problem, "Leave it out."];
	return encodeValue(plain).length > longestReason ? [`is longer than ${longestReason} bytes`, "Shorten it."] : undefined;
}

/** The reason of one identity's reads. */
export function fillReason(reason: string, identity: Pick<Identity, "namespace" | "serviceAccount">): string {
	const { namespace, serviceAccount } = identity;
	return reason.replaceAll("{{namespace}}", namespace).replaceAll("{{serviceAccount}}", serviceAccount);
}
