import type { HttpAnswer } from "../../net/exchange.ts";
import { isJsonObject, type JsonObject, jsonMember, parseJsonObject, stringifyJson } from "../../shared/json.ts";
import type { Secret } from "../../shared/secret.ts";
import type { Identity, Lease, Outcome, ResumeContext, Session, StoreContext } from "../store.ts";
import { type CallContext, type VaultCall, VaultClient } from "./client.ts";
import { atStage, callError, nonsenseError } from "./failures.ts";
import type { VaultInstance } from "./instance.ts";
import { logIn, readAuth, type VaultLogin } from "./login.ts";
import { readLoginState, writeLoginState } from "./login-state.ts";
import { readOutcome } from "./outcome.ts";
import type { VaultRef } from "./ref.ts";

const closeMilliseconds = 10_000;

/** Logs in as one identity. The client with its connections is the instance's; the session adds its token. */
export async function openSession(instance: VaultInstance, identity: Identity, context: StoreContext): Promise<Session> {
	const client = await context.once(() => VaultClient.create(instance));
	const login = await logIn(client, instance, identity, context, context.signal);
	return new VaultSession(instance, client, login, context);
}

/** Goes on with the token of an earlier process. */
export async function resumeSession(instance: VaultInstance, state: Secret, context: ResumeContext): Promise<Session> {
	const login = readLoginState(state);
	return new VaultSession(instance, await context.once(() => VaultClient.create(instance)), login, context);
}

/** A request about leases or the login, as against a read. */
type Order = Pick<VaultCall, "method" | "path" | "signal"> & { readonly arguments?: JsonObject; readonly subject: string };

class VaultSession implements Session {
	readonly batchSize = 1;
	readonly renewLogin?: (signal: AbortSignal) => Promise<void>;
	readonly close?: () => Promise<void>;
	readonly #instance: VaultInstance;
	readonly #client: VaultClient;
	readonly #context: CallContext;
	#login: VaultLogin;

	constructor(instance: VaultInstance, client: VaultClient, login: VaultLogin, context: CallContext) {
		this.#instance = instance;
		this.#client = client;
		this.#login = login;
		this.#context = context;
		if (login.renewable) this.renewLogin = (signal) => this.#renewLogin(signal);
		if (login.revocable) this.close = () => this.#close();
	}

	/** Undefined for a token without an end. */
	get expiresAt(): Date | undefined {
		return this.#login.expiresAt;
	}

	async read(refs: readonly VaultRef[], signal: AbortSignal): Promise<readonly Outcome[]> {
		return Promise.all(refs.map((ref) => this.#readOne(ref, signal)));
	}

	/** The default policy allows it for leases of the token's own. */
	async renew(lease: Lease, signal: AbortSignal): Promise<Lease> {
		const askedAt = Date.now();
		const members = { lease_id: lease.id, increment: Math.ceil(lease.durationSeconds) };
		const subject = "the renewal of a lease";
		const renewed = await this.#order({ method: "PUT", path: "/sys/leases/renew", arguments: members, subject, signal });
		const seconds = jsonMember(renewed, "lease_duration");
		if (typeof seconds !== "number") throw nonsenseError("read", subject, "the answer holds no duration");
		const renewable = jsonMember(renewed, "renewable") === true;
		return { id: lease.id, durationSeconds: seconds, renewable, expiresAt: new Date(askedAt + seconds * 1000) };
	}

	/** Needs a right that the default policy does not give. */
	async revoke(lease: Lease, signal: AbortSignal): Promise<void> {
		const members = { lease_id: lease.id };
		await this.#order({ method: "PUT", path: "/sys/leases/revoke", arguments: members, subject: "the revocation of a lease", signal });
	}

	state(): Secret {
		return writeLoginState(this.#login);
	}

	async #renewLogin(signal: AbortSignal): Promise<void> {
		const askedAt = Date.now();
		const subject = "the renewal of the login";
		const answer = await this.#order({ method: "POST", path: "/auth/token/renew-self", subject, signal });
		const auth = jsonMember(answer, "auth");
		const renewed = isJsonObject(auth) ? readAuth(auth, askedAt) : undefined;
		if (renewed === undefined) throw nonsenseError("login", subject, "the answer holds no token");
		this.#login = { ...this.#login, expiresAt: renewed.expiresAt };
	}

	/** Revokes the token, and with it every lease that it made. */
	async #close(): Promise<void> {
		const signal = AbortSignal.timeout(closeMilliseconds);
		await this.#order({ method: "POST", path: "/auth/token/revoke-self", subject: "the end of a login", signal });
	}

	/** @throws ProviderError `unreachable` on an outage; any other code is the server's refusal */
	async #order({ arguments: members, subject, ...call }: Order): Promise<JsonObject> {
		const body = members === undefined ? undefined : stringifyJson(members);
		const answer = await this.#send({ ...call, body });
		if (answer.status === 204) return {};
		if (answer.status !== 200) {
			const { token } = this.#login;
			const url = this.#client.url(call.path);
			throw callError(this.#instance, { stage: "read", method: call.method, url, subject, answer, confidential: [token] });
		}
		const envelope = parseJsonObject(answer.body);
		if (envelope === undefined) throw nonsenseError("read", subject, "the answer is not Vault's JSON");
		return envelope;
	}

	async #readOne(ref: VaultRef, signal: AbortSignal): Promise<Outcome> {
		const { method, path, body } = ref;
		const askedAt = Date.now();
		const answer = await this.#send({ method, path, body, signal });
		return readOutcome(this.#instance, ref, { url: this.#client.url(path), token: this.#login.token, askedAt, answer });
	}

	async #send(call: Omit<VaultCall, "token">): Promise<HttpAnswer> {
		try {
			return await this.#client.send({ ...call, token: this.#login.token }, this.#context);
		} catch (error) {
			throw atStage(error, "read");
		}
	}
}
