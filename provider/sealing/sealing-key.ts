import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";

/** One of the installation's keys: its public half seals values, its private half opens them. */
export interface SealingKey {
	/** The JWK thumbprint (RFC 7638; for X25519 RFC 8037, section 2): 43 characters that any tool finds from the public half. */
	readonly id: string;
	readonly key: KeyObject;
}

/** Reads the public half: PEM of SubjectPublicKeyInfo (RFC 8410). @returns why it is none, as a clause */
export function readPublicKey(pem: string): SealingKey | string {
	// Node would make a public key of a private one, and nobody would notice where it lies.
	if (pem.includes("PRIVATE KEY-----")) return "holds a private key, which belongs to the provider alone";
	return readKey(() => createPublicKey(pem), "is no public key in PEM");
}

/** Reads the private half: PEM of PKCS #8 (RFC 8410), not encrypted. @returns why it is none, as a clause */
export function readPrivateKey(pem: string): SealingKey | string {
	return readKey(() => createPrivateKey(pem), "is no private key in PEM");
}

function readKey(read: () => KeyObject, problem: string): SealingKey | string {
	try {
		const key = read();
		if (key.asymmetricKeyType !== "x25519") return `holds a key of ${key.asymmetricKeyType ?? "another kind"}; only X25519 seals values`;
		return { id: thumbprint(key), key };
	} catch {
		return problem;
	}
}

function thumbprint(key: KeyObject): string {
	const { crv, kty, x } = key.export({ format: "jwk" });
	// The members in this order, without spaces: RFC 7638, section 3.
	return createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("base64url");
}
