import type { IncomingHttpHeaders } from "node:http";
import type { GoogleHost, Service } from "./hosts.ts";

/** One request, whole. */
export interface Call {
	readonly host: GoogleHost;
	readonly method: string;
	/** Decoded, without the query. */
	readonly path: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
	/** The resource that the path names; empty where it names none. */
	readonly resource: string;
	/** Who asks, once that is known; the counters tell it. */
	principal: string;
}

export interface Answer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	/** An object is sent as JSON. */
	readonly body: object | string;
}

/** One thing that an API can be asked for. */
export interface Route {
	/** What counters and faults call it, such as `secrets.access`. */
	readonly operation: string;
	readonly service: Service;
	readonly method: "GET" | "POST";
	/** Fits the whole decoded path; its first group is the resource. */
	readonly path: RegExp;
	handle(call: Call): Answer | Promise<Answer>;
}

/** gRPC's codes with the HTTP status that stands for each. Source: google/rpc/code.proto. */
const httpStatuses = {
	INVALID_ARGUMENT: 400,
	FAILED_PRECONDITION: 400,
	UNAUTHENTICATED: 401,
	PERMISSION_DENIED: 403,
	NOT_FOUND: 404,
	ABORTED: 409,
	RESOURCE_EXHAUSTED: 429,
	INTERNAL: 500,
	UNAVAILABLE: 503,
	DEADLINE_EXCEEDED: 504,
} as const;

export type StatusName = keyof typeof httpStatuses;

/** A request that is answered with an error. */
export class Refusal extends Error {
	override readonly name = "Refusal";
	readonly answer: Answer;

	constructor(message: string, answer: Answer) {
		super(message);
		this.answer = answer;
	}
}

export interface StatusOptions {
	/** The `reason` of google.rpc.ErrorInfo. */
	readonly reason?: string;
	/** The header Retry-After. */
	readonly retryAfterSeconds?: number;
	/** The delay of google.rpc.RetryInfo, such as `1.5s`. */
	readonly retryDelay?: string;
}

export function json(body: object): Answer {
	return { status: 200, headers: {}, body };
}

/** An error as Google's APIs word it: google.rpc.Status as JSON. Source: AIP-193. */
export function statusError(status: StatusName, message: string, options: StatusOptions = {}): Refusal {
	const { reason, retryAfterSeconds, retryDelay } = options;
	const details = [
		...(reason === undefined ? [] : [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "googleapis.com" }]),
		...(retryDelay === undefined ? [] : [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay }]),
	];
	const code = httpStatuses[status];
	const headers: Readonly<Record<string, string>> = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
	const body = { error: { code, message, status, ...(details.length === 0 ? {} : { details }) } };
	return new Refusal(message, { status: code, headers, body });
}

/** An error as token endpoints word it. Source: RFC 6749 §5.2. */
export function tokenError(error: string, description: string, status = 400): Refusal {
	return new Refusal(description, { status, headers: {}, body: { error, error_description: description } });
}

/** The body as a JSON object. @throws Refusal */
export function jsonBody(call: Call): Readonly<Record<string, unknown>> {
	const refusal = statusError("INVALID_ARGUMENT", "Invalid JSON payload received.");
	const parsed = parse(call.body.toString(), refusal);
	if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw refusal;
	return { ...parsed };
}

function parse(text: string, refusal: Refusal): unknown {
	try {
		return JSON.parse(text);
	} catch {
		throw refusal;
	}
}
