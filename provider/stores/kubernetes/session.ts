import { ProviderError } from "../../errors.ts";
import type { Secret } from "../../shared/secret.ts";
import type { Failed, Identity, Outcome, Session, StoreContext } from "../store.ts";
import { ApiServer, type CallContext } from "./api-server.ts";
import { failedOutcome, noAnswer } from "./failures.ts";
import type { KubernetesInstance } from "./instance.ts";
import type { KubernetesRef } from "./ref.ts";
import { readSecret } from "./secret-answer.ts";
import { tokenEnd } from "./token.ts";
import { Watches } from "./watches.ts";

/** What all sessions of an instance share. */
interface Shared {
	readonly api: ApiServer;
	readonly watches: Watches;
}

/**
 * Takes a pod's token for its service account. Nothing is asked: the API server looks at the token with each request, and
 * decides by the account's rights.
 *
 * @throws ProviderError `refused` for the service account `default` unless the administrator has named its namespace
 */
export async function openSession(instance: KubernetesInstance, identity: Identity, context: StoreContext): Promise<Session> {
	if (identity.serviceAccount === "default" && !instance.defaultServiceAccounts.includes(identity.namespace))
		throw isEverybodys(instance, identity);
	const shared = context.once((): Shared => {
		const api = new ApiServer(instance, context.cluster);
		return { api, watches: new Watches(api) };
	});
	const { schedule, allowsAddress } = context;
	return new KubernetesSession({ instance, identity, token: context.token, context: { schedule, allowsAddress }, ...shared });
}

/** Every pod that names no account runs as it, so a right of its is a right of all who may make pods. */
function isEverybodys({ name }: KubernetesInstance, { namespace }: Identity): ProviderError {
	return new ProviderError("refused", `The store ${JSON.stringify(name)} takes no pods of the service account ${namespace}/default.`, {
		remedy: `Give the pod a service account of its own, or ask the administrator to list the namespace in the policy file under stores.${name}.defaultServiceAccounts.`,
	});
}

interface SessionParts extends Shared {
	readonly instance: KubernetesInstance;
	readonly identity: Identity;
	readonly token: Secret;
	readonly context: CallContext;
}

class KubernetesSession implements Session {
	/** One request for each Secret, with all its keys. */
	readonly batchSize = 1;
	readonly #parts: SessionParts;
	#expiresAt: Date;

	constructor(parts: SessionParts) {
		this.#parts = parts;
		this.#expiresAt = tokenEnd(parts.token);
	}

	/** The end of the token; at once when the API server does not take it any more. */
	get expiresAt(): Date {
		return this.#expiresAt;
	}

	read(refs: readonly KubernetesRef[], signal: AbortSignal): Promise<readonly (Outcome | Failed)[]> {
		return Promise.all(refs.map((ref) => this.#readOne(ref, signal)));
	}

	watch(
		refs: readonly KubernetesRef[],
		onChange: (ref: KubernetesRef) => void,
		signal: AbortSignal,
		onTrouble?: (ref: KubernetesRef, error: ProviderError) => void,
	): void {
		const { watches, token, context, instance, identity } = this.#parts;
		for (const ref of refs) {
			const listener = { changed: () => onChange(ref), troubled: (error: ProviderError) => onTrouble?.(ref, error) };
			watches.follow({ read: { instance, identity, ref }, token, context }, listener, signal);
		}
	}

	async #readOne(ref: KubernetesRef, signal: AbortSignal): Promise<Outcome | Failed> {
		try {
			return await this.#fetch(ref, signal);
		} catch (reason) {
			signal.throwIfAborted();
			const error = ProviderError.from(reason);
			if (error.code === "unidentified") this.#expiresAt = new Date(0);
			return { kind: "failed", error };
		}
	}

	async #fetch(ref: KubernetesRef, signal: AbortSignal): Promise<Outcome> {
		const { api, watches, instance, identity, token, context } = this.#parts;
		const read = { instance, identity, ref };
		const answer = await api.get(ref, token, context, signal);
		if (answer.status !== 200) {
			const outcome = failedOutcome(answer, read);
			watches.saw(identity, ref, { resourceVersion: undefined, isImmutable: false });
			return outcome;
		}
		const secret = readSecret(answer.body, ref);
		if (secret === undefined) throw noAnswer(answer.status, read, "something that is no Secret");
		watches.saw(identity, ref, secret.seen);
		return secret.found;
	}
}
