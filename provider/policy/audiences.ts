import { ProviderError } from "../errors.ts";
import { quote } from "../plan/fields.ts";
import type { PlannedStore } from "../plan/mount-plan.ts";
import type { Policy } from "./policy-file.ts";

/** Which store type each token audience belongs to, as far as it is known without configuration. */
export type AudienceOwners = Pick<ReadonlyMap<string, string>, "get">;

/** What is known of a registered store's audiences. */
export interface RegisteredAudiences {
	readonly type: string;
	readonly audiences: readonly string[];
	/** The forms of audiences that differ from site to site. */
	readonly audienceForms?: readonly RegExp[];
}

/**
 * Audiences of systems that hand out rights for a service account token, whether Claviger has a
 * store for them or not: a token of theirs in a foreign store's hands is a stolen identity.
 */
const wellKnown: ReadonlyMap<string, string> = new Map([
	["conjur", "conjur"],
	["", "kubernetes"],
	["https://kubernetes.default.svc", "kubernetes"],
	["https://kubernetes.default.svc.cluster.local", "kubernetes"],
]);

/** @param registered the audiences of every registered store */
export function audienceOwners(registered: readonly RegisteredAudiences[]): AudienceOwners {
	const owners = new Map(wellKnown);
	for (const { type, audiences } of registered) for (const audience of audiences) owners.set(audience, type);
	const forms = registered.flatMap(({ type, audienceForms = [] }) => audienceForms.map((form) => ({ type, form })));
	return { get: (audience) => owners.get(audience) ?? forms.find(({ form }) => form.test(audience))?.type };
}

function ownerOf(audience: string, owners: AudienceOwners): string | undefined {
	if (/^https:\/\/kubernetes\.default\.svc(\.|$)/.test(audience)) return "kubernetes";
	return owners.get(audience);
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
	const owner = ownerOf(audience, owners);
	if (owner === type) return undefined;
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
