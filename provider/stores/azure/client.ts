import { settleAttempt, withRetries } from "../../shared/retry.ts";
import type { StoreContext } from "../store.ts";
import { currentCall } from "./client-call.ts";
import type { Sdk } from "./client-sdk.ts";
import type { AccessToken } from "./credential.ts";
import { vaultErrorOf } from "./failure-kinds.ts";
import { refusedToken } from "./failures.ts";
import type { AzureInstance } from "./instance.ts";
import { metadataAddress } from "./places.ts";
import type { ListedVersion } from "./read.ts";
import { NoValue } from "./read-failure.ts";
import type { Servers } from "./servers.ts";

export interface VaultClientParts {
	readonly instance: AzureInstance;
	readonly servers: Servers;
	readonly sdk: Sdk;
	readonly token: AccessToken;
	readonly context: Pick<StoreContext, "schedule" | "allowsAddress">;
}

/** More than anybody has; the list of a broken server may have no end. */
const mostVersions = 10_000;

/** What the SDK says of a version of anything. */
interface VersionProperties {
	readonly version?: string;
	readonly enabled?: boolean;
	readonly createdOn?: Date;
}

/** Asks one vault as one identity. */
export class VaultClient {
	/** The vault's clients, to be called within {@link send} alone. */
	readonly sdk: Sdk;
	readonly #parts: VaultClientParts;
	#hasEnded = false;

	constructor(parts: VaultClientParts) {
		this.#parts = parts;
		this.sdk = parts.sdk;
	}

	/** Whether the vault has refused the access token as such. */
	get hasEnded(): boolean {
		return this.#hasEnded;
	}

	/**
	 * Makes one call of the SDK as this identity, again where that makes sense, within the instance's limit.
	 *
	 * @param call what sends one request, or one list's; the SDK's own attempts are off
	 * @throws ProviderError when there was no answer, as {@link Transport.request}; VaultError for an answer that is an error
	 */
	async send<Answer>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
		const { servers, context } = this.#parts;
		const asWho = {
			token: this.#parts.token.token,
			signal,
			// Policy opens the metadata service to an instance that logs in there, but no vault's name may lead to it.
			allowsAddress: (address: string) => address !== metadataAddress && context.allowsAddress(address),
			refused: (challenge: string) => this.#refused(challenge),
		};
		const settled = await withRetries(() => settleAttempt(() => currentCall.run(asWho, () => call(signal)), answered), signal, {
			budget: servers.vault.budget,
			schedule: (task) => context.schedule(task, signal),
		});
		if ("answer" in settled) return settled.answer;
		throw settled.error;
	}

	/**
	 * Lists all versions of a thing, in no order; a page that fails begins the list anew.
	 *
	 * @throws as {@link send}
	 */
	list(signal: AbortSignal, pages: (signal: AbortSignal) => AsyncIterable<VersionProperties>): Promise<ListedVersion[]> {
		return this.send(signal, async (limited) => {
			const listed: ListedVersion[] = [];
			for await (const { version, enabled, createdOn } of pages(limited)) {
				if (version === undefined || createdOn === undefined) throw new NoValue("a version in its list has no name or date");
				if (listed.push({ version, enabled: enabled !== false, createdAt: createdOn.getTime() }) > mostVersions)
					throw new NoValue(`it lists more than ${mostVersions} versions`);
			}
			return listed;
		});
	}

	#refused(challenge: string): Error {
		this.#hasEnded = true;
		return refusedToken(challenge, this.#parts.instance);
	}
}

/** Without an answer it is our transport's error, which knows whether the connection was lost. */
function answered(error: unknown) {
	const answer = vaultErrorOf(error);
	// What the SDK could make nothing of will be no better the second time.
	return answer === undefined ? undefined : { status: answer.status || 400, retryAfter: answer.retryAfter };
}
