import { ProviderError } from "../../errors.ts";
import { Transport } from "../../net/transport.ts";
import { RetryBudget } from "../../shared/retry-budget.ts";
import { type Failed, type Identity, type Outcome, outcomeOf, type Session, type StoreContext } from "../store.ts";
import { readAccount } from "./answer.ts";
import { ask, type Client } from "./client.ts";
import { answerError, type FailedRead, unanswered } from "./failures.ts";
import type { CyberArkInstance } from "./instance.ts";
import { type Login, logIn } from "./login.ts";
import { encodeQuery } from "./query.ts";
import { fillReason } from "./reason.ts";
import type { AccountRef } from "./ref.ts";

/**
 * Gathers what one identity is asked as; nothing is sent. Identities that bring certificates have connections of their own,
 * so that a connection proves nobody but the one whose it is; those that the administrator's certificate stands for share them.
 */
export async function openSession(instance: CyberArkInstance, identity: Identity, context: StoreContext): Promise<Session> {
	const { address } = instance;
	const shared = context.once(() => ({ transport: new Transport({ address, tls: instance.tls }), budget: new RetryBudget() }));
	const login = await logIn(instance, identity, context);
	const transport = login.tls === instance.tls ? shared.transport : new Transport({ address, tls: login.tls });
	const { schedule, allowsAddress } = context;
	return new CyberArkSession({ instance, transport, budget: shared.budget, context: { schedule, allowsAddress } }, login, identity);
}

class CyberArkSession implements Session {
	/** The web service gives one account at a time. */
	readonly batchSize = 1;
	readonly expiresAt: Date | undefined;
	readonly #client: Client;
	readonly #identity: Identity;
	readonly #appId: string;
	/** What every read says beside the account. */
	readonly #options: readonly (readonly [string, string])[];

	constructor(client: Client, { appId, expiresAt }: Login, identity: Identity) {
		const { reason: template, connectionTimeoutSeconds, onPasswordChange } = client.instance;
		const reason = fillReason(template, identity);
		this.expiresAt = expiresAt;
		this.#client = client;
		this.#identity = identity;
		this.#appId = appId;
		this.#options = [
			...(reason === "" ? [] : [["Reason", reason] as const]),
			["ConnectionTimeout", String(connectionTimeoutSeconds)],
			["FailRequestOnPasswordChange", String(onPasswordChange !== "stale")],
		];
	}

	read(refs: readonly AccountRef[], signal: AbortSignal): Promise<readonly (Outcome | Failed)[]> {
		return Promise.all(refs.map((ref) => this.#readOne(ref, signal)));
	}

	async #readOne(ref: AccountRef, signal: AbortSignal): Promise<Outcome | Failed> {
		const read: FailedRead = { ref, instance: this.#client.instance, identity: this.#identity };
		const query = encodeQuery([["AppID", this.#appId], ...ref.criteria, ...this.#options]);
		try {
			const answer = await ask(this.#client, query, signal);
			const value = answer.status === 200 ? readAccount(answer.body) : undefined;
			return value === undefined ? outcomeOf(answerError(answer, read)) : { kind: "found", value, structure: "json" };
		} catch (reason) {
			signal.throwIfAborted();
			return outcomeOf(unanswered(ProviderError.from(reason), read));
		}
	}
}
