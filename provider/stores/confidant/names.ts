import { exampleRole, isRoleArn } from "../../aws/role.ts";
import { showable } from "../../aws/words.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import type { Identity } from "../store.ts";
import type { ConfidantInstance } from "./instance.ts";

/** What to write in the place of a text that is no service's name. */
export const nameRemedy = "Write the name of a service of Confidant's, which mostly is that of an IAM role.";

/**
 * Whether a text can name a service: the characters of IAM role names. A slash or colon would end the user name that
 * a token is sent with.
 */
export function isPlainName(text: string): boolean {
	return /^[\w+=,.@-]{1,128}$/.test(text);
}

/** The role that an entry under `stores` names; empty: the one that the service account's annotation names. */
export function readRole(fields: Fields): string {
	const role = fields.text("role") ?? "";
	if (role !== "" && !isRoleArn(role)) fields.reject("role", `is ${quote(role)}, which is no role's ARN`, `Write it as ${exampleRole}.`);
	return role;
}

/** The service that a pod proves to be: the one written, or the one of its role's name, without the role's path. */
export function serviceOfPod({ from }: Pick<ConfidantInstance, "from">, { role }: Pick<Identity, "role">): string {
	return from === "" ? role.slice(role.lastIndexOf("/") + 1) : from;
}

/** How messages call a credential. Its name is the server's word, so what looks like a token is not repeated. */
export function credentialTitle({ name, id }: { readonly name: string; readonly id: string }): string {
	return `${quote(showable(name, []))} (${id})`;
}

/** Text that says where a failure arose: the server, as people know it. */
export function serverTitle({ address }: Pick<ConfidantInstance, "address">): string {
	return `Confidant at ${address.text}`;
}
