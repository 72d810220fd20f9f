import type { AwsError } from "./aws-error.ts";
import type { Permissions } from "./permissions.ts";
import type { AwsSession } from "./sessions.ts";
import type { JsonService, UpstreamCall } from "./upstream.ts";

/** An authenticated call of one of the services of JSON. */
export interface ServiceCall extends UpstreamCall {
	readonly service: JsonService;
	readonly session: AwsSession;
}

/** What the services need to answer. */
export interface ServiceDesk {
	readonly permissions: Permissions;
	/** Asks the upstream. @throws AwsError what it refused */
	ask(call: UpstreamCall): Promise<Readonly<Record<string, unknown>>>;
	/** The error of one secret of a batch that is to fail. */
	faultOfSecret(secret: string): AwsError | undefined;
	/** The most secrets in one answer of a batch. */
	readonly batchPage: number;
}

/** Region and name of an ARN such as `arn:aws:ssm:us-east-1:111122223333:parameter/app`; undefined for a bare name. */
export function readArn(text: string): { readonly region: string; readonly resource: string } | undefined {
	const [, region, resource] = /^arn:[^:]*:[^:]*:([^:]*):[^:]*:(.+)$/s.exec(text) ?? [];
	return region === undefined || resource === undefined ? undefined : { region, resource };
}

/** The texts of a parameter that is a text or a list of them. */
export function texts(body: Readonly<Record<string, unknown>>, key: string): readonly string[] {
	return [body[key]].flat().filter((value) => typeof value === "string");
}

/** The members of an object of JSON; none of anything else. */
export function members(value: unknown): Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null ? { ...value } : {};
}
