import { audiences } from "../../aws/endpoints.ts";
import type { AwsInstance } from "./instance.ts";
import type { AwsRef } from "./ref.ts";

/**
 * What today's provider says of an object that it could not fetch for any reason that is not final to it: a denial,
 * throttling, an outage, a part that is not there. Undefined for what it does not know at all.
 *
 * @param name the object's name as written
 */
export function notFetched({ kind }: AwsRef, name: string): string | undefined {
	if (kind === "parameter") return "Failed to fetch parameters from all regions.";
	if (kind !== "secret") return undefined;
	return `Failed to fetch secret from all regions. Verify secret exists and required permissions are granted for: ${name}`;
}

/** What today's provider says when the driver sent no token that it can use. */
export function missingToken({ identity }: Pick<AwsInstance, "identity">, bringsOthers: boolean): string {
	if (!bringsOthers) {
		const remedy = "ensure tokenRequests is configured in CSIDriver";
		return `CSI token error: serviceAccount.tokens not provided - ${remedy} - ${remedy} spec`;
	}
	const way = identity === "pod" ? "Pod Identity" : "IRSA";
	return `${way} token extraction failed: token for audience "${audiences[identity]}" not found - ensure tokenRequests includes this audience in CSIDriver`;
}
