import type { HttpAnswer } from "../../net/exchange.ts";
import type { Identity, Outcome, Session, StoreContext } from "../store.ts";
import { type CallContext, VaultClient } from "./client.ts";
import { atStage } from "./failures.ts";
import type { VaultInstance } from "./instance.ts";
import { logIn, type VaultLogin } from "./login.ts";
import { readOutcome } from "./outcome.ts";
import type { VaultRef } from "./ref.ts";

const revokeMilliseconds = 5_000;

/** Logs in as one identity. The client with its connections is the instance's; the session adds its token. */
export async function openSession(instance: VaultInstance, identity: Identity, context: StoreContext): Promise<Session> {
	const client = await context.once(() => VaultClient.create(instance));
	const login = await logIn(client, instance, identity, context, context.signal);
	return new VaultSession(instance, client, login, context);
}

class VaultSession implements Session {
	readonly batchSize = 1;
	readonly expiresAt?: Date;
	readonly #instance: VaultInstance;
	readonly #client: VaultClient;
	readonly #login: VaultLogin;
	readonly #context: CallContext;

	constructor(instance: VaultInstance, client: VaultClient, login: VaultLogin, context: CallContext) {
		this.#instance = instance;
		this.#client = client;
		this.#login = login;
		this.#context = context;
		if (login.expiresAt !== undefined) this.expiresAt = login.expiresAt;
	}

	async read(refs: readonly VaultRef[], signal: AbortSignal): Promise<readonly Outcome[]> {
		return Promise.all(refs.map((ref) => this.#readOne(ref, signal)));
	}

	/** Revokes the token, and with it every lease that it made. Best effort: a token left behind ends by itself. */
	async close(): Promise<void> {
		if (!this.#login.revocable) return;
		const signal = AbortSignal.timeout(revokeMilliseconds);
		const call = { method: "POST", path: "/auth/token/revoke-self", token: this.#login.token, signal };
		await this.#client.send(call, this.#context).catch(() => undefined);
	}

	async #readOne(ref: VaultRef, signal: AbortSignal): Promise<Outcome> {
		const answer = await this.#ask(ref, signal);
		return readOutcome(this.#instance, ref, this.#client.url(ref.path), answer, this.#login.token);
	}

	async #ask(ref: VaultRef, signal: AbortSignal): Promise<HttpAnswer> {
		const { method, path, body } = ref;
		try {
			return await this.#client.send({ method, path, body, token: this.#login.token, signal }, this.#context);
		} catch (error) {
			throw atStage(error, "read");
		}
	}
}
