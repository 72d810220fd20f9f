import type { StoreCase } from "./store-case.ts";

/** In what cases of this form differ. */
export interface CaseTraits extends Pick<StoreCase, "provider" | "parameters" | "onRevoked" | "refusal"> {
	/** Default `store`. */
	readonly changesIn?: StoreCase["changesIn"];
	/** What the file `stays` holds. */
	readonly stays: string;
	/** Writes the secret of `password`. @returns what the file `nested/app`, which is made of the same secret, holds then */
	write(password: string): Promise<string>;
	/** Takes the secret of `token` away, or the right to it. */
	revoke(): Promise<void>;
	/** Has the secret of `token` be {@link token}, for who may read it. */
	restore(): Promise<void>;
}

/** What the file `token` holds. */
export const token = "hello1";

/** The files of a class of the own dialect, of objects whose names are these and of which `app` is JSON. */
export const usualFiles = [
	{ path: "password", from: "app", key: "password" },
	{ path: "nested/app", from: "app" },
	{ path: "token", from: "token" },
	{ path: "stays", from: "stays" },
] as const;

/** A class with the files `password` and `nested/app`, which change, `token`, which is taken away, and `stays`. */
export class UsualCase implements StoreCase {
	readonly changing = "password";
	readonly revocable = "token";
	readonly sync = { username: "password", nested: "nested/app" };
	readonly files = new Map<string, string>();
	readonly provider: string;
	readonly parameters: StoreCase["parameters"];
	readonly onRevoked: StoreCase["onRevoked"];
	readonly refusal: RegExp;
	readonly changesIn: StoreCase["changesIn"];
	readonly #traits: CaseTraits;
	#changes = 0;

	private constructor(traits: CaseTraits) {
		this.#traits = traits;
		this.provider = traits.provider;
		this.parameters = (namespace) => traits.parameters(namespace);
		this.onRevoked = traits.onRevoked;
		this.refusal = traits.refusal;
		this.changesIn = traits.changesIn ?? "store";
		this.files.set("stays", traits.stays);
	}

	static async make(traits: CaseTraits): Promise<UsualCase> {
		const made = new UsualCase(traits);
		await made.change();
		await made.restore();
		return made;
	}

	async change(): Promise<string> {
		this.#changes += 1;
		const password = `hello ${this.#changes} "ü" $x`;
		const app = await this.#traits.write(password);
		this.files.set("password", password).set("nested/app", app);
		return password;
	}

	async revoke(): Promise<void> {
		await this.#traits.revoke();
		if (this.onRevoked === "removed") this.files.delete("token");
	}

	async restore(): Promise<void> {
		await this.#traits.restore();
		this.files.set("token", token);
	}
}
