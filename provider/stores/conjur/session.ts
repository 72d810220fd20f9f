import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { settledOrAborted } from "../../shared/flights.ts";
import type { Failed, Identity, Outcome, Session, StoreContext } from "../store.ts";
import { type ConjurCall, ConjurClient } from "./client.ts";
import { unanswered } from "./failures.ts";
import { mostIds } from "./groups.ts";
import type { ConjurInstance } from "./instance.ts";
import { type ConjurLogin, type LoginParts, logIn } from "./login.ts";
import { readRefs } from "./read.ts";
import type { ConjurRef } from "./ref.ts";

/** Logs in as one identity. Connections are the instance's; the session adds the identity's access token. */
export async function openSession(instance: ConjurInstance, identity: Identity, context: StoreContext): Promise<Session> {
	const client = context.once(() => new ConjurClient(instance));
	const { schedule, allowsAddress, token, signal } = context;
	const parts = { instance, identity, client, context: { schedule, allowsAddress }, token };
	return new ConjurSession(parts, await logIn(parts, signal));
}

class ConjurSession implements Session {
	readonly batchSize = mostIds;
	readonly #parts: LoginParts;
	#login: ConjurLogin;
	#renewal: Promise<ConjurLogin> | undefined;

	constructor(parts: LoginParts, login: ConjurLogin) {
		this.#parts = parts;
		this.#login = login;
	}

	get expiresAt(): Date {
		return this.#login.expiresAt;
	}

	read(refs: readonly ConjurRef[], signal: AbortSignal): Promise<readonly (Outcome | Failed)[]> {
		const { instance, identity, client, token } = this.#parts;
		const send = (call: Omit<ConjurCall, "authorization" | "signal">) => this.#send({ ...call, signal });
		return readRefs(refs, { instance, identity, client, confidential: () => [token, this.#login.authorization], send, signal });
	}

	/**
	 * Sends a call with the session's access token. A token that the server does not take any more, whatever it said of its
	 * end, is replaced once.
	 */
	async #send(call: Omit<ConjurCall, "authorization">): Promise<HttpAnswer> {
		const used = this.#login;
		const answer = await this.#sendWith(used, call);
		if (answer.status !== 401) return answer;
		const fresh = this.#login === used ? await this.#renew(call.signal) : this.#login;
		const second = await this.#sendWith(fresh, call);
		if (second.status === 401) this.#end(fresh);
		return second;
	}

	async #sendWith({ authorization }: ConjurLogin, call: Omit<ConjurCall, "authorization">): Promise<HttpAnswer> {
		const { client, instance, context } = this.#parts;
		try {
			return await client.send({ ...call, authorization }, context);
		} catch (error) {
			call.signal.throwIfAborted();
			throw unanswered(error, "read", { client, instance, method: call.method, path: call.path });
		}
	}

	/** Calls that meet the end of the token at once share one login, which outlives the first of them. */
	#renew(signal: AbortSignal): Promise<ConjurLogin> {
		this.#renewal ??= this.#logInAgain().finally(() => {
			this.#renewal = undefined;
		});
		return settledOrAborted(this.#renewal, signal);
	}

	async #logInAgain(): Promise<ConjurLogin> {
		try {
			this.#login = await logIn(this.#parts, AbortSignal.timeout(renewalMilliseconds));
			return this.#login;
		} catch (reason) {
			// The pod's token of the first login may have ended since; the next session has a newer one.
			this.#end(this.#login);
			throw laterPossible(ProviderError.from(reason));
		}
	}

	#end(login: ConjurLogin): void {
		this.#login = { ...login, expiresAt: new Date(0) };
	}
}

const renewalMilliseconds = 20_000;

/** That this session cannot log in again says nothing of what the next one can. */
function laterPossible(error: ProviderError): ProviderError {
	if (error.code === "unreachable") return error;
	return new ProviderError("unreachable", `Conjur does not accept its access token any more, and no new one yet: ${error.message}`, {
		stage: "login",
		remedy: "The next attempt logs in with a newer token of the pod.",
		...(error.legacyText === undefined ? {} : { legacyText: error.legacyText }),
		cause: error,
	});
}
