import { randomUUID } from "node:crypto";
import type { ExecutionContext } from "ava";
import { type AwsServers, startAws } from "../aws/aws.ts";
import { sharedMoto } from "../aws/moto.ts";
import type { Rule } from "../aws/permissions.ts";
import type { RoleTrust } from "../aws/trust.ts";
import { type LatencyProxy, startLatencyProxy } from "../latency-proxy.ts";
import { Administration, type Answer } from "./administration.ts";
import { type CredentialPairs, sealPairs } from "./blind.ts";
import { type ConfidantKeys, createKeys, ownersEncrypt, scopedAccount } from "./keys.ts";
import { type Encrypt, type KmsauthToken, mintToken, type TokenClaims } from "./kmsauth.ts";
import { type ConfidantProcess, startConfidantProcess } from "./process.ts";

export interface ConfidantOptions {
	/** The account that it runs in, with the emulator behind it and no other Confidant in it; a new one unless given. */
	readonly aws?: AwsServers;
	/** Settings of Confidant's own, such as `KMS_MINIMUM_TOKEN_VERSION`. */
	readonly environment?: Readonly<Record<string, string>>;
}

const region = "us-east-1";
const context = "confidant-production";

/**
 * Starts a real Confidant 7.0.0 on loopback, empty, with its own AWS account behind it.
 * It stops with the test, or by `stop()` where `t` is undefined because many tests share it.
 */
export async function startConfidant(t: ExecutionContext<unknown> | undefined, options: ConfidantOptions = {}): Promise<Confidant> {
	const aws = options.aws ?? (await startAws(t));
	const [keys, moto] = await Promise.all([createKeys(aws), sharedMoto()]);
	const server = await startConfidantProcess({
		keyService: aws.endpoints.kms,
		database: `http://${moto.host}`,
		table: `confidant-${randomUUID()}`,
		region,
		credentials: aws.operator,
		keys: { atRest: keys.atRest.alias, authentication: keys.authentication.alias, userAuthentication: keys.userAuthentication.alias },
		scopedKeys: { [keys.scopedAuthentication.alias]: scopedAccount },
		context,
		environment: options.environment ?? {},
	});
	t?.teardown(() => server.stop());
	const front = await startLatencyProxy(t, { target: server.address });
	return new Confidant({ aws, keys, server, front, ownsAws: options.aws === undefined });
}

export interface CredentialOptions {
	/** Default true. */
	readonly enabled?: boolean;
	readonly metadata?: Readonly<Record<string, string>>;
}

export interface BlindCredentialOptions {
	readonly enabled?: boolean;
	/** The encryption context of its data key; `{ to: "blind" }` unless given. */
	readonly context?: Readonly<Record<string, string>>;
}

/** A credential of Confidant's, as it is after the call that gave it. */
export interface Credential {
	readonly kind: "credentials" | "blind_credentials";
	readonly id: string;
	readonly name: string;
	readonly revision: number;
}

export interface CredentialChange {
	readonly name?: string;
	/** All of them; of a blind credential sealed as the first were. */
	readonly pairs?: CredentialPairs;
	readonly enabled?: boolean;
}

export interface ServiceOptions {
	/** Default true. */
	readonly enabled?: boolean;
	/** {@link scopedAccount}: it has to authenticate with the scoped key. */
	readonly account?: typeof scopedAccount;
}

interface ConfidantParts {
	readonly aws: AwsServers;
	readonly keys: ConfidantKeys;
	readonly server: ConfidantProcess;
	readonly front: LatencyProxy;
	readonly ownsAws: boolean;
}

const blindContext = { to: "blind" } as const;

/** Confidant, empty, and the levers of its world. What they do is in neither count, that of AWS nor that of the proxy. */
export class Confidant {
	/** Where STS and KMS are. Confidant itself asks KMS there as the operator. */
	readonly aws: AwsServers;
	readonly keys: ConfidantKeys;
	/** The proxy that clients reach it through: counts, delays, misbehaviour. */
	readonly front: LatencyProxy;
	readonly region = region;
	/** Its name in tokens, their `to`. */
	readonly context = context;
	readonly #server: ConfidantProcess;
	readonly #administration: Administration;
	readonly #ownsAws: boolean;
	readonly #encrypt: Encrypt;

