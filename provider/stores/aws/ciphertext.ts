import type { Faults } from "../../plan/faults.ts";
import { Fields, quote } from "../../plan/fields.ts";
import { decodeText } from "../../render/encoding.ts";
import { type BindingKind, bindings, pairProblem, pairsProblem } from "../../sealing/binding.ts";
import { ivLength, tagLength } from "../../sealing/envelope.ts";
import { kmsKeyRemedy, readKmsKeyName } from "../../sealing/kms-key.ts";
import type { AwsEntry } from "./entry.ts";
import type { AwsInstance } from "./instance.ts";
import { type CiphertextRef, makeAwsRef } from "./ref.ts";

/** KMS API reference, Decrypt: the length of `CiphertextBlob`. */
const maximumBlobLength = 6144;
/** KMS API reference, Decrypt: the number of `GrantTokens`, and the length of each. */
const maximumGrantTokens = 10;
const maximumGrantTokenLength = 8192;
const sealRemedy = "Make the entry with `claviger seal kms`.";

/** The fields of an entry of type `kms` in the dialect `aws` that no other type has, besides `failoverObject.keyId`. */
export const ciphertextFields = ["keyId", "ciphertext", "envelope", "context", "bind", "grantTokens"] as const;

/** What a ciphertext's fields are read against. */
export type CiphertextPlace = Pick<AwsInstance, "region" | "failoverRegion" | "allowUnboundKms">;

/**
 * How long a decrypted value is kept before KMS is asked again, in seconds. A ciphertext changes only with its
 * SecretProviderClass, so asking anew serves one purpose: that a withdrawn right to the key takes effect.
 */
export const kmsRefreshSeconds = 3600;

/**
 * Reads an entry of the native dialect: `keyId`, `ciphertext` or `envelope`, `context`, `bind`, `grantTokens`; the name
 * that the value was sealed under as `path` (default: the entry's `name`), and the key in the failover region as
 * `failover.keyId`.
 */
export function readCiphertext(fields: Fields, place: CiphertextPlace): CiphertextRef {
	const path = fields.text("path");
	if (path === "") fields.reject("path", "is empty", "Write the name that the value was sealed under.");
	const objectName = path ?? fields.text("name") ?? "";
	const failover = fields.mapping("failover");
	const ref = readSealedValue(fields, { objectName, failover, encoding: "utf-8" }, place);
	failover?.done();
	return ref;
}

/** The parts of an entry of the dialect `aws` that say where a ciphertext is and how it opens. */
export type CiphertextEntry = Pick<AwsEntry, "path" | "objectName" | "encoding" | "ciphertext"> & {
	readonly failover: Pick<AwsEntry["failover"], "keyId">;
};

/** Reads an entry of type `kms` of the dialect `aws`, whose unknown fields have been passed over. */
export function readCiphertextObject(entry: CiphertextEntry, place: CiphertextPlace, faults: Faults): CiphertextRef {
	const { path, objectName, ciphertext, failover } = entry;
	const encodingEntry: [string, string][] = entry.encoding === "" ? [] : [["encoding", entry.encoding]];
	const fields = new Fields(new Map([...ciphertext, ...encodingEntry]), path, faults);
	const encoding = fields.oneOf("encoding", ["utf-8", "base64", "hex"], "utf-8");
	const keys = new Map(failover.keyId === undefined ? [] : [["keyId", failover.keyId] as const]);
	return readSealedValue(fields, { objectName, failover: new Fields(keys, `${path}.failoverObject`, faults), encoding }, place);
}

/** What the dialects write differently. */
interface DialectParts {
	/** The name that the value was sealed under. */
	readonly objectName: string;
	/** What stands in for the entry in the failover region. */
	readonly failover: Fields | undefined;
	readonly encoding: CiphertextRef["encoding"];
}

/** Reads what both dialects write alike, and faults what KMS, or we, would refuse. */
function readSealedValue(fields: Fields, { objectName, failover, encoding }: DialectParts, place: CiphertextPlace): CiphertextRef {
	return makeAwsRef({
		kind: "ciphertext",
		keyId: readKeyId(fields, place.region, "region"),
		...readSealed(fields),
		context: readContext(fields, objectName),
		bind: readBind(fields, place),
		objectName,
		grantTokens: readGrantTokens(fields),
		encoding,
		failoverKeyId: readFailoverKeyId(failover, place.failoverRegion),
	});
}

function readKeyId(fields: Fields, region: string, whichRegion: string): string {
	const text = fields.required("keyId", kmsKeyRemedy);
	if (text === "") return text;
	const name = readKmsKeyName(text);
	if (name === undefined) fields.reject("keyId", `is ${quote(text)}, which names no key`, kmsKeyRemedy);
	// An empty region is the one that the node lies in.
	if (name?.region !== undefined && region !== "" && name.region !== region)
		fields.reject("keyId", `is a key of ${name.region}, and the ${whichRegion} is ${region}`, "Name the key in that region.");
	return text;
}

