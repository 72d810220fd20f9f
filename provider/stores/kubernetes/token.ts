import type { Secret } from "../../shared/secret.ts";

/**
 * When a service account token ends, by its claim `exp` (RFC 7519 §4.1.4). Policy has read the token before, so it is one.
 */
export function tokenEnd(token: Secret): Date {
	const payload = token.reveal().toString("latin1").split(".", 3)[1] ?? "";
	try {
		const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
		const seconds = typeof claims === "object" && claims !== null && "exp" in claims ? Number(claims.exp) : Number.NaN;
		return new Date(Number.isFinite(seconds) ? seconds * 1000 : 0);
	} catch {
		return new Date(0);
	}
}

/** The header that carries it. */
export function bearer(token: Secret): string {
	return `Bearer ${token.reveal().toString("latin1")}`;
}
