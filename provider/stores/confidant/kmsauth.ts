import { Flights } from "../../shared/flights.ts";
import { Secret } from "../../shared/secret.ts";
import type { ConfidantInstance } from "./instance.ts";

/** What a token is bound to: KMS opens it for nobody who says anything else. */
export type TokenContext = Readonly<Record<"from" | "to", string>> & { readonly user_type?: "service" };

/** A token of kmsauth, with the name that it is sent under. */
export interface AuthToken {
	readonly user: string;
	readonly token: Secret;
	/** When another one is to be made, in milliseconds since the epoch. */
	readonly renewAt: number;
}

/** Clocks differ, so a token is valid before it is made, and is not used up to its very end. */
const marginMilliseconds = 180_000;

/** The context that a service's token is encrypted with. Source: kmsauth 0.6, token versions 1 and 2. */
export function contextOf({ to, tokenVersion }: Pick<ConfidantInstance, "to" | "tokenVersion">, from: string): TokenContext {
	return tokenVersion === 1 ? { from, to } : { from, to, user_type: "service" };
}

/** The name that a token is sent under. */
export function userOf({ tokenVersion }: Pick<ConfidantInstance, "tokenVersion">, from: string): string {
	return tokenVersion === 1 ? from : `2/service/${from}`;
}

/** When a token is valid: what is encrypted, and until when it is used. Times have no fractions. */
export function validityOf(now: number, seconds: number): { readonly plaintext: string; readonly renewAt: number } {
	const notBefore = now - marginMilliseconds;
	const notAfter = notBefore + seconds * 1000;
	const plaintext = JSON.stringify({ not_before: timeText(notBefore), not_after: timeText(notAfter) });
	return { plaintext, renewAt: notAfter - marginMilliseconds };
}

/** `YYYYMMDDTHHMMSSZ` */
function timeText(milliseconds: number): string {
	return new Date(milliseconds).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** Encrypts with the auth key and a context. @throws ProviderError worded for people */
export type Encrypt = (plaintext: Buffer, context: TokenContext, signal: AbortSignal) => Promise<Uint8Array>;

export interface TokenOptions {
	readonly instance: Pick<ConfidantInstance, "to" | "tokenVersion" | "tokenSeconds">;
	/** The service that the pod proves to be. */
	readonly from: string;
	readonly encrypt: Encrypt;
	/** Milliseconds since the epoch; the system's clock by default. */
	readonly now?: () => number;
}

/** The token of one identity, made when it is first needed and again shortly before its end. */
export class Tokens {
	readonly #options: TokenOptions;
	readonly #now: () => number;
	readonly #flights = new Flights<AuthToken>();
	#current: AuthToken | undefined;

	constructor(options: TokenOptions) {
		this.#options = options;
		this.#now = options.now ?? Date.now;
	}

	/** The token, and whether it was there before. @throws as {@link Encrypt} */
	async current(signal: AbortSignal): Promise<{ readonly token: AuthToken; readonly isKept: boolean }> {
		const known = this.#current;
		if (known !== undefined && this.#now() < known.renewAt) return { token: known, isKept: true };
		const token = await this.#flights.join("token", signal, (attempt) => this.#make(attempt));
		return { token, isKept: false };
	}

	/** Makes the next call bring another one: the server does not take this one any more. */
	forget(token: AuthToken): void {
		if (this.#current === token) this.#current = undefined;
	}

	async #make(signal: AbortSignal): Promise<AuthToken> {
		const { instance, from, encrypt } = this.#options;
		const { plaintext, renewAt } = validityOf(this.#now(), instance.tokenSeconds);
		const encrypted = await encrypt(Buffer.from(plaintext), contextOf(instance, from), signal);
		const token = { user: userOf(instance, from), token: new Secret(Buffer.from(encrypted).toString("base64")), renewAt };
		this.#current = token;
		return token;
	}
}