	constructor({ aws, keys, server, front, ownsAws }: ConfidantParts) {
		this.aws = aws;
		this.keys = keys;
		this.front = front;
		this.#server = server;
		this.#ownsAws = ownsAws;
		this.#encrypt = ownersEncrypt(aws, region);
		this.#administration = new Administration(server.address, () =>
			this.mint({ from: "operator@example.test", userType: "user", key: keys.userAuthentication.alias }),
		);
	}

	get address(): string {
		return this.front.address;
	}

	/** `host:port` of all that a client of it may connect to, and of what its proxy forwards to. */
	get hosts(): readonly string[] {
		return [this.address, this.#server.address].map((address) => new URL(address).host).concat(this.aws.hosts);
	}

	/** The ARN of who it is at AWS, for faults that are meant for it and counts that leave it out. */
	get principal(): string {
		return `arn:aws:iam::${this.aws.account}:user/operator`;
	}

	/** Makes the role of a service, which the tokens of a subject may act as. @returns its ARN */
	addRole(service: string, trust: RoleTrust): string {
		const role = this.aws.roleArn(service);
		this.aws.trust(role, trust);
		this.aws.permit(role, { allow: [this.authenticationRule(service), this.authenticationRule(service, ""), this.blindRule()] });
		return role;
	}

	/**
	 * What a role has to be allowed so that it can make tokens of a service.
	 *
	 * @param userType empty for tokens of version 1, whose context has none
	 */
	authenticationRule(service: string, userType = "service"): Rule {
		const resources = [this.keys.authentication.arn, this.keys.scopedAuthentication.arn];
		return { actions: ["kms:Encrypt"], resources, encryptionContext: { from: service, to: context, user_type: userType } };
	}

	/** What a role has to be allowed so that it can open blind credentials. */
	blindRule(encryptionContext: Readonly<Record<string, string>> = blindContext): Rule {
		return { actions: ["kms:Decrypt"], resources: [this.keys.blind.arn], encryptionContext };
	}

	/** A token of anybody, by the owner of the account; the key and name of Confidant unless given. */
	mint(claims: Partial<TokenClaims> & Pick<TokenClaims, "from">): Promise<KmsauthToken> {
		return mintToken(this.#encrypt, { key: this.keys.authentication.alias, to: context, ...claims });
	}

	async createCredential(name: string, pairs: CredentialPairs, options: CredentialOptions = {}): Promise<Credential> {
		const { enabled = true, metadata = {} } = options;
		const body = { name, credential_pairs: pairs, enabled, metadata };
		return credentialOf("credentials", await this.#administration.call("POST", "/v1/credentials", body));
	}

	async createBlindCredential(name: string, pairs: CredentialPairs, options: BlindCredentialOptions = {}): Promise<Credential> {
		const { enabled = true, context: keyContext = blindContext } = options;
		const body = { name, enabled, metadata: { context: { [region]: keyContext } }, ...(await this.#seal(pairs, keyContext)) };
		return credentialOf("blind_credentials", await this.#administration.call("POST", "/v1/blind_credentials", body));
	}

	async changeCredential({ kind, id }: Credential, change: CredentialChange): Promise<Credential> {
		const { pairs, ...rest } = change;
		const path = `/v1/${kind}/${id}`;
		const stored = await this.#administration.call("GET", path);
		const content =
			kind === "credentials" ? { credential_pairs: pairs ?? stored["credential_pairs"] } : await this.#resealed(stored, pairs);
		return credentialOf(kind, await this.#administration.call("PUT", path, { name: stored["name"], ...rest, ...content }));
	}

	/** Writes a service, or its next revision: it has these credentials and no others. @returns its revision */
	async putService(id: string, credentials: readonly Credential[], options: ServiceOptions = {}): Promise<number> {
		const idsOf = (kind: Credential["kind"]) => credentials.filter((each) => each.kind === kind).map((each) => each.id);
		const { revision } = await this.#administration.call("PUT", `/v1/services/${encodeURIComponent(id)}`, {
			credentials: idsOf("credentials"),
			blind_credentials: idsOf("blind_credentials"),
			enabled: options.enabled ?? true,
			...(options.account === undefined ? {} : { account: options.account }),
		});
		return Number(revision);
	}

	/** The end of the server's log. */
	log(): string {
		return this.#server.log();
	}

	/** Ends the server and its proxy, and the account if it is its own. */
	async stop(): Promise<void> {
		await this.front.stop();
		await this.#server.stop();
		if (this.#ownsAws) await this.aws.stop();
	}

	async #resealed({ metadata }: Answer, pairs: CredentialPairs | undefined): Promise<object> {
		if (pairs === undefined) return {};
		const { context: contexts = {} } = metadata as { context?: Record<string, Record<string, string>> };
		return this.#seal(pairs, contexts[region] ?? {});
	}

	#seal(pairs: CredentialPairs, keyContext: Readonly<Record<string, string>>): Promise<object> {
		return sealPairs(pairs, { encrypt: this.#encrypt, key: this.keys.blind.alias, region, context: keyContext });
	}
}

function credentialOf(kind: Credential["kind"], answer: Answer): Credential {
	return { kind, id: String(answer["id"]), name: String(answer["name"]), revision: Number(answer["revision"]) };
}
