import type { HttpAnswer } from "../../net/exchange.ts";
import { withRetries } from "../../shared/retry.ts";
import type { Secret } from "../../shared/secret.ts";
import type { StoreContext } from "../store.ts";
import { askedPause } from "./google-error.ts";
import { type GcpService, metadataAddress } from "./hosts.ts";
import type { Server, Servers } from "./servers.ts";

/** What a call needs from the context of the session. */
export type CallContext = Pick<StoreContext, "schedule" | "allowsAddress">;

/** One call of one of Google's APIs. */
export interface ApiCall {
	readonly service: GcpService;
	/** `global`, or the region whose endpoint is asked. */
	readonly location: string;
	/** Below the server's root, encoded, such as `/v1/projects/…:access`. */
	readonly path: string;
	/** Sent with POST; without one the call is a GET. */
	readonly body?: { readonly type: "application/json" | "application/x-www-form-urlencoded"; readonly text: string };
	/** The access token; absent for the call that gets one. */
	readonly bearer?: Secret;
}

/** Google answers within milliseconds. */
const callMilliseconds = 10_000;
/** The largest value is 1 MiB, of a parameter; as base64, twice. */
const maximumBytes = 4 * 1024 * 1024;
/** Statuses with which Google may say in the body how long to wait. */
const pausing: readonly number[] = [429, 503];

/**
 * Calls Google's APIs over the instance's connections, under its limit of calls, and again where that makes sense.
 *
 * @throws ProviderError as {@link Transport.request}
 */
export function callApi(servers: Servers, context: CallContext, call: ApiCall, signal: AbortSignal): Promise<HttpAnswer> {
	const server = servers.of(call.service, call.location);
	const headers = {
		accept: "application/json",
		"user-agent": "claviger",
		...(call.bearer === undefined ? {} : { authorization: `Bearer ${call.bearer.reveal().toString("latin1")}` }),
		...(call.body === undefined ? {} : { "content-type": call.body.type }),
	};
	const body = call.body === undefined ? {} : { body: call.body.text };
	// Policy opens the metadata server's address to some instances, but no API's name may lead there.
	const allowsAddress = (address: string) => address !== metadataAddress && context.allowsAddress(address);
	return send(
		server,
		{ ...context, allowsAddress },
		{ method: call.body === undefined ? "GET" : "POST", path: call.path, headers, ...body },
		signal,
	);
}

type Sent = Pick<Parameters<Server["request"]>[0], "method" | "path" | "headers" | "body" | "timeoutMilliseconds">;

/** One request to one server. @throws ProviderError as {@link Transport.request} */
export function send(server: Server, context: CallContext, request: Sent, signal: AbortSignal): Promise<HttpAnswer> {
	const attempt = async () => {
		const answer = await server.request({
			timeoutMilliseconds: callMilliseconds,
			...request,
			path: `${server.address.basePath}${request.path}`,
			signal,
			maximumBytes,
			allowsAddress: (address) => context.allowsAddress(address),
		});
		if (answer.retryAfter !== undefined || !pausing.includes(answer.status)) return answer;
		return { ...answer, retryAfter: askedPause(answer.body) };
	};
	return withRetries(attempt, signal, { budget: server.budget, schedule: (task) => context.schedule(task, signal) });
}
