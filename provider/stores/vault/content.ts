import { ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import { type Encoding, GoDecodeError, goDecode } from "../../shared/go-encoding.ts";
import { goJson } from "../../shared/go-json.ts";
import { isJsonObject, type JsonObject, type JsonValue, jsonMember, parseJsonObject } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import type { Found } from "../store.ts";

/** The server's whole answer as a value. Its parsed form comes along, so that the recipes need not parse it again. */
export class WholeAnswer extends Secret {
	readonly #envelope: JsonObject;

	constructor(body: Buffer, envelope: JsonObject) {
		super(body);
		this.#envelope = envelope;
	}

	get envelope(): JsonObject {
		return this.#envelope;
	}
}

/** What the native dialect calls the secret: the data, without the wrapping that KV v2 puts round it. */
export function secretData(data: JsonObject): JsonValue {
	const inner = jsonMember(data, "data");
	const isVersioned = Object.keys(data).length === 2 && isJsonObject(inner) && isJsonObject(jsonMember(data, "metadata"));
	return isVersioned ? inner : data;
}

/** What an object of a compatible dialect takes from the answer. */
export interface Selection {
	/** For messages: the object's `secretPath` as written. */
	readonly secretPath: string;
	/** One literal key; empty: the whole answer. */
	readonly secretKey: string;
	readonly encoding: Encoding;
}

/**
 * The bytes of an object's file.
 *
 * @throws ProviderError `invalid` when the key is missing or the value is not in the encoding
 */
export function objectContent(found: Found, selection: Selection): Buffer {
	const envelope = found.value instanceof WholeAnswer ? found.value.envelope : parseJsonObject(found.value.reveal());
	const data = envelope === undefined ? undefined : jsonMember(envelope, "data");
	if (envelope === undefined || !isJsonObject(data))
		throw new ProviderError("internal", "A value of the Vault store is no answer of Vault.");
	if (selection.secretKey === "") return Buffer.from(wholeAnswerText(envelope), "utf8");
	const value = jsonMember(unwrap(data), selection.secretKey);
	if (value === undefined) throw missingKey(selection);
	const text = typeof value === "string" ? value : goJson(value);
	return decode(text, selection);
}

/**
 * Today's providers take `data.data` for the secret whenever it is a mapping: that is KV v2, and a
 * KV v1 secret with a mapping under the key `data`.
 */
function unwrap(data: JsonObject): JsonObject {
	const inner = jsonMember(data, "data");
	return isJsonObject(inner) ? inner : data;
}

/** Fields that are left out of the whole answer when they are empty. */
const optionalMembers = ["auth", "wrap_info", "mount_type"];

/**
 * The whole answer in the order and form of today's providers. `request_id` is empty: it differs at
 * every read, and file and version must move only when the secret does.
 */
function wholeAnswerText(envelope: JsonObject): string {
	const member = (name: string, fallback: JsonValue) => `${JSON.stringify(name)}:${goJson(jsonMember(envelope, name) ?? fallback)}`;
	const optional = optionalMembers.filter((name) => (jsonMember(envelope, name) ?? "") !== "");
	const members = [
		'"request_id":""',
		member("lease_id", ""),
		member("lease_duration", 0),
		member("renewable", false),
		member("data", null),
		member("warnings", null),
		...optional.map((name) => member(name, null)),
	];
	return `{${members.join(",")}}`;
}

function decode(text: string, selection: Selection): Buffer {
	try {
		return goDecode(text, selection.encoding);
	} catch (error) {
		if (!(error instanceof GoDecodeError)) throw error;
		throw failure(
			selection,
			error.message,
			`the value of ${quote(selection.secretKey)} is not ${selection.encoding}`,
			"Correct the value or the encoding.",
		);
	}
}

function missingKey(selection: Selection): ProviderError {
	const clause = `has no key ${quote(selection.secretKey)}`;
	return failure(
		selection,
		`key "${selection.secretKey}" does not exist at the secret path`,
		clause,
		"Correct secretKey, or write the key.",
	);
}

function failure(selection: Selection, legacyClause: string, clause: string, remedy: string): ProviderError {
	return new ProviderError("invalid", `The secret at ${quote(selection.secretPath)}: ${clause}.`, {
		remedy,
		legacyText: `error making mount request: {${selection.secretPath}}: {${legacyClause}}`,
	});
}
