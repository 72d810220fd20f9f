import type { Misbehaviour } from "../latency-proxy.ts";
import { type Call, type StatusName, type StatusOptions, statusError } from "./answers.ts";

/** What goes wrong with a request. */
export type Fault =
	| Misbehaviour
	/** An error in Google's words. */
	| ({ readonly kind: "error"; readonly status: StatusName } & StatusOptions)
	/** Answers, later. */
	| { readonly kind: "delay"; readonly milliseconds: number }
	/** Answers as usual, with another body. */
	| { readonly kind: "alter"; alter(body: object): object | string };

/** Which requests; what is not said fits all. */
export interface FaultScope {
	/** Such as `secrets.access`; see the routes. */
	readonly operation?: string;
	/** Such as `secretmanager.us-central1.rep.googleapis.com`. */
	readonly host?: string;
	/** Fits the resource as the request writes it. */
	readonly resource?: RegExp;
	/** The name of who asks, as its bearer says. */
	readonly principal?: string;
	/** For how many requests; for ever unless given. */
	readonly times?: number;
}

interface ActiveFault {
	readonly fault: Fault;
	readonly scope: FaultScope;
	left: number;
}

/** The faults that are in effect; of several that fit, the one added first counts. */
export class Faults {
	#active: readonly ActiveFault[] = [];

	/** @returns ends it */
	add(fault: Fault, scope: FaultScope = {}): () => void {
		const added = { fault, scope, left: scope.times ?? Number.POSITIVE_INFINITY };
		this.#active = [...this.#active, added];
		return () => {
			this.#active = this.#active.filter((candidate) => candidate !== added);
		};
	}

	clear(): void {
		this.#active = [];
	}

	/** The fault of this request, which counts as one of its times. */
	take(operation: string, call: Call): Fault | undefined {
		const found = this.#active.find(({ scope, left }) => left > 0 && fits(scope, operation, call));
		if (found === undefined) return undefined;
		found.left -= 1;
		return found.fault;
	}
}

function fits(scope: FaultScope, operation: string, call: Call): boolean {
	if (scope.operation !== undefined && scope.operation !== operation) return false;
	if (scope.host !== undefined && scope.host !== call.host.name) return false;
	if (scope.principal !== undefined && scope.principal !== call.principal) return false;
	return scope.resource?.test(call.resource) ?? true;
}

export interface Quota extends StatusOptions {
	/** How many requests of an operation one project may make in a window. */
	readonly requests: number;
	/** Default 60. */
	readonly windowSeconds?: number;
}

/** Limits on operations, by project, in fixed windows. Source: Secret Manager, "Quotas and limits". */
export class Quotas {
	readonly #quotas = new Map<string, Quota>();
	readonly #windows = new Map<string, { readonly end: number; used: number }>();

	limit(operation: string, quota: Quota): void {
		this.#quotas.set(operation, quota);
	}

	clear(): void {
		this.#quotas.clear();
		this.#windows.clear();
	}

	/** @throws Refusal RESOURCE_EXHAUSTED */
	spend(operation: string, call: Call): void {
		const quota = this.#quotas.get(operation);
		if (quota === undefined) return;
		const project = /^projects\/([^/]+)/.exec(call.resource)?.[1] ?? "";
		const key = `${operation} ${project}`;
		const now = performance.now();
		const known = this.#windows.get(key);
		const window = known === undefined || known.end <= now ? { end: now + (quota.windowSeconds ?? 60) * 1000, used: 0 } : known;
		this.#windows.set(key, window);
		window.used += 1;
		if (window.used <= quota.requests) return;
		const message = `Quota exceeded for quota metric '${operation}' and limit '${operation} per minute' of consumer 'projects/${project}'.`;
		throw statusError("RESOURCE_EXHAUSTED", message, { reason: "RATE_LIMIT_EXCEEDED", ...quota });
	}
}
