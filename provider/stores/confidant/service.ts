import { isRegion } from "../../aws/regions.ts";
import { isJsonObject, type JsonObject, type JsonValue, jsonMember, parseJsonObject, stringifyJson } from "../../shared/json.ts";

/** A service with what is mapped to it. Source: Confidant 7.0.0, `GET /v1/services/{id}`. */
export interface Service {
	readonly enabled: boolean;
	readonly credentials: readonly Credential[];
}

export type Credential = PlainCredential | BlindCredential;

/** The server makes ids of 32 digits. What is anything else is not repeated in messages as one. */
const idForm = /^[\w.-]{1,64}$/;

interface CommonParts {
	readonly id: string;
	readonly name: string;
	/** The server answers with disabled ones too: to take them for gone is the client's part. */
	readonly enabled: boolean;
}

/** A credential that the server has decrypted. */
export interface PlainCredential extends CommonParts {
	readonly kind: "plain";
	readonly pairs: JsonObject;
}

/** A credential that was encrypted where it was written; the server cannot open it. */
export interface BlindCredential extends CommonParts {
	readonly kind: "blind";
	/** Such as `fernet 2`: the cipher with its version. */
	readonly cipher: string;
	/** What it holds in one region; undefined where it was not encrypted for that region. */
	sealed(region: string): SealedPairs | undefined;
	/** Where it can be opened. */
	readonly regions: readonly string[];
}

/** The pairs of a blind credential, as one region has them. */
export interface SealedPairs {
	/** A Fernet token around the pairs as JSON. */
	readonly token: string;
	/** What KMS decrypts to the token's key, in base64. */
	readonly dataKey: string;
	readonly context: Readonly<Record<string, string>>;
}

/** Reads the answer for a service; undefined when it is none. The type that the answer claims does not count: servers up to 6.6.1 say `text/html`. */
export function parseService(body: Buffer, id: string): Service | undefined {
	const answer = parseJsonObject(body);
	if (answer === undefined || jsonMember(answer, "id") !== id) return undefined;
	const enabled = jsonMember(answer, "enabled");
	const plain = readList(jsonMember(answer, "credentials"), readPlain);
	const blind = readList(jsonMember(answer, "blind_credentials"), readBlind);
	if (typeof enabled !== "boolean" || plain === undefined || blind === undefined) return undefined;
	return { enabled, credentials: [...plain, ...blind] };
}

function readList<Item>(value: JsonValue | undefined, read: (object: JsonObject) => Item | undefined): readonly Item[] | undefined {
	if (!Array.isArray(value)) return undefined;
	const items = value.map((entry: JsonValue) => (isJsonObject(entry) ? read(entry) : undefined));
	return items.every((item) => item !== undefined) ? items : undefined;
}

function readCommon(object: JsonObject): CommonParts | undefined {
	const [id, name, enabled] = ["id", "name", "enabled"].map((key) => jsonMember(object, key));
	if (typeof id !== "string" || !idForm.test(id) || typeof name !== "string" || typeof enabled !== "boolean") return undefined;
	return { id, name, enabled };
}

function readPlain(object: JsonObject): PlainCredential | undefined {
	const common = readCommon(object);
	const pairs = jsonMember(object, "credential_pairs");
	return common === undefined || !isJsonObject(pairs) ? undefined : { ...common, kind: "plain", pairs };
}

function readBlind(object: JsonObject): BlindCredential | undefined {
	const common = readCommon(object);
	if (common === undefined) return undefined;
	const [tokens, dataKeys, metadata] = ["credential_pairs", "data_key", "metadata"].map((key) => objectIn(object, key));
	const contexts = metadata === undefined ? undefined : objectIn(metadata, "context");
	return {
		...common,
		kind: "blind",
		cipher: ["cipher_type", "cipher_version"].map((key) => textOf(jsonMember(object, key))).join(" "),
		regions: Object.keys(dataKeys ?? {}).filter(isRegion),
		sealed(region) {
			const token = tokens && jsonMember(tokens, region);
			const dataKey = dataKeys && jsonMember(dataKeys, region);
			if (typeof token !== "string" || typeof dataKey !== "string") return undefined;
			return { token, dataKey, context: readContext(contexts && objectIn(contexts, region)) };
		},
	};
}

function readContext(pairs: JsonObject | undefined): Readonly<Record<string, string>> {
	return Object.fromEntries(Object.entries(pairs ?? {}).map(([key, value]) => [key, textOf(value)]));
}

/** A text as it is, anything else as JSON. */
function textOf(value: JsonValue | undefined): string {
	return typeof value === "string" || value === undefined ? (value ?? "") : stringifyJson(value);
}

function objectIn(object: JsonObject, key: string): JsonObject | undefined {
	const member = jsonMember(object, key);
	return isJsonObject(member) ? member : undefined;
}
