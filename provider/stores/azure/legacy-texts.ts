import { type AzureInstance, audiences } from "./instance.ts";

/** How every text of today's provider begins that is about a Mount. */
export const mountPrefix = "failed to mount objects, error: ";

/** An object as today's provider names it in its texts. */
export interface NamedObject {
	readonly objectType: string;
	readonly objectName: string;
	readonly objectVersion: string;
}

/** A text of today's provider about one object. */
export function aboutObject({ objectType, objectName, objectVersion }: NamedObject, text: string): string {
	return `${mountPrefix}failed to get objectType:${objectType}, objectName:${objectName}, objectVersion:${objectVersion}: ${text}`;
}

/** What today's provider says of a login that lacks what it needs, before it asks for any object. */
export const loginPrefix = "failed to build auth config for mode ";

/** What today's provider says when the driver sent no token that it can use. */
export function missingToken({ identity }: Pick<AzureInstance, "identity">, bringsOthers: boolean): string {
	if (identity === "binding") {
		const notFound = `failed to parse service account token for identity binding, error: token for audience ${audiences.binding} not found`;
		return `${mountPrefix}${loginPrefix}AzureTokenProxy: ${bringsOthers ? notFound : "service account tokens are required for identity binding"}`;
	}
	const cause = bringsOthers ? `token for audience ${audiences.exchange} not found` : "service account tokens not found";
	return `${mountPrefix}${loginPrefix}None: failed to parse workload identity tokens, error: ${cause}`;
}
