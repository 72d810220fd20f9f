import type { AwsEndpoint } from "./gate-request.ts";

/** One request that came in. */
export interface AwsCall {
	readonly service: AwsEndpoint;
	/** Such as `GetSecretValue`, `AssumeRoleWithWebIdentity`; `credentials` of the agent. */
	readonly operation: string;
	readonly region: string;
	/** The ARN of the role that asks or is asked for; empty when the gate knows none. */
	readonly role: string;
	/** Secrets, parameters, keys; the role at STS; `namespace/service-account` at the agent. */
	readonly names: readonly string[];
	/** Of the signature; empty where none is needed. */
	readonly accessKeyId: string;
}

/** What calls are meant; what is not given fits every call. */
export interface CallFilter {
	readonly service?: AwsEndpoint;
	readonly operation?: string;
	readonly region?: string;
	readonly role?: string;
	/** One of the names, whole, or a pattern that fits one. */
	readonly name?: string | RegExp;
}

export function fitsFilter(filter: CallFilter, call: AwsCall): boolean {
	const { name } = filter;
	if (!(["service", "operation", "region", "role"] as const).every((key) => (filter[key] ?? call[key]) === call[key])) return false;
	return name === undefined || call.names.some((candidate) => fitsName(name, candidate));
}

export function fitsName(wanted: string | RegExp, name: string): boolean {
	return typeof wanted === "string" ? wanted === name : wanted.test(name);
}
