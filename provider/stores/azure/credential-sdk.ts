import type { TokenCredential } from "@azure/core-auth";
import { ClientAssertionCredential, ClientSecretCredential } from "@azure/identity";
import { ProviderError } from "../../errors.ts";
import { runtimeVersion } from "../../shared/runtime-version.ts";
import type { AccessToken, LoginParts } from "./credential.ts";
import { LoginPipeline } from "./credential-pipeline.ts";
import type { Proof } from "./credential-proof.ts";
import { makeAccessToken } from "./credential-token.ts";

/**
 * One login by `@azure/identity`. The package keeps every token that it gets, and gives it again until five minutes
 * before its end, also when a vault has refused it. So a credential of the package lives for one login: the session keeps
 * the token, and the next login asks anew.
 */
export class EntraLogin {
	readonly #parts: LoginParts;
	readonly #pipeline: LoginPipeline;
	readonly #credential: TokenCredential;

	constructor(parts: LoginParts, proof: Proof) {
		this.#parts = parts;
		this.#pipeline = new LoginPipeline(parts);
		this.#credential = makeCredential(parts, proof, this.#pipeline);
	}

	/**
	 * Asks once.
	 *
	 * @throws TokenRefusal for an answer without a token that can be used; ProviderError as {@link Transport.request} when
	 * there was no answer, and `invalid` when the package saw by itself that there can be none
	 */
	async attempt(): Promise<AccessToken> {
		const sentAt = Date.now();
		const scope = `${this.#parts.instance.resource}/.default`;
		const given = await this.#credential.getToken(scope).catch((error: unknown) => {
			throw this.#failure(error);
		});
		const token = given === null ? undefined : makeAccessToken(given.token, sentAt, given.expiresOnTimestamp - sentAt);
		if (token === undefined) throw this.#failure();
		return token;
	}

	/** The package's own errors lose the answer's header fields and keep its text; ours is the other way round. */
	#failure(cause?: unknown): unknown {
		if (this.#pipeline.failure !== undefined) return this.#pipeline.failure;
		const { authority, tenant } = this.#parts.instance;
		return new ProviderError("invalid", `Nobody can log in to the tenant ${tenant} at ${authority}: @azure/identity does not ask there.`, {
			stage: "login",
			remedy:
				"Write the id or a domain of the tenant that the vault belongs to as tenantID (in the dialect claviger: tenant). If the provider's environment has AZURE_REGIONAL_AUTHORITY_NAME, take it away.",
			cause,
		});
	}
}

/** Says everything outright that the package would else find out by itself or take from the environment. */
function makeCredential({ instance }: LoginParts, { client, credential, secret }: Proof, httpClient: LoginPipeline): TokenCredential {
	const { authority, tenant } = instance;
	const options = {
		httpClient,
		authorityHost: authority,
		disableInstanceDiscovery: true,
		retryOptions: { maxRetries: 0 },
		userAgentOptions: { userAgentPrefix: `claviger/${runtimeVersion}` },
	};
	const text = () => secret.reveal().toString("utf8");
	if (credential === "ClientSecretCredential") return new ClientSecretCredential(tenant, client, text(), options);
	return new ClientAssertionCredential(tenant, client, () => Promise.resolve(text()), options);
}
