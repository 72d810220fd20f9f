import type { StoreModule } from "./store.ts";

/** What is known of a store before its code is loaded. */
export interface StoreEntry {
	readonly type: string;
	/** The compatible dialects it answers to, each a provider name with a socket of its own. */
	readonly dialects: readonly string[];
	/** Token audiences that belong to this type: no other type of store may ever be handed a token of theirs. */
	readonly audiences: readonly string[];
	/** The forms of those that differ from site to site, such as those of Google's workload identity pools. */
	readonly audienceForms?: readonly RegExp[];
	/** Which statuses failures of its dialects carry; default: all UNKNOWN. See the contract's PlainStatus. */
	readonly failureStatus?: "by-stage";
	/** Loads the store's code, and with it any heavy library, on first use. */
	load(): Promise<StoreModule>;
}

/** Every store, one line each. */
export const stores: readonly StoreEntry[] = [
	{ type: "strongroom", dialects: [], audiences: ["claviger"], load: async () => (await import("./strongroom/index.ts")).module },
	{
		type: "aws",
		dialects: ["aws"],
		audiences: ["sts.amazonaws.com", "sts.amazonaws.com.cn", "pods.eks.amazonaws.com"],
		load: async () => (await import("./aws/index.ts")).module,
	},
	{
		type: "azure",
		dialects: ["azure"],
		audiences: ["api://AzureADTokenExchange", "api://AKSIdentityBinding"],
		load: async () => (await import("./azure/index.ts")).module,
	},
	{
		type: "gcp",
		dialects: ["gcp"],
		audiences: [],
		audienceForms: [/\.svc\.id\.goog$/, /^(?:https:)?\/\/iam\.googleapis\.com\//],
		failureStatus: "by-stage",
		load: async () => (await import("./gcp/index.ts")).module,
	},
	{
		type: "vault",
		dialects: ["vault", "openbao"],
		audiences: ["vault", "openbao"],
		load: async () => (await import("./vault/index.ts")).module,
	},
];
