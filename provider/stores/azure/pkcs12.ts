import { createHmac, timingSafeEqual } from "node:crypto";
import { decryptPart, type Opening } from "./pkcs12-decrypt.ts";
import { Der, Pkcs12Error } from "./pkcs12-der.ts";
import { type Digest, KeyDerivation, type NoPassword, purposes } from "./pkcs12-key.ts";

/** What a container holds, in its order. */
export interface Pkcs12Contents {
	/** PKCS#8 PrivateKeyInfo, DER. */
	readonly keys: readonly Buffer[];
	/** X.509, DER. */
	readonly certificates: readonly Buffer[];
}

/** Source: RFC 2315 §14, RFC 7292 §4.2, RFC 2985 §5.4. */
const contentTypes = { data: "1.2.840.113549.1.7.1", encrypted: "1.2.840.113549.1.7.6" } as const;
const bagTypes = {
	key: "1.2.840.113549.1.12.10.1.1",
	shroudedKey: "1.2.840.113549.1.12.10.1.2",
	certificate: "1.2.840.113549.1.12.10.1.3",
	nested: "1.2.840.113549.1.12.10.1.6",
} as const;
const x509Certificate = "1.2.840.113549.1.9.22.1";

const macDigests: ReadonlyMap<string, readonly [Digest, length: number]> = new Map([
	["1.3.14.3.2.26", ["sha1", 20]],
	["2.16.840.1.101.3.4.2.4", ["sha224", 28]],
	["2.16.840.1.101.3.4.2.1", ["sha256", 32]],
	["2.16.840.1.101.3.4.2.2", ["sha384", 48]],
	["2.16.840.1.101.3.4.2.3", ["sha512", 64]],
]);

/** A container has two or three parts, and a part a dozen bags at most. */
const maximumParts = 100;

/**
 * Opens a PKCS#12 container without a password (RFC 7292), encrypted with 3DES, RC2 or AES.
 *
 * The structure is read here and not by a library, because those known do not bound the work that a container asks for
 * (a container can name four billion rounds), or know no ciphers but AES.
 *
 * @throws Pkcs12Error when it is none, has a password, or asks for too much
 */
export async function openPkcs12(container: Buffer): Promise<Pkcs12Contents> {
	const [, authenticated, mac] = Der.parse(container).elements;
	if (authenticated === undefined || authenticated.at(0).oid !== contentTypes.data)
		throw new Pkcs12Error("is no PKCS#12 container, or a signed one");
	const safe = authenticated.at(1).at(0).bytes;
	const derivation = new KeyDerivation();
	const open = (password: NoPassword) => readParts(Der.parse(safe), { derivation, password });
	if (mac !== undefined) return open(findPassword(mac, safe, derivation));
	return open("empty-text").catch(() => open("nothing"));
}

/** The way without a password by which the container's own check comes out right. */
function findPassword(mac: Der, safe: Buffer, derivation: KeyDerivation): NoPassword {
	const [digestInfo, salt, iterations] = mac.elements;
	if (digestInfo === undefined || salt === undefined) throw new Pkcs12Error("has a check that is none");
	const { oid } = digestInfo.at(0).at(0);
	const [digest, length] = macDigests.get(oid) ?? [];
	if (digest === undefined || length === undefined) throw new Pkcs12Error(`has a check that is not known here (${oid})`);
	const expected = digestInfo.at(1).bytes;
	const parts = { digest, salt: salt.bytes, iterations: iterations?.integer ?? 1, length };
	const isRight = (password: NoPassword) => {
		const made = createHmac(digest, derivation.legacy(parts, purposes.mac, password))
			.update(safe)
			.digest();
		return made.length === expected.length && timingSafeEqual(made, expected);
	};
	if (isRight("empty-text")) return "empty-text";
	if (isRight("nothing")) return "nothing";
	throw new Pkcs12Error("has a password, or is damaged");
}

async function readParts(safe: Der, opening: Opening): Promise<Pkcs12Contents> {
	const parts = safe.elements;
	if (parts.length > maximumParts) throw new Pkcs12Error("has too many parts");
	const found: Found = { keys: [], certificates: [] };
	for (const part of parts) await readBags(Der.parse(await contentOf(part, opening)), opening, found);
	return found;
}

interface Found {
	readonly keys: Buffer[];
	readonly certificates: Buffer[];
}

/** Source: RFC 2315 §7 and §13. */
async function contentOf(part: Der, opening: Opening): Promise<Buffer> {
	const [type, content] = [part.at(0).oid, part.at(1).at(0)];
	if (type === contentTypes.data) return content.bytes;
	if (type !== contentTypes.encrypted) throw new Pkcs12Error(`has a part of a kind that is not known here (${type})`);
	const encrypted = content.at(1);
	return decryptPart(encrypted.at(1), encrypted.at(2).bytes, opening);
}

async function readBags(contents: Der, opening: Opening, found: Found): Promise<void> {
	const bags = contents.elements;
	if (bags.length > maximumParts) throw new Pkcs12Error("has too many parts");
	for (const bag of bags) {
		const [type, value] = [bag.at(0).oid, bag.at(1).at(0)];
		// Bags inside bags are as deep as the reader of DER lets them be.
		if (type === bagTypes.nested) await readBags(value, opening, found);
		else if (type === bagTypes.key) found.keys.push(value.encoded);
		else if (type === bagTypes.shroudedKey) found.keys.push(await decryptPart(value.at(0), value.at(1).bytes, opening));
		else if (type === bagTypes.certificate && value.at(0).oid === x509Certificate) found.certificates.push(value.at(1).at(0).bytes);
	}
}
