import type { Criteria } from "./criteria.ts";

/** One account of a safe. */
export interface Account {
	readonly safe: string;
	/** What a query calls `Object`, and an answer `Name`. */
	readonly name: string;
	/** Default `Root`. */
	readonly folder?: string;
	/** The password or whatever else is kept. */
	readonly content: string;
	readonly userName?: string;
	readonly address?: string;
	readonly database?: string;
	readonly policyId?: string;
	/** Further properties, such as `{Port: "5432"}`, as they are answered. */
	readonly properties?: Readonly<Record<string, string>>;
	/** The password is being changed just now. */
	readonly isChanging?: boolean;
}

export interface SafeOptions {
	/** AppIDs whose applications may read all accounts. */
	readonly members?: readonly string[];
	/** Reads must say why. */
	readonly demandsReason?: boolean;
}

interface Safe {
	readonly members: Set<string>;
	readonly demandsReason: boolean;
}

/** Safes, by names whose case does not matter. */
export class Safes {
	readonly #safes = new Map<string, Safe>();

	/** Makes or changes a safe. */
	add(name: string, { members = [], demandsReason = false }: SafeOptions = {}): void {
		this.#safes.set(name.toLowerCase(), { members: new Set(members.map((member) => member.toLowerCase())), demandsReason });
	}

	permit(name: string, appId: string): void {
		this.#get(name).members.add(appId.toLowerCase());
	}

	revoke(name: string, appId: string): void {
		this.#get(name).members.delete(appId.toLowerCase());
	}

	permits(name: string, appId: string): boolean {
		return this.#get(name).members.has(appId.toLowerCase());
	}

	demandsReason(name: string): boolean {
		return this.#get(name).demandsReason;
	}

	#get(name: string): Safe {
		const safe = this.#safes.get(name.toLowerCase());
		if (safe === undefined) throw new Error(`there is no safe ${name}`);
		return safe;
	}
}

/** The accounts of all safes. */
export class Accounts {
	readonly #safes: Safes;
	#accounts: readonly Account[] = [];

	constructor(safes: Safes) {
		this.#safes = safes;
	}

	/** Adds an account, or replaces the one of that safe, folder and name. */
	put(account: Account): void {
		this.#safes.demandsReason(account.safe);
		this.#accounts = [...this.#accounts.filter((other) => !isSame(other, account)), account];
	}

	/** Changes parts of an account: its content, or whether that is being changed. */
	change(at: Pick<Account, "safe" | "name" | "folder">, changes: Partial<Account>): void {
		const found = this.#accounts.find((account) => isSame(account, at));
		if (found === undefined) throw new Error(`there is no account ${at.safe}/${at.name}`);
		this.#accounts = this.#accounts.map((account) => (account === found ? { ...account, ...changes } : account));
	}

	remove(at: Pick<Account, "safe" | "name" | "folder">): void {
		this.#accounts = this.#accounts.filter((account) => !isSame(account, at));
	}

	/** Those that fit, of the safes whose member the application is. */
	find(appId: string, criteria: Criteria): readonly Account[] {
		return this.#accounts.filter((account) => this.#safes.permits(account.safe, appId) && criteria.fits(account));
	}
}

export function folderOf({ folder = "Root" }: Pick<Account, "folder">): string {
	return folder;
}

function isSame(one: Pick<Account, "safe" | "name" | "folder">, other: Pick<Account, "safe" | "name" | "folder">): boolean {
	const key = (account: Pick<Account, "safe" | "name" | "folder">) =>
		JSON.stringify([account.safe, folderOf(account), account.name]).toLowerCase();
	return key(one) === key(other);
}
