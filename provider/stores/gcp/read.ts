import { ProviderError } from "../../errors.ts";
import { decodeText } from "../../render/encoding.ts";
import { crc32c } from "../../shared/crc32c.ts";
import { isJsonObject, type JsonObject, jsonMember, parseJsonObject } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import { type Failed, type Identity, type Outcome, outcomeOf } from "../store.ts";
import { type CallContext, callApi } from "./api.ts";
import { answerError, type FailedRead, nonsense, unanswered } from "./failures.ts";
import { textOf } from "./google-error.ts";
import type { GcpInstance } from "./instance.ts";
import type { ParameterRef, SecretRef } from "./ref.ts";
import { partsOf } from "./resource.ts";
import type { Servers } from "./servers.ts";
import { serviceTitles } from "./words.ts";

/** What reading as one identity takes. */
export interface ReadParts {
	readonly instance: GcpInstance;
	readonly identity: Identity;
	readonly servers: Servers;
	readonly context: CallContext;
	/** The session's access token. */
	readonly token: Secret;
	/** Hears that Google does not take the token any more. */
	onEnded(): void;
}

/** Reads one version of a secret or parameter. Only the signal's reason is thrown. */
export async function readResource(ref: SecretRef | ParameterRef, parts: ReadParts, signal: AbortSignal): Promise<Outcome | Failed> {
	const read = failedRead(ref, parts);
	try {
		return { kind: "found", value: await fetchResource(ref, read, parts, signal), structure: "bytes" };
	} catch (reason) {
		signal.throwIfAborted();
		return outcomeOf(ProviderError.from(reason));
	}
}

async function fetchResource(ref: SecretRef | ParameterRef, read: FailedRead, parts: ReadParts, signal: AbortSignal): Promise<Secret> {
	const { servers, context, token: bearer } = parts;
	const action = ref.kind === "secret" ? "access" : "render";
	const path = `/v1/${ref.name.split("/").map(encodeURIComponent).join("/")}:${action}`;
	const call = { service: read.service, location: ref.location, path, bearer };
	const { status, body } = await callApi(servers, context, call, signal).catch((reason: unknown) => {
		throw unanswered(ProviderError.from(reason), read);
	});
	if (status === 401) parts.onEnded();
	if (status !== 200) throw answerError({ status, body }, read);
	return ref.kind === "secret" ? secretOf(parseJsonObject(body), read) : parameterOf(parseJsonObject(body), read);
}

/** The payload, which must be what the server's checksum says. Source: Secret Manager API v1, SecretPayload. */
function secretOf(answer: JsonObject | undefined, read: FailedRead): Secret {
	const payload = answer === undefined ? undefined : jsonMember(answer, "payload");
	// An empty payload is left out of the JSON.
	const data = isJsonObject(payload) ? decodeText(textOf(payload, "data"), "base64") : undefined;
	if (data === undefined || !isJsonObject(payload)) throw unusable(read, "it holds no payload");
	const checksum = jsonMember(payload, "dataCrc32c");
	if (checksum !== undefined && String(checksum) !== crc32c(data)) throw unusable(read, "its checksum does not fit its payload");
	return new Secret(data);
}

/** What the parameter holds, with the secrets that it refers to put in. It comes without a checksum. */
function parameterOf(answer: JsonObject | undefined, read: FailedRead): Secret {
	const rendered =
		answer === undefined || !textOf(answer, "parameterVersion") ? undefined : decodeText(textOf(answer, "renderedPayload"), "base64");
	if (rendered === undefined) throw unusable(read, "it holds no payload");
	return new Secret(rendered);
}

function unusable({ service, name }: FailedRead, what: string): ProviderError {
	return nonsense(`${serviceTitles[service]} gave no usable answer to the request for ${JSON.stringify(name)}: ${what}.`);
}

function failedRead(ref: SecretRef | ParameterRef, { instance, identity, token }: ReadParts): FailedRead {
	const { project, id } = partsOf(ref);
	const common = { name: ref.name, instance, identity, confidential: [token] };
	if (ref.kind === "secret") {
		const where = `${id} --project ${project}${ref.location === "global" ? "" : ` --location ${ref.location}`}`;
		return {
			...common,
			service: "secretmanager",
			look: `gcloud secrets versions list ${where}`,
			grant: `gcloud secrets add-iam-policy-binding ${where} --role roles/secretmanager.secretAccessor`,
		};
	}
	return {
		...common,
		service: "parametermanager",
		look: `gcloud parametermanager parameters versions list --parameter ${id} --location ${ref.location} --project ${project}`,
		grant: `gcloud projects add-iam-policy-binding ${project} --role roles/parametermanager.parameterAccessor`,
	};
}
