import type { Misbehaviour } from "../latency-proxy.ts";
import { throttling } from "./refusal.ts";
import type { Purpose } from "./request.ts";

/** What goes wrong, and with which requests: with all, unless a part of the purpose is given. */
export interface Fault extends Partial<Purpose> {
	readonly behaviour: Misbehaviour | Delay;
	/** How often; for good unless given. */
	readonly times?: number;
}

/** Answers rightly, but late. */
export interface Delay {
	readonly kind: "delay";
	readonly milliseconds: number;
}

/** Key Vault's answer to a caller that asks too often. */
export function throttled(retryAfterSeconds: number): Misbehaviour {
	const { status, headers, body } = throttling(retryAfterSeconds);
	return { kind: "status", status, headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** An answer that is no JSON, as a captive portal or a wrong server gives it. */
export const garbage: Misbehaviour = {
	kind: "status",
	status: 200,
	headers: { "content-type": "text/html" },
	body: "<html><body>Welcome to this network</body></html>",
};

/** The faults that are set; the first one that fits a request is taken. */
export class Faults {
	#set: { readonly fault: Fault; left: number }[] = [];

	/** @returns ends the fault */
	add(fault: Fault): () => void {
		const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
		this.#set.push(entry);
		return () => {
			this.#set = this.#set.filter((other) => other !== entry);
		};
	}

	clear(): void {
		this.#set = [];
	}

	/** What a request meets; takes one of the fault's times. */
	take(purpose: Purpose): Fault["behaviour"] | undefined {
		const entry = this.#set.find(({ fault, left }) => left > 0 && fits(fault, purpose));
		if (entry === undefined) return undefined;
		entry.left -= 1;
		return entry.fault.behaviour;
	}
}

function fits(fault: Fault, purpose: Purpose): boolean {
	const parts = ["operation", "vault", "object", "client"] as const;
	return parts.every((part) => fault[part] === undefined || fault[part] === purpose[part]);
}
