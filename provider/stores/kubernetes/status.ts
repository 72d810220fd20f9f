import { isJsonObject, JsonError, type JsonObject, type JsonValue, jsonMember, parseJson } from "../../shared/json.ts";

/** What an API server says of a request that it does not carry out (meta/v1 Status). */
export interface ApiStatus {
	/** Such as `NotFound`; empty when it says none, or something that is no reason. */
	readonly reason: string;
	/** The kind of thing it is about, such as `secrets`. */
	readonly about: string;
}

/** Reasons are words. What is anything else may be an echo of what was sent. */
const reasonForm = /^[A-Z][A-Za-z]{1,39}$/;

/** Reads an object from an answer; undefined when it is no JSON object. */
export function readObject(body: Buffer): JsonObject | undefined {
	try {
		const value: JsonValue = parseJson(body.toString("utf8"));
		return isJsonObject(value) ? value : undefined;
	} catch (error) {
		if (error instanceof JsonError) return undefined;
		throw error;
	}
}

/** Reads a Status; undefined when the answer is of something else than an API server, such as a proxy on the way. */
export function readStatus(body: Buffer): ApiStatus | undefined {
	const object = readObject(body);
	if (object === undefined || textOf(object, "kind") !== "Status") return undefined;
	const details = jsonMember(object, "details");
	const reason = textOf(object, "reason");
	return { reason: reasonForm.test(reason) ? reason : "", about: isJsonObject(details) ? textOf(details, "kind") : "" };
}

/** A text member; empty when there is none. */
export function textOf(object: JsonObject, key: string): string {
	const value = jsonMember(object, key);
	return typeof value === "string" ? value : "";
}
