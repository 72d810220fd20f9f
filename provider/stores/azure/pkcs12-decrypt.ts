import { createDecipheriv } from "node:crypto";
import rc2 from "node-forge/lib/rc2.js";
import util from "node-forge/lib/util.js";
import { type Der, Pkcs12Error } from "./pkcs12-der.ts";
import { type Digest, type KeyDerivation, type NoPassword, purposes } from "./pkcs12-key.ts";

/** A cipher with the key derived as PKCS#12 does. */
interface LegacyCipher {
	readonly name: string;
	readonly keyLength: number;
	decrypt(key: Buffer, initializationVector: Buffer, encrypted: Buffer): Buffer;
}

/** Source: RFC 7292, appendix C. RC4, which it has too, no tool has used for long. */
const legacyCiphers: ReadonlyMap<string, LegacyCipher> = new Map([
	["1.2.840.113549.1.12.1.3", { name: "3DES", keyLength: 24, decrypt: decryptTripleDes }],
	["1.2.840.113549.1.12.1.4", { name: "3DES with two keys", keyLength: 16, decrypt: decryptTripleDes }],
	["1.2.840.113549.1.12.1.5", { name: "RC2-128", keyLength: 16, decrypt: decryptRc2 }],
	["1.2.840.113549.1.12.1.6", { name: "RC2-40", keyLength: 5, decrypt: decryptRc2 }],
]);

const modernScheme = "1.2.840.113549.1.5.13";
const keyDerivationFunction = "1.2.840.113549.1.5.12";

/** Source: RFC 8018, appendix B.2, and NIST's register of algorithms. */
const modernCiphers: ReadonlyMap<string, { readonly name: string; readonly keyLength: number }> = new Map([
	["1.2.840.113549.3.7", { name: "des-ede3-cbc", keyLength: 24 }],
	["2.16.840.1.101.3.4.1.2", { name: "aes-128-cbc", keyLength: 16 }],
	["2.16.840.1.101.3.4.1.22", { name: "aes-192-cbc", keyLength: 24 }],
	["2.16.840.1.101.3.4.1.42", { name: "aes-256-cbc", keyLength: 32 }],
]);

/** Source: RFC 8018, appendix B.1. */
const pseudorandomFunctions: ReadonlyMap<string, Digest> = new Map([
	["1.2.840.113549.2.7", "sha1"],
	["1.2.840.113549.2.8", "sha224"],
	["1.2.840.113549.2.9", "sha256"],
	["1.2.840.113549.2.10", "sha384"],
	["1.2.840.113549.2.11", "sha512"],
]);

/** What the parts of one container are opened with. */
export interface Opening {
	readonly derivation: KeyDerivation;
	readonly password: NoPassword;
}

/**
 * Decrypts a part of a container.
 *
 * @param algorithm AlgorithmIdentifier that says how it is encrypted
 * @throws Pkcs12Error when the cipher is another than those above, or the password
 */
export async function decryptPart(algorithm: Der, encrypted: Buffer, opening: Opening): Promise<Buffer> {
	const scheme = algorithm.at(0).oid;
	if (scheme === modernScheme) return decryptModern(algorithm.at(1), encrypted, opening);
	const cipher = legacyCiphers.get(scheme);
	if (cipher === undefined) throw new Pkcs12Error(`is encrypted in a way that is not known here (${scheme})`);
	const [salt, iterations] = [algorithm.at(1).at(0).bytes, algorithm.at(1).at(1).integer];
	const { derivation, password } = opening;
	const parts = { digest: "sha1", salt, iterations } as const;
	const key = derivation.legacy({ ...parts, length: cipher.keyLength }, purposes.key, password);
	const initializationVector = derivation.legacy({ ...parts, length: 8 }, purposes.initializationVector, password);
	return openedWith(cipher.name, () => cipher.decrypt(key, initializationVector, encrypted));
}

async function decryptModern(parameters: Der, encrypted: Buffer, { derivation }: Opening): Promise<Buffer> {
	const [derived, scheme] = [parameters.at(0), parameters.at(1)];
	const cipher = modernCiphers.get(scheme.at(0).oid);
	if (cipher === undefined) throw new Pkcs12Error(`is encrypted with a cipher that is not known here (${scheme.at(0).oid})`);
	if (derived.at(0).oid !== keyDerivationFunction)
		throw new Pkcs12Error(`derives its key in a way that is not known here (${derived.at(0).oid})`);
	const [salt, iterations, ...optional] = derived.at(1).elements;
	if (salt === undefined || iterations === undefined) throw new Pkcs12Error("does not say how its key is derived");
	const digest = digestOf(optional.find((parameter) => !parameter.isInteger));
	const key = await derivation.modern({ digest, salt: salt.bytes, iterations: iterations.integer, length: cipher.keyLength });
	const initializationVector = scheme.at(1).bytes;
	return openedWith(cipher.name, () => decipher(cipher.name, key, initializationVector, encrypted));
}

function digestOf(algorithm: Der | undefined): Digest {
	if (algorithm === undefined) return "sha1";
	const { oid } = algorithm.at(0);
	const digest = pseudorandomFunctions.get(oid);
	if (digest === undefined) throw new Pkcs12Error(`derives its key with a digest that is not known here (${oid})`);
	return digest;
}

/** A wrong key shows as wrong padding. */
function openedWith(name: string, decrypt: () => Buffer): Buffer {
	try {
		return decrypt();
	} catch {
		throw new Pkcs12Error(`cannot be decrypted (${name}): it has a password, or is damaged`);
	}
}

function decryptTripleDes(key: Buffer, initializationVector: Buffer, encrypted: Buffer): Buffer {
	return decipher("des-ede3-cbc", key.length === 16 ? Buffer.concat([key, key.subarray(0, 8)]) : key, initializationVector, encrypted);
}

function decipher(name: string, key: Buffer, initializationVector: Buffer, encrypted: Buffer): Buffer {
	const cipher = createDecipheriv(name, key, initializationVector);
	return Buffer.concat([cipher.update(encrypted), cipher.final()]);
}

/** OpenSSL 3 has RC2 no more; Windows and older tools still encrypt certificates with it. */
function decryptRc2(key: Buffer, initializationVector: Buffer, encrypted: Buffer): Buffer {
	const cipher = rc2.createDecryptionCipher(key.toString("latin1"), key.length * 8);
	cipher.start(initializationVector.toString("latin1"));
	cipher.update(util.createBuffer(encrypted.toString("latin1")));
	if (!cipher.finish()) throw new Error("wrong padding");
	return Buffer.from(cipher.output.getBytes(), "latin1");
}
