import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { AwsEndpoint } from "./gate-request.ts";
import type { JsonAnswer } from "./upstream.ts";

/** A refusal as a service words it. The JSON services answer 400 for nearly all of them. */
export class AwsError extends Error {
	override readonly name = "AwsError";
	readonly code: string;
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;

	constructor(code: string, message: string, status = 400, headers: Readonly<Record<string, string>> = {}) {
		super(message);
		this.code = code;
		this.status = status;
		this.headers = headers;
	}
}

/** Throws what the upstream refused, with the status of the real services: moto answers 404 for what is not there. */
export function accepted({ status, body }: JsonAnswer): Readonly<Record<string, unknown>> {
	if (status < 300) return body;
	const message = String(body["message"] ?? body["Message"] ?? "");
	throw new AwsError(String(body["__type"] ?? "InternalServiceError"), message, status < 500 ? 400 : status);
}

/** Writes an error in the protocol of the service: XML of STS, plain text of the Pod Identity agent, JSON of the others. */
export function writeError(outgoing: ServerResponse, service: AwsEndpoint, error: AwsError): void {
	const [contentType, body] = errorBody(service, error);
	outgoing.writeHead(error.status, { "content-type": contentType, "x-amzn-requestid": randomUUID(), ...error.headers }).end(body);
}

function errorBody(service: AwsEndpoint, { code, status, message }: AwsError): readonly [string, string] {
	const fault = status < 500 ? "client" : "server";
	if (service === "agent") return ["text/plain; charset=utf-8", `[${randomUUID()}]: (${code}): ${message}, fault: ${fault}\n`];
	if (service !== "sts") return ["application/x-amz-json-1.1", JSON.stringify({ __type: code, message })];
	const type = fault === "client" ? "Sender" : "Receiver";
	const error = `<Error><Type>${type}</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
	return ["text/xml", `<ErrorResponse xmlns="${stsNamespace}">${error}<RequestId>${randomUUID()}</RequestId></ErrorResponse>`];
}

export const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/";

export function escapeXml(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
