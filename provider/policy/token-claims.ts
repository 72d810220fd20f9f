import { ProviderError } from "../errors.ts";
import { quote } from "../plan/fields.ts";
import type { Pod } from "../plan/mount-request.ts";
import type { Secret } from "../shared/secret.ts";

/** The claims of a bound service account token that policy compares (KEP-1205, `kubernetes.io` private claim). */
export interface TokenClaims {
	readonly audiences: readonly string[];
	readonly issuer: string;
	/** Seconds since 1970. */
	readonly expiresAt: number;
	readonly namespace: string;
	readonly serviceAccount: string;
	readonly podUid: string | undefined;
}

/** Three texts in base64url (RFC 7515, section 3.1). */
const compactForm = /^[\w-]+\.([\w-]+)\.[\w-]*$/;
/** ECMAScript, "Time Values". */
const latestSeconds = 8.64e12;

/** A token that ended this long ago is still taken: clocks of node and control plane differ. */
const clockToleranceSeconds = 10;

/**
 * Reads a token's claims without verifying its signature.
 *
 * @throws ProviderError `unidentified` when it is no bound service account token; the text never shows it
 */
export function decodeTokenClaims(token: Secret, audience: string): TokenClaims {
	const payload = decodePayload(token);
	const kubernetes = recordOf(payload?.["kubernetes.io"]);
	const namespace = kubernetes?.["namespace"];
	const serviceAccount = recordOf(kubernetes?.["serviceaccount"])?.["name"];
	const expiresAt = payload?.["exp"];
	if (typeof namespace !== "string" || typeof serviceAccount !== "string" || !isTime(expiresAt)) {
		throw new ProviderError(
			"unidentified",
			`What came as the token for audience ${quote(audience)} is not a bound service account token.`,
			{
				remedy: "Let kubelet supply it: list the audience under spec.tokenRequests of the CSIDriver secrets-store.csi.k8s.io.",
				rule: "unbound-token",
			},
		);
	}
	const aud = payload?.["aud"];
	const audiences = Array.isArray(aud) ? aud.filter((entry) => typeof entry === "string") : typeof aud === "string" ? [aud] : [];
	const issuer = payload?.["iss"];
	const podUid = recordOf(kubernetes?.["pod"])?.["uid"];
	return {
		audiences,
		issuer: typeof issuer === "string" ? issuer : "",
		expiresAt,
		namespace,
		serviceAccount,
		podUid: typeof podUid === "string" ? podUid : undefined,
	};
}

/** The audiences of the API server, as the pod's token for it tells them; none where no such token came along. */
export function apiServerAudiences(tokens: ReadonlyMap<string, Secret>): readonly string[] {
	const token = tokens.get("");
	const audiences = token === undefined ? undefined : decodePayload(token)?.["aud"];
	return Array.isArray(audiences) ? audiences.filter((entry) => typeof entry === "string") : [];
}

/** Whether a token is for an audience alone. Which audiences the API server's own tokens have, it decides by itself, and looks at. */
function isFor(audience: string, claims: TokenClaims): boolean {
	return audience === "" || (claims.audiences.length === 1 && claims.audiences[0] === audience);
}

/**
 * Compares a token with the pod that kubelet mounts for: a pod author can put a token into the
 * volume's attributes, but not change what kubelet says of the pod.
 *
 * @throws ProviderError `unidentified`
 */
export function compareWithPod(claims: TokenClaims, audience: string, pod: Pod, allowUnbound: boolean): void {
	const name = `The token for audience ${quote(audience)}`;
	if (!isFor(audience, claims)) throw mismatch(`${name} was not issued for this audience alone.`);
	if (claims.expiresAt + clockToleranceSeconds < Date.now() / 1000) {
		throw new ProviderError("unidentified", `${name} has expired.`, {
			remedy: "kubelet brings a fresh one at its next sync; check the node's clock if it does not.",
			rule: "expired-token",
		});
	}
	if (claims.namespace !== pod.namespace || claims.serviceAccount !== pod.serviceAccount) {
		throw mismatch(
			`${name} belongs to service account ${claims.namespace}/${claims.serviceAccount}, but the pod runs as ${pod.namespace}/${pod.serviceAccount}.`,
		);
	}
	if (claims.podUid === undefined && allowUnbound) return;
	if (claims.podUid !== pod.uid) {
		throw mismatch(
			`${name} is bound to ${claims.podUid === undefined ? "no pod" : "another pod"} than the one it came with (${pod.namespace}/${pod.name}).`,
		);
	}
}

function mismatch(message: string): ProviderError {
	return new ProviderError("unidentified", message, {
		remedy: "Remove tokens from the pod's volumeAttributes and let kubelet supply them.",
		rule: "foreign-token",
	});
}

/** Seconds since 1970 that a date can have. */
function isTime(value: unknown): value is number {
	return typeof value === "number" && Math.abs(value) <= latestSeconds;
}

/**
 * Whatever else a pod's author writes behind a good payload would go on into headers and forms: the signature may be
 * nobody's business here, its letters are.
 */
function decodePayload(token: Secret): Readonly<Record<string, unknown>> | undefined {
	const [, part] = compactForm.exec(token.reveal().toString("latin1")) ?? [];
	if (part === undefined) return undefined;
	try {
		return recordOf(JSON.parse(Buffer.from(part, "base64url").toString("utf8")));
	} catch {
		return undefined;
	}
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
	return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
}