function readFailoverKeyId(failover: Fields | undefined, region: string | undefined): string | undefined {
	if (failover === undefined || !failover.has("keyId")) return undefined;
	if (region !== undefined) return readKeyId(failover, region, "failover region");
	failover.reject("keyId", "stands without a failover region", "Set the failover region, or remove it.");
	return failover.text("keyId");
}

function readSealed(fields: Fields): Pick<CiphertextRef, "blob" | "envelope"> {
	// Both are looked at, so that neither passes for a field that nobody knows.
	const [plain, enveloped] = [fields.node("ciphertext") !== undefined, fields.node("envelope") !== undefined];
	if (plain && enveloped) fields.reject("ciphertext", "stands beside envelope", "Keep one of the two.");
	if (!plain && !enveloped) fields.reject("ciphertext", "is missing, and so is envelope", sealRemedy);
	if (plain === enveloped) return { blob: Buffer.alloc(0), envelope: undefined };
	return plain ? { blob: readBlob(fields, "ciphertext"), envelope: undefined } : readEnvelope(fields);
}

function readEnvelope(fields: Fields): Pick<CiphertextRef, "blob" | "envelope"> {
	const envelope = fields.mapping("envelope");
	if (envelope === undefined) return { blob: Buffer.alloc(0), envelope: undefined };
	const part = (key: string, length: number): Buffer => {
		const bytes = readBytes(envelope, key);
		if (bytes !== undefined && bytes.length !== length) envelope.reject(key, `has ${bytes.length} bytes instead of ${length}`, sealRemedy);
		return bytes ?? Buffer.alloc(0);
	};
	const blob = readBlob(envelope, "dataKey");
	const iv = part("iv", ivLength);
	const data = readBytes(envelope, "data") ?? Buffer.alloc(0);
	const tag = part("tag", tagLength);
	envelope.done();
	return { blob, envelope: { iv, data, tag } };
}

function readBlob(fields: Fields, key: string): Buffer {
	const bytes = readBytes(fields, key);
	if (bytes === undefined) return Buffer.alloc(0);
	if (bytes.length === 0) fields.reject(key, "is empty", sealRemedy);
	if (bytes.length > maximumBlobLength)
		fields.reject(key, `has ${bytes.length} bytes; KMS takes ${maximumBlobLength}`, "Seal the value anew: a long one becomes an envelope.");
	return bytes;
}

/** Base64 with its padding (RFC 4648, section 4). Blanks and line breaks are allowed: long texts are folded. Undefined after a fault. */
function readBytes(fields: Fields, key: string): Buffer | undefined {
	if (!fields.has(key)) fields.reject(key, "is missing", sealRemedy);
	const text = fields.text(key);
	if (text === undefined) return undefined;
	const bytes = decodeText(text.replace(/[ \t]/g, ""), "base64");
	if (bytes === undefined) fields.reject(key, "is not base64", sealRemedy);
	return bytes;
}

function readContext(fields: Fields, objectName: string): ReadonlyMap<string, string> {
	const context = fields.mapping("context");
	const pairs = new Map<string, string>();
	for (const key of context?.keys() ?? []) {
		const value = context?.text(key) ?? "";
		const problem = pairProblem(key, value);
		if (problem !== undefined) context?.reject(quote(key).slice(1, -1), problem, "Remove the pair, or seal the value anew with another.");
		pairs.set(key, value);
	}
	const problem = pairsProblem(objectName, pairs);
	if (problem !== undefined) fields.reject("context", problem, "Shorten it and seal the value anew.");
	return pairs;
}

function readBind(fields: Fields, { allowUnboundKms }: CiphertextPlace): BindingKind {
	const kind = fields.oneOf("bind", bindings, "serviceAccount");
	if (kind === "none" && !allowUnboundKms)
		fields.reject(
			"bind",
			"is none, which the administrator does not allow",
			"Seal the value for its service account or namespace; or the administrator sets allowUnboundKms.",
		);
	return kind;
}

function readGrantTokens(fields: Fields): readonly string[] {
	const tokens = fields.texts("grantTokens");
	if (tokens.length > maximumGrantTokens)
		fields.reject("grantTokens", `has ${tokens.length} entries; KMS takes ${maximumGrantTokens}`, "Remove old ones.");
	for (const [index, token] of tokens.entries()) {
		if (token !== "" && token.length <= maximumGrantTokenLength) continue;
		fields.reject(`grantTokens[${index}]`, token === "" ? "is empty" : "is too long for a grant token", "Write what CreateGrant answered.");
	}
	return tokens;
}
