import { ProviderError } from "../../errors.ts";
import type { StoreModule } from "../module.ts";
import type { Failed, Identity, Outcome, Ref, Session, StoreContext, StoreInstance } from "../store.ts";
import { diagnose } from "./diagnosis.ts";
import { inspect } from "./inspection.ts";
import { readInstance, refuseDefault, type SealedInstance } from "./instance.ts";
import { Opener } from "./opener.ts";
import { readRef, type SealedRef } from "./ref.ts";

/** The store without a place: values lie in the SecretProviderClass, sealed for the pods of one service account. */
export const module: StoreModule = {
	store: {
		type: "sealed",
		defaultAudience: "claviger",
		// Nobody else decides who the pod is, so its token must prove it.
		needsVerifiedToken: true,
		instance: readInstance,
		role: () => "",
		ref: readRef,
		connect,
	},
	diagnose: async (instance) => diagnose(asInstance(instance)),
	inspect: (ref, holder, instance) => inspect(asRef(ref), holder, instance === undefined ? undefined : asInstance(instance)),
};

async function connect(instance: StoreInstance, identity: Identity, { once, schedule, advise }: StoreContext): Promise<Session> {
	const sealed = asInstance(instance);
	refuseDefault(sealed, identity);
	const opener = once(() => new Opener(sealed));
	return {
		// One at a time: a damaged value must not take the others down.
		batchSize: 1,
		async read(refs, signal) {
			const outcomes: (Outcome | Failed)[] = [];
			for (const ref of refs.map(asRef)) outcomes.push(await schedule(() => opener.open(ref, identity, advise), signal));
			return outcomes;
		},
	};
}

function asInstance(instance: StoreInstance): SealedInstance {
	if ("keyDirectory" in instance) return instance as SealedInstance;
	throw new ProviderError("internal", `The store ${instance.name} is not one of sealed values.`);
}

function asRef(ref: Ref): SealedRef {
	if ("sealed" in ref) return ref as SealedRef;
	throw new ProviderError("internal", "A ref of another store came to the sealed values.");
}
