import { ProviderError } from "../errors.ts";
import type { Admission } from "../plan/admission.ts";
import { quote } from "../plan/fields.ts";
import type { MountPlan, PlannedStore } from "../plan/mount-plan.ts";
import type { MountRequest } from "../plan/mount-request.ts";
import type { Secret } from "../shared/secret.ts";
import type { Identity, Store } from "../stores/store.ts";
import { type AudienceOwners, judgeAudience } from "./audiences.ts";
import { addressGuard, judgeEndpoint } from "./endpoints.ts";
import type { Policy } from "./policy-file.ts";
import { compareWithPod, decodeTokenClaims } from "./token-claims.ts";
import type { TokenVerifier } from "./verifier.ts";

export interface GateOptions {
	readonly policy: Policy;
	readonly owners: AudienceOwners;
	/** Absent: tokens are compared with kubelet's pod data only. */
	readonly verifier?: TokenVerifier;
	store(type: string): Promise<Store>;
	/** Hears what an administrator should know about a Mount that was let pass. */
	warn(warning: string, request: MountRequest): void;
}

/** The step between plan and broker: nothing is asked of a store that this has not granted. */
export class Gate {
	readonly #options: GateOptions;

	constructor(options: GateOptions) {
		this.#options = options;
	}

	/**
	 * @returns one admission per store of the plan, in its order
	 * @throws ProviderError `refused` or `unidentified`, naming the parameter and the remedy
	 */
	async admit(request: MountRequest, plan: MountPlan): Promise<readonly Admission[]> {
		const warnings: string[] = [];
		const admissions = await Promise.all(plan.stores.map((store) => this.#admitStore(request, store, warnings)));
		for (const warning of warnings) this.#options.warn(warning, request);
		return admissions;
	}

	async #admitStore(request: MountRequest, store: PlannedStore, warnings: string[]): Promise<Admission> {
		const { policy, owners } = this.#options;
		if (store.instance.endpoints.length === 0 && store.origin !== "policy") {
			throw new ProviderError(
				"refused",
				`${store.addressParameter}: a ${store.instance.type} store is configured by the administrator only.`,
				{
					remedy: "Name a store that the policy file lists under stores.",
				},
			);
		}
		const endpoints = store.instance.endpoints.map((address) => judgeEndpoint(policy, store, address));
		for (const { warning } of endpoints) if (warning !== undefined) warnings.push(warning);
		const audienceWarning = judgeAudience(policy, store, owners);
		if (audienceWarning !== undefined) warnings.push(audienceWarning);
		const token = await this.#judgeToken(request, store);
		return { identity: identityOf(request, store), token, allowsAddress: addressGuard(policy, endpoints) };
	}

	#listed(store: PlannedStore): boolean {
		return this.#options.policy.audiences.get(store.instance.type)?.includes(store.audience) ?? false;
	}

	async #judgeToken(request: MountRequest, planned: PlannedStore): Promise<Secret> {
		const { audience } = planned;
		const token = request.tokens.get(audience);
		if (token === undefined) throw missingToken(audience, request);
		const claims = decodeTokenClaims(token, audience);
		compareWithPod(claims, audience, request.pod, this.#options.policy.unboundTokens);
		if (claims.issuer === audience && !this.#listed(planned)) throw apiServerToken(planned);
		const { verifier } = this.#options;
		if (verifier !== undefined) {
			await verifier.verify(token, audience, request.signal);
			return token;
		}
		const store = await this.#options.store(planned.instance.type);
		if (store.needsVerifiedToken) throw unverifiable(planned);
		return token;
	}
}

function identityOf(request: MountRequest, store: PlannedStore): Identity {
	const { namespace, serviceAccount } = request.pod;
	const { audience, role, instance } = store;
	return {
		key: JSON.stringify([instance.type, instance.key, audience, namespace, serviceAccount, role]),
		audience,
		namespace,
		serviceAccount,
		role,
	};
}

function missingToken(audience: string, request: MountRequest): ProviderError {
	const present = [...request.tokens.keys()].map(quote).join(", ");
	return new ProviderError(
		"unidentified",
		`No token for audience ${quote(audience)} came with the request (${present === "" ? "none came at all" : `there are ${present}`}).`,
		{
			remedy: `Add {audience: ${audience}} to spec.tokenRequests of the CSIDriver secrets-store.csi.k8s.io.`,
		},
	);
}

function apiServerToken(store: PlannedStore): ProviderError {
	return new ProviderError(
		"refused",
		`${store.audienceParameter}: the audience is the API server's own, and its token carries all of the pod's rights in the cluster.`,
		{
			remedy: "Write an audience of the store's own.",
		},
	);
}

function unverifiable(store: PlannedStore): ProviderError {
	return new ProviderError(
		"refused",
		`A ${store.instance.type} store needs verified tokens, and this provider has nothing to verify them with.`,
		{
			remedy: "Start the provider inside the cluster, or give it --token-keys.",
		},
	);
}
