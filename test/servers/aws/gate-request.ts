import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { decodeJwt } from "jose";
import { AwsError } from "./aws-error.ts";
import { targetPrefixes } from "./moto.ts";
import { members } from "./service-desk.ts";
import type { JsonService } from "./upstream.ts";

/** What a provider may call: three services of JSON, STS, and the EKS Pod Identity agent. */
export type AwsEndpoint = JsonService | "sts" | "agent";

/** A request as its sender means it; nothing of it is checked. */
export interface GateRequest {
	readonly service: AwsEndpoint;
	/** Such as `GetSecretValue`; `credentials` of the agent. */
	readonly operation: string;
	/** Of the first element of the path, else of the signature; empty where neither tells. */
	readonly region: string;
	/** The secrets, parameters, keys, role, or namespace/service account that it is about. */
	readonly names: readonly string[];
	readonly parameters: Readonly<Record<string, unknown>>;
	readonly method: string;
	/** As received, with a region in front if the client's endpoint has one. */
	readonly path: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
}

/** Where the signature says that it is valid. */
export interface CredentialScope {
	readonly accessKeyId: string;
	readonly date: string;
	readonly region: string;
	readonly service: string;
}

export function readScope(authorization: string | undefined): CredentialScope | undefined {
	const [, credential] = /Credential=([^,\s]+)/.exec(authorization ?? "") ?? [];
	const [accessKeyId, date, region, service, end] = credential?.split("/") ?? [];
	if (accessKeyId === undefined || date === undefined || region === undefined || service === undefined) return undefined;
	return end === "aws4_request" ? { accessKeyId, date, region, service } : undefined;
}

/** @throws AwsError when the request is none of the services' */
export async function readGateRequest(incoming: IncomingMessage): Promise<GateRequest> {
	const { method = "", url: path = "", headers } = incoming;
	const body = await buffer(incoming);
	const common = { method, path, headers, body };
	const [, pathRegion = "", rest = ""] = /^(?:\/([a-z]{2}(?:-[a-z]+)+-\d))?(\/.*)$/.exec(path) ?? [];
	if (rest === "/v1/credentials") return { ...common, ...agentRequest(headers), region: pathRegion };
	const region = pathRegion || (readScope(headers.authorization)?.region ?? "");
	const target = headers["x-amz-target"];
	if (typeof target === "string") return { ...common, ...jsonRequest(target, body), region };
	const parameters = Object.fromEntries(new URLSearchParams(body.toString()));
	const { Action: operation = "", RoleArn: role = "" } = parameters;
	if (operation === "") throw new AwsError("UnknownOperationException", "The request names no operation.", 404);
	return { ...common, service: "sts", operation, region, names: [role], parameters };
}

function jsonRequest(target: string, body: Buffer): Pick<GateRequest, "service" | "operation" | "names" | "parameters"> {
	const [prefix, operation = ""] = target.split(".");
	const service = (["secretsmanager", "ssm", "kms"] as const).find((name) => targetPrefixes[name] === prefix);
	if (service === undefined) throw new AwsError("UnknownOperationException", `There is no service ${prefix}.`, 404);
	const parameters = parseObject(body);
	return { service, operation, parameters, names: namesIn(parameters) };
}

function parseObject(body: Buffer): Readonly<Record<string, unknown>> {
	try {
		return members(JSON.parse(body.toString()));
	} catch {
		throw new AwsError("SerializationException", "The body is no JSON.");
	}
}

function namesIn(parameters: Readonly<Record<string, unknown>>): readonly string[] {
	const { SecretId, SecretIdList, Name, Names, KeyId } = parameters;
	return [SecretId, SecretIdList, Name, Names, KeyId].flat().filter((name) => typeof name === "string");
}

function agentRequest(headers: IncomingHttpHeaders): Pick<GateRequest, "service" | "operation" | "names" | "parameters"> {
	return { service: "agent", operation: "credentials", names: [accountOf(headers.authorization ?? "")], parameters: {} };
}

/** `namespace/service-account` of a token that nobody has verified; empty when it is none. */
function accountOf(token: string): string {
	try {
		return (decodeJwt(token).sub ?? "").replace("system:serviceaccount:", "").replace(":", "/");
	} catch {
		return "";
	}
}
