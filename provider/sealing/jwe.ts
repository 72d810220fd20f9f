import { isJsonArray, isJsonObject, JsonError, type JsonObject, type JsonValue, jsonMember, parseJson } from "../shared/json.ts";
import { decodeBase64Url } from "./base64url.ts";
import { type Envelope, ivLength, openEnvelope, tagLength } from "./envelope.ts";

/** The only algorithms of an envelope here. Source: RFC 7518, sections 4.3 and 5.3. */
export const jweAlgorithm = "RSA-OAEP-256";
export const jweEncryption = "A256GCM";

/** A value under a key of its own, which an RSA key has encrypted. Source: RFC 7516, compact serialization. */
export interface Jwe {
	/** The protected header as it is written: what the tag proves beside the data. */
	readonly header: string;
	/** `aud` of the header: whose pods it is for. */
	readonly audiences: readonly string[];
	/** `sub` of the header: the object that it is; undefined when it says nothing of it. */
	readonly subject: string | undefined;
	readonly encryptedKey: Buffer;
	readonly envelope: Envelope;
}

/** Whether a text is meant as a JWE, so that what is wrong with it is wrong with one. */
export function looksLikeJwe(text: string): boolean {
	return text.includes(".");
}

/** Takes a JWE apart. @returns why it is none that is opened here, as a clause */
export function parseJwe(text: string): Jwe | string {
	const parts = text.split(".");
	const [header = "", ...rest] = parts;
	const bytes = rest.map(decodeBase64Url);
	const [encryptedKey, iv, data, tag] = bytes;
	if (parts.length !== 5 || encryptedKey === undefined || iv === undefined || data === undefined || tag === undefined)
		return "is no JWE in compact form: five texts in base64url between dots";
	const fields = parseProtectedHeader(header);
	if (fields === undefined) return "is a JWE whose protected header is no JSON object";
	const problem = headerProblem(fields);
	if (problem !== undefined) return problem;
	if (iv.length !== ivLength || tag.length !== tagLength) return `is a JWE whose iv or tag has not the length of ${jweEncryption}`;
	const audience = textsOf(jsonMember(fields, "aud"));
	const subject = jsonMember(fields, "sub");
	if (audience === undefined) return "is a JWE whose aud is neither a text nor a list of texts";
	if (subject !== undefined && typeof subject !== "string") return "is a JWE whose sub is no text";
	return { header, audiences: audience, subject, encryptedKey, envelope: { iv, data, tag } };
}

/** Decrypts a JWE's data with its own key; undefined when they, or header and tag, do not belong together. */
export function openJwe(key: Buffer, { header, envelope }: Jwe): Buffer | undefined {
	return openEnvelope(key, envelope, Buffer.from(header, "ascii"));
}

/** The protected header of a JWE; undefined when it is no JSON object in base64url. */
export function parseProtectedHeader(header: string): JsonObject | undefined {
	const bytes = decodeBase64Url(header);
	if (bytes === undefined) return undefined;
	try {
		const value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
		return isJsonObject(value) ? value : undefined;
	} catch (error) {
		if (error instanceof JsonError || error instanceof TypeError) return undefined;
		throw error;
	}
}

function headerProblem(fields: JsonObject): string | undefined {
	if (jsonMember(fields, "alg") !== jweAlgorithm) return `is a JWE whose alg is not ${jweAlgorithm}`;
	if (jsonMember(fields, "enc") !== jweEncryption) return `is a JWE whose enc is not ${jweEncryption}`;
	// What is compressed may be huge, and what `crit` names would have to be understood (RFC 7516, section 4.1).
	const further = ["zip", "crit"].find((name) => jsonMember(fields, name) !== undefined);
	return further === undefined ? undefined : `is a JWE with ${further}, which is not read here`;
}

function textsOf(value: JsonValue | undefined): readonly string[] | undefined {
	if (value === undefined) return [];
	if (typeof value === "string") return [value];
	const isList = isJsonArray(value) && value.every((entry) => typeof entry === "string");
	return isList ? value : undefined;
}
