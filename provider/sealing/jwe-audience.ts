import type { Jwe } from "./jwe.ts";
import type { SealedFor, Workload } from "./workload.ts";

/** What of a JWE's protected header says whom it is for. Both may stand there by RFC 7519, section 5.3. */
export interface AudienceHeader {
	readonly aud?: string;
	readonly sub?: string;
}

/** The header of a value: `aud` is `<namespace>/<service account>`, or `<namespace>/*`, and `sub` the object. */
export function audienceHeader({ kind, namespace, serviceAccount, object }: SealedFor): AudienceHeader {
	switch (kind) {
		case "object":
			return { aud: `${namespace}/${serviceAccount}`, sub: object };
		case "serviceAccount":
			return { aud: `${namespace}/${serviceAccount}` };
		case "namespace":
			return { aud: `${namespace}/*` };
		case "none":
			return {};
	}
}

/** Whether a JWE says nothing of whose pods it is for. */
export function isUnbound({ audiences }: Pick<Jwe, "audiences">): boolean {
	return audiences.length === 0;
}

/** Whether a JWE is for these pods, as far as it says so; its tag alone proves it. */
export function isFor({ audiences }: Pick<Jwe, "audiences">, { namespace, serviceAccount }: Workload): boolean {
	// Neither name holds a slash, and no service account is called `*`.
	return audiences.length === 0 || audiences.includes(`${namespace}/${serviceAccount}`) || audiences.includes(`${namespace}/*`);
}
