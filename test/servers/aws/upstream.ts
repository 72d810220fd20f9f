/** The services that take signed JSON. */
export type JsonService = "secretsmanager" | "ssm" | "kms";

/** An operation of a service, whose right has been checked. */
export interface UpstreamCall {
	readonly service: JsonService;
	readonly operation: string;
	readonly region: string;
	readonly account: string;
	readonly body: Readonly<Record<string, unknown>>;
}

export interface JsonAnswer {
	readonly status: number;
	readonly body: Readonly<Record<string, unknown>>;
}

/** What keeps the secrets, parameters and keys behind the gate. */
export type Upstream = (call: UpstreamCall) => Promise<JsonAnswer>;
