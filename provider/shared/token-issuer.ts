import type { Secret } from "./secret.ts";

/**
 * The issuer that a service account token names, which is no secret, for messages that tell whom a cloud has to trust;
 * `https://ISSUER` for a token that names none, which the cloud says too. Nothing is verified.
 */
export function issuerOf(token: Secret): string {
	const payload = token.reveal().toString("latin1").split(".", 3)[1] ?? "";
	try {
		const { iss } = JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as { iss?: unknown };
		if (typeof iss === "string" && /^https:\/\/[\w./:-]{1,200}$/.test(iss)) return iss;
	} catch {
		// It is no token.
	}
	return "https://ISSUER";
}
