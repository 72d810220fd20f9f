import { basicAuthorization, type KmsauthToken } from "./kmsauth.ts";

/** An answer's members. */
export type Answer = Readonly<Record<string, unknown>>;

/** Confidant's API as people use it to write, by kmsauth tokens of the type `user`. */
export class Administration {
	readonly #address: string;
	readonly #mint: () => Promise<KmsauthToken>;
	#kept: { readonly authorization: string; readonly until: number } | undefined;

	constructor(address: string, mint: () => Promise<KmsauthToken>) {
		this.#address = address;
		this.#mint = mint;
	}

	/** @throws Error with the whole answer when it is no success */
	async call(method: "GET" | "POST" | "PUT", path: string, body?: object): Promise<Answer> {
		const headers = { authorization: await this.#authorization(), "content-type": "application/json" };
		const content = body === undefined ? {} : { body: JSON.stringify(body) };
		const answer = await fetch(`${this.#address}${path}`, { method, headers, redirect: "error", ...content });
		const text = await answer.text();
		if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
		return JSON.parse(text) as Answer;
	}

	async #authorization(): Promise<string> {
		if (this.#kept === undefined || this.#kept.until < Date.now())
			this.#kept = { authorization: basicAuthorization(await this.#mint()), until: Date.now() + 5 * 60_000 };
		return this.#kept.authorization;
	}
}
