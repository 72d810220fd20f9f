import { Caller } from "../../aws/caller.ts";
import { Connections } from "../../aws/connections.ts";
import { type AwsLogin, assumeRole } from "../../aws/web-identity.ts";
import { ProviderError } from "../../errors.ts";
import { Transport } from "../../net/transport.ts";
import { RetryBudget } from "../../shared/retry-budget.ts";
import type { Failed, Identity, Outcome, Session, StoreContext } from "../store.ts";
import { BlindOpener } from "./blind.ts";
import type { ConfidantInstance } from "./instance.ts";
import { emptyAnswer, type KeyCall, keyError } from "./key-failures.ts";
import { type TokenContext, Tokens } from "./kmsauth.ts";
import { serviceOfPod } from "./names.ts";
import { readCredential } from "./read.ts";
import type { ConfidantRef } from "./ref.ts";
import { type ConfidantServer, ServiceReader } from "./service-reader.ts";

/** What all sessions of one instance share. */
interface Shared {
	/** To STS and KMS. */
	readonly connections: Connections;
	/** To Confidant. */
	readonly server: ConfidantServer;
}

/** Logs in at AWS as one identity. The token for Confidant itself is made with the first read. */
export async function openSession(instance: ConfidantInstance, identity: Identity, context: StoreContext): Promise<Session> {
	const shared = context.once((): Shared => {
		const { address, tls } = instance;
		return { connections: new Connections(), server: { transport: new Transport({ address, tls }), budget: new RetryBudget() } };
	});
	const login = await assumeRole({ instance, connections: shared.connections, identity, context });
	return new ConfidantSession({ instance, identity, context, shared }, login);
}

interface SessionParts {
	readonly instance: ConfidantInstance;
	readonly identity: Identity;
	readonly context: StoreContext;
	readonly shared: Shared;
}

class ConfidantSession implements Session {
	/** One request gives all credentials of the service, however many of them are wanted. */
	readonly batchSize = 500;
	readonly #caller: Caller;
	readonly #reader: ServiceReader;
	readonly #opener: BlindOpener;
	readonly #expiresAt: Date;

	constructor({ instance, identity, context, shared }: SessionParts, { credentials, expiresAt }: AwsLogin) {
		const { schedule, allowsAddress, token } = context;
		const callContext = { schedule, allowsAddress };
		const caller = new Caller({ instance, connections: shared.connections, credentials, context: callContext });
		const common = { identity, confidential: [token] };
		const from = serviceOfPod(instance, identity);
		const tokens = new Tokens({ instance, from, encrypt: encryptWith(caller, instance, common) });
		this.#caller = caller;
		this.#expiresAt = expiresAt;
		this.#reader = new ServiceReader({ instance, from, server: shared.server, tokens, context: callContext, ...common });
		this.#opener = new BlindOpener({ caller, region: instance.region, ...common });
	}

	/** Credentials that AWS does not take any more have ended, whatever it said of their end. */
	get expiresAt(): Date {
		return this.#caller.hasEnded ? new Date(0) : this.#expiresAt;
	}

	async read(refs: readonly ConfidantRef[], signal: AbortSignal): Promise<readonly (Outcome | Failed)[]> {
		const answer = await this.#reader.read(signal).catch(asOutcome);
		if ("kind" in answer) return refs.map(() => answer);
		const { call } = this.#reader;
		const outcomes = await Promise.all(refs.map((ref) => readCredential(ref, { service: answer, call, opener: this.#opener }, signal)));
		signal.throwIfAborted();
		return outcomes;
	}
}

/** A denial or absence of the service is the word on each of its credentials; anything else is nobody's. */
function asOutcome(reason: unknown): Outcome {
	const error = ProviderError.from(reason);
	if (error.code === "denied") return { kind: "denied", error };
	if (error.code === "absent") return { kind: "absent", error };
	throw error;
}

function encryptWith(caller: Caller, { authKey, region }: ConfidantInstance, common: Pick<KeyCall, "identity" | "confidential">) {
	return async (plaintext: Buffer, context: TokenContext, signal: AbortSignal): Promise<Uint8Array> => {
		const call: KeyCall = { purpose: { kind: "token", authKey }, region, context: { ...context }, ...common };
		const { EncryptCommand } = await import("@aws-sdk/client-kms");
		const input = { KeyId: authKey, Plaintext: plaintext, EncryptionContext: { ...context } };
		const answer = await caller
			.send("kms", region, signal, (client, abortSignal) => client.send(new EncryptCommand(input), { abortSignal }))
			.catch((error: unknown) => {
				throw keyError(error, call);
			});
		const { CiphertextBlob: token } = answer;
		// The SDK hands on whatever stands there.
		if (!(token instanceof Uint8Array) || token.length === 0) throw emptyAnswer(call);
		return token;
	};
}
