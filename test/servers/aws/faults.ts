import type { Misbehaviour } from "../latency-proxy.ts";
import { type AwsCall, type CallFilter, fitsFilter, fitsName } from "./calls.ts";

/** What happens in the place of the answer, or before it. */
export type FaultEffect =
	| Misbehaviour
	/** An error in the protocol of the service; status 400 unless given. */
	| {
			readonly kind: "error";
			readonly code: string;
			readonly status?: number;
			readonly message?: string;
			readonly headers?: Readonly<Record<string, string>>;
	  }
	/** The answer comes later. */
	| { readonly kind: "delay"; readonly milliseconds: number }
	/** 200 and a body that is no answer. */
	| { readonly kind: "garbage" };

/**
 * A fault, for the calls that the filter fits. An error with operation `BatchGetSecretValue` and a name is the
 * fault of that one secret, told in the answer's `Errors`; every other one is the fault of the whole call.
 */
export interface Fault extends CallFilter {
	readonly effect: FaultEffect;
	/** How often it happens; always unless given. */
	readonly times?: number;
}

/** The faults that wait to happen. */
export class Faults {
	readonly #waiting = new Map<Fault, number>();

	/** @returns what ends the fault */
	add(fault: Fault): () => void {
		this.#waiting.set(fault, fault.times ?? Number.POSITIVE_INFINITY);
		return () => void this.#waiting.delete(fault);
	}

	/** The fault of a whole call, which has happened by that. */
	take(call: AwsCall): FaultEffect | undefined {
		return this.#take((fault) => !isOfOneSecret(fault) && fitsFilter(fault, call))?.effect;
	}

	/** The fault of one secret of a batch, which has happened by that. */
	takeOfSecret(call: AwsCall, secret: string): FaultEffect | undefined {
		return this.#take((fault) => isOfOneSecret(fault) && fitsFilter(fault, call) && fitsName(fault.name ?? "", secret))?.effect;
	}

	#take(fits: (fault: Fault) => boolean): Fault | undefined {
		const [fault, times] = this.#waiting.entries().find(([candidate]) => fits(candidate)) ?? [];
		if (fault === undefined || times === undefined) return undefined;
		if (times > 1) this.#waiting.set(fault, times - 1);
		else this.#waiting.delete(fault);
		return fault;
	}
}

function isOfOneSecret({ operation, name, effect }: Fault): boolean {
	return operation === "BatchGetSecretValue" && name !== undefined && effect.kind === "error";
}
