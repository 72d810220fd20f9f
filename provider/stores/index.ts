import type { StoreModule } from "./module.ts";

/** What is known of a store before its code is loaded. */
export interface StoreEntry {
	readonly type: string;
	/** The compatible dialects it answers to, each a provider name with a socket of its own. */
	readonly dialects: readonly string[];
	/** Token audiences that belong to this type: no other type of store may ever be handed a token of theirs. */
	readonly audiences: readonly string[];
	/** The forms of those that differ from site to site, such as those of Google's workload identity pools. */
	readonly audienceForms?: readonly RegExp[];
	/** Audiences of another type's, whose tokens this type may be handed too: it takes them where that type does, or nowhere. */
	readonly sharedAudiences?: readonly string[];
	/** True: tokens of these audiences carry all of a pod's rights in the cluster, and go to its own API server alone. */
	readonly isOfCluster?: true;
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
		type: "confidant",
		dialects: [],
		audiences: [],
		sharedAudiences: ["sts.amazonaws.com", "sts.amazonaws.com.cn"],
		load: async () => (await import("./confidant/index.ts")).module,
	},
	{ type: "cyberark-epv", dialects: [], audiences: [], load: async () => (await import("./cyberark-epv/index.ts")).module },
	{
		type: "conjur",
		dialects: ["conjur"],
		audiences: ["conjur"],
		load: async () => (await import("./conjur/index.ts")).module,
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
		type: "kubernetes",
		dialects: [],
		// The token without an audience's name is the API server's own, and so are those of its usual names.
		audiences: [""],
		audienceForms: [/^https:\/\/kubernetes\.default\.svc(?:\.|$)/],
		isOfCluster: true,
		load: async () => (await import("./kubernetes/index.ts")).module,
	},
	{
		type: "sealed",
		dialects: [],
		audiences: [],
		sharedAudiences: ["claviger"],
		load: async () => (await import("./sealed/index.ts")).module,
	},
	{
		type: "vault",
		dialects: ["vault", "openbao"],
		audiences: ["vault", "openbao"],
		load: async () => (await import("./vault/index.ts")).module,
	},
];
