import type { Purpose } from "./request.ts";

/** One request that arrived. */
export interface Call extends Purpose {
	readonly host: string;
	/** Undefined while it is not answered. */
	readonly status: number | undefined;
}

export type CallFilter = Partial<Call>;

/** Every request in the order of arrival. */
export class Calls {
	#all: { -readonly [Key in keyof Call]: Call[Key] }[] = [];

	/** @returns tells how it was answered */
	begin(purpose: Purpose, host: string): (status: number) => void {
		const { operation, vault, object, client } = purpose;
		const call = { operation, vault, object, client, host, status: undefined as number | undefined };
		this.#all.push(call);
		return (status) => {
			call.status = status;
		};
	}

	/** Those that fit all that the filter says. */
	matching(filter: CallFilter): readonly Call[] {
		const wanted = Object.entries(filter);
		return this.#all.filter((call) => wanted.every(([key, value]) => call[key as keyof Call] === value)).map((call) => ({ ...call }));
	}

	clear(): void {
		this.#all = [];
	}
}
