import { Caller } from "../../aws/caller.ts";
import { Connections } from "../../aws/connections.ts";
import { isRegion } from "../../aws/regions.ts";
import type { AwsLogin } from "../../aws/web-identity.ts";
import { ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import type { Failed, Identity, Outcome, Session, StoreContext } from "../store.ts";
import { readWithFailover } from "./failover.ts";
import type { AwsInstance } from "./instance.ts";
import { logIn } from "./login.ts";
import type { Place } from "./place.ts";
import { readIn } from "./read.ts";
import type { AwsRef } from "./ref.ts";

/** Logs in as one identity. Connections are the instance's; the session adds clients that sign as the identity. */
export async function openSession(named: AwsInstance, identity: Identity, context: StoreContext): Promise<Session> {
	const instance = named.region === "" ? { ...named, region: await findRegion(named, context) } : named;
	const connections = context.once(() => new Connections());
	const login = await logIn({ instance, connections, identity, context });
	return new AwsSession({ instance, connections, identity, context }, login);
}

/** The region that the node lies in, for an instance that names none. */
async function findRegion({ failoverRegion }: AwsInstance, { nodeRegion, signal }: StoreContext): Promise<string> {
	const remedy = "Write the region in the SecretProviderClass or in the policy file, or set AWS_REGION.";
	const failure = (error: ProviderError, legacyText: string) => {
		const { code, message, cause } = error;
		return new ProviderError(code, message, { stage: "login", remedy: error.remedy ?? remedy, cause, legacyText });
	};
	if (nodeRegion === undefined) {
		const unknown = new ProviderError("invalid", "No region is named, and neither node nor API server is known to ask for it.");
		throw failure(unknown, "failed to retrieve region from node. error Region not found");
	}
	const region = await nodeRegion(signal).catch((reason: unknown) => {
		const error = ProviderError.from(reason);
		throw failure(error, `failed to retrieve region from node. error ${error.message}`);
	});
	if (!isRegion(region)) {
		const strange = new ProviderError("invalid", `The node lies in ${quote(region)}, which is no region of AWS.`);
		throw failure(strange, "failed to retrieve region from node. error Region not found");
	}
	if (region !== failoverRegion) return region;
	const same = new ProviderError("invalid", `The node lies in ${region}, which is the failover region too.`);
	throw failure(same, `${region}: failover region cannot be the same as the primary region`);
}

interface SessionParts {
	readonly instance: AwsInstance;
	readonly connections: Connections;
	readonly identity: Identity;
	readonly context: StoreContext;
}

class AwsSession implements Session {
	/** A call of Secrets Manager takes as many, and what goes out together fails together at worst. */
	readonly batchSize = 20;
	readonly #caller: Caller;
	readonly #connections: Connections;
	readonly #first: Place;
	readonly #second: Place | undefined;
	readonly #expiresAt: Date;

	constructor({ instance, connections, identity, context }: SessionParts, { credentials, expiresAt }: AwsLogin) {
		const { schedule, allowsAddress, token } = context;
		this.#caller = new Caller({ instance, connections, credentials, context: { schedule, allowsAddress } });
		this.#connections = connections;
		this.#expiresAt = expiresAt;
		const common = { identity, caller: this.#caller, confidential: [token], lessons: { mayBatch: true, alone: new Set<string>() } };
		this.#first = { ...common, region: instance.region };
		this.#second = instance.failoverRegion === undefined ? undefined : { ...common, region: instance.failoverRegion };
	}

	/** Credentials that AWS does not take any more have ended, whatever it said of their end. */
	get expiresAt(): Date {
		return this.#caller.hasEnded ? new Date(0) : this.#expiresAt;
	}

	async read(refs: readonly AwsRef[], signal: AbortSignal): Promise<readonly (Outcome | Failed)[]> {
		const [first, second] = [this.#first, this.#second];
		if (second === undefined) return readIn(first, refs, signal);
		return readWithFailover({ first, second, connections: this.#connections }, refs, signal);
	}
}
