import { ProviderError } from "../errors.ts";
import { quote } from "../plan/fields.ts";
import type { PlannedStore } from "../plan/mount-plan.ts";
import type { Policy } from "./policy-file.ts";

/** Which store type each token audience belongs to, as far as it is known without configuration. */
export interface AudienceOwners extends Pick<ReadonlyMap<string, string>, "get"> {
	/** Whether a type may be handed an audience's token although that belongs to another type. */
	isShared(audience: string, type: string): boolean;
	/** Whether its tokens carry all of a pod's rights in the cluster, and so go to the cluster's own API server alone. */
	isOfCluster(audience: string): boolean;
}

/** What is known of a registered store's audiences. */
export interface RegisteredAudiences {
	readonly type: string;
	readonly audiences: readonly string[];
	/** The forms of audiences that differ from site to site. */
	readonly audienceForms?: readonly RegExp[];
	/** Audiences of another type's, whose tokens this type may be handed too: it takes them where that type does, or nowhere. */
	readonly sharedAudiences?: readonly string[];
	/** See {@link AudienceOwners.isOfCluster}. */
	readonly isOfCluster?: true;
}

/**
 * Audiences of systems that hand out rights for a service account token, whether Claviger has a
 * store for them or not: a token of theirs in a foreign store's hands is a stolen identity.
 */
const wellKnown: ReadonlyMap<string, string> = new Map([["conjur", "conjur"]]);

/** @param registered the audiences of every registered store */
export function audienceOwners(registered: readonly RegisteredAudiences[]): AudienceOwners {
	const owners = new Map(wellKnown);
	for (const { type, audiences } of registered) for (const audience of audiences) owners.set(audience, type);
	const forms = registered.flatMap(({ type, audienceForms = [] }) => audienceForms.map((form) => ({ type, form })));
	const shared = new Map(registered.map(({ type, sharedAudiences = [] }) => [type, sharedAudiences]));
	const clusterTypes = new Set(registered.filter(({ isOfCluster }) => isOfCluster).map(({ type }) => type));
	const get = (audience: string) => owners.get(audience) ?? forms.find(({ form }) => form.test(audience))?.type;
	return {
		get,
		isOfCluster: (audience) => clusterTypes.has(get(audience) ?? ""),
		isShared: (audience, type) => shared.get(type)?.includes(audience) ?? false,
	};
}

/**
 * Decides whether a store may be handed the token for an audience.
 *
 * @returns a warning for the administrator, if there is any
 * @throws ProviderError `refused` for another store type's audience, in every profile
 */
export function judgeAudience(policy: Policy, store: PlannedStore, owners: AudienceOwners): string | undefined {
	const { audience, audienceParameter: parameter } = store;
	const { type } = store.instance;
	// Whoever logs in otherwise is handed none.
	if (store.instance.loginBy !== undefined) return undefined;
	const owner = owners.get(audience);
	if (owner === type && owners.isOfCluster(audience) && store.instance.isThisCluster !== true) throw ofCluster(store);
	if (owner === type || owners.isShared(audience, type)) return undefined;
	if (owner !== undefined) {
		throw new ProviderError(
			"refused",
			`${parameter}: the audience ${quote(audience)} belongs to ${owner}, and a ${type} store is never handed its token.`,
			{
				remedy: "Remove the audience, or write one of the store's own.",
				rule: "foreign-audience",
			},
		);
	}
	if (store.audienceOrigin === "policy" || policy.audiences.get(type)?.includes(audience)) return undefined;
	if (policy.profile === "strict") {
		throw new ProviderError("refused", `${parameter}: the policy does not list the audience ${quote(audience)} for ${type}.`, {
			remedy: `Ask the administrator to add it under audiences.${type}.`,
			rule: "unlisted-audience",
		});
	}
	return `${parameter} names the audience ${quote(audience)}, which the policy does not list for ${type}; the compatible profile lets it pass.`;
}

function ofCluster({ audience, audienceParameter, instance }: PlannedStore): ProviderError {
	const where = instance.endpoints.join(", ");
	return new ProviderError(
		"refused",
		`${audienceParameter}: tokens for ${audience === "" ? "the API server" : quote(audience)} carry all of a pod's rights in this cluster, and ${where} is not its API server.`,
		{ remedy: "Write an audience of that server's own.", rule: "api-server-audience" },
	);
}
