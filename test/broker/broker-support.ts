import { type Answer, Broker } from "../../provider/broker/broker.ts";
import { ProviderError } from "../../provider/errors.ts";
import type { Admission } from "../../provider/plan/admission.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Identity, Outcome, Ref, Session, Store } from "../../provider/stores/store.ts";
import { fakeInstance, fakeSession, fakeStore, plannedStore, planOf } from "../support/fake-store.ts";

/** What a store says to who may not have it. */
export const denied: Outcome = { kind: "denied", error: new ProviderError("denied", "no right") };

export function admissionOf(serviceAccount = "web"): Admission {
	const identity: Identity = { key: serviceAccount, audience: "vault", namespace: "shop", serviceAccount, role: "" };
	return { identity, token: new Secret("token"), tokenExpiresAt: Number.MAX_SAFE_INTEGER, allowsAddress: () => true };
}

/** A broker over a store that counts what it is asked. */
export function setUp(
	read: (ref: Ref, signal: AbortSignal, login: number) => Promise<Outcome>,
	options: {
		concurrency?: number;
		expiresAt?: Date;
		maximumAge?: number;
		maximumBytes?: number;
		maximumStale?: number;
		now?: () => number;
		store?: Store;
		endpoints?: readonly string[];
	} = {},
) {
	const counts = { logins: 0, reads: 0, underWay: 0, mostUnderWay: 0 };
	const store = fakeStore(async (_instance, _identity, context): Promise<Session> => {
		counts.logins += 1;
		const login = counts.logins;
		const session = fakeSession((ref, signal) =>
			context.schedule(async () => {
				counts.reads += 1;
				counts.underWay += 1;
				counts.mostUnderWay = Math.max(counts.mostUnderWay, counts.underWay);
				try {
					return await read(ref, signal, login);
				} finally {
					counts.underWay -= 1;
				}
			}),
		);
		return options.expiresAt === undefined ? session : { ...session, expiresAt: options.expiresAt };
	});
	const broker = new Broker({
		concurrency: options.concurrency ?? 16,
		maximumAgeMilliseconds: options.maximumAge ?? 0,
		maximumStaleMilliseconds: options.maximumStale ?? 0,
		maximumBytes: options.maximumBytes ?? 1024 * 1024,
		...(options.now === undefined ? {} : { now: options.now }),
		leases: { log: { info: () => undefined, warn: () => undefined }, onReplaced: () => undefined, onChanged: () => undefined },
		store: async () => options.store ?? store,
		addressGuard: () => () => true,
	});
	const planned = plannedStore({ instance: fakeInstance(options.endpoints === undefined ? {} : { endpoints: options.endpoints }) });
	const ask = (objects: readonly string[], signal = new AbortController().signal, admission = admissionOf()) =>
		broker.fetch({ plan: planOf([planned], objects), admissions: [admission], credentials: new Map(), podUid: "pod", signal });
	const fetch = async (...parameters: Parameters<typeof ask>) => outcomesOf(await ask(...parameters));
	return { counts, fetch, ask, broker, planned };
}

/** Without the ages of values that stand in. */
export function outcomesOf(answers: ReadonlyMap<string, Answer>): ReadonlyMap<string, Answer["outcome"]> {
	return new Map([...answers].map(([name, { outcome }]) => [name, outcome]));
}

export function kindsOf(outcomes: ReadonlyMap<string, { readonly kind: string }>): readonly string[] {
	return [...outcomes.values()].map((outcome) => outcome.kind);
}

/** Reads that end when the test says so. */
export function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
	const { promise, resolve } = Promise.withResolvers<void>();
	return { open: resolve, opened: promise };
}

export function foundText(text: string): Outcome {
	return { kind: "found", value: new Secret(text), structure: "bytes" };
}

export function textOf(outcome: Outcome | Answer["outcome"] | undefined): string | undefined {
	return outcome?.kind === "found" ? outcome.value.reveal().toString() : undefined;
}
