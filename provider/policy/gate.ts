import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
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
import { compareWithPod, decodeTokenClaims, type TokenClaims } from "./token-claims.ts";
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

/** A proof holds this long; after that the token's key or its pod may be gone. */
const provenMilliseconds = 60_000;
const maximumProofs = 4096;

/** What policy says of a store as a plan uses it. */
interface Judgement {
	readonly warnings: readonly string[];
	allowsAddress(address: string): boolean;
	/** What tokens were granted, for as long as the tokens themselves are kept: a remount brings the one it brought before. */
	readonly granted: WeakMap<Secret, Grant>;
}

interface Grant {
	/** Where the proof of the token is kept; a grant without it counts no more. */
	readonly proofKey: string;
	readonly admission: Admission;
}

interface JudgedToken {
	readonly token: Secret;
	readonly claims: TokenClaims;
	readonly proofKey: string;
}

/** The step between plan and broker: nothing is asked of a store that this has not granted. */
export class Gate {
	readonly #options: GateOptions;
	readonly #judgements = new WeakMap<PlannedStore, Judgement>();
	/** The claims of tokens by their digest: kubelet sends one token for the most of an hour, and each Mount carries it again. */
	readonly #proven = new LRUCache<string, TokenClaims>({ max: maximumProofs, ttl: provenMilliseconds });

	constructor(options: GateOptions) {
		this.#options = options;
	}

	/**
	 * @returns one admission per store of the plan, in its order
	 * @throws ProviderError `refused` or `unidentified`, naming the parameter and the remedy
	 */
	async admit(request: MountRequest, plan: MountPlan): Promise<readonly Admission[]> {
		const warnings: string[] = [];
		const admissions = this.#admitKnown(request, plan, warnings) ?? (await this.#admitAll(request, plan, warnings));
		for (const warning of warnings) this.#options.warn(warning, request);
		return admissions;
	}

	/**
	 * Which addresses may be connected to at a store of an earlier process's plan.
	 *
	 * @throws ProviderError `refused` when policy no longer lets the store be asked at all
	 */
	addressGuard(store: PlannedStore): (address: string) => boolean {
		return this.#judge(store).allowsAddress;
	}

	/** What was granted to these very tokens before, as far as it still holds; undefined where there is anything to find out. */
	#admitKnown(request: MountRequest, plan: MountPlan, warnings: string[]): readonly Admission[] | undefined {
		const admissions: Admission[] = [];
		for (const store of plan.stores) {
			const judgement = this.#judgements.get(store);
			const token = request.tokens.get(store.audience);
			const grant = token === undefined ? undefined : judgement?.granted.get(token);
			const claims = grant === undefined ? undefined : this.#proven.get(grant.proofKey);
			if (judgement === undefined || grant === undefined || claims === undefined) return undefined;
			compareWithPod(claims, store.audience, request.pod, this.#options.policy.unboundTokens);
			admissions.push(grant.admission);
			warnings.push(...judgement.warnings);
		}
		return admissions;
	}

	#admitAll(request: MountRequest, plan: MountPlan, warnings: string[]): Promise<readonly Admission[]> {
		// What was known of the first stores is said once.
		warnings.length = 0;
		return Promise.all(plan.stores.map((store) => this.#admitStore(request, store, warnings)));
	}

	async #admitStore(request: MountRequest, store: PlannedStore, warnings: string[]): Promise<Admission> {
		const { allowsAddress, granted, warnings: own } = this.#judge(store);
		warnings.push(...own);
		const { token, claims, proofKey } = await this.#judgeToken(request, store);
		const admission = { identity: identityOf(request, store), token, tokenExpiresAt: claims.expiresAt, allowsAddress };
		// The claims name namespace and account, so a token is always this one identity's.
		granted.set(token, { proofKey, admission });
		return admission;
	}

	/** What does not depend on the pod is judged once for a plan, and plans are shared by many Mounts. */
	#judge(store: PlannedStore): Judgement {
		const known = this.#judgements.get(store);
		if (known !== undefined) return known;
		const { policy, owners } = this.#options;
		if (store.instance.endpoints.length === 0 && store.origin !== "policy") throw administratorsOnly(store);
		const endpoints = store.instance.endpoints.map((address) => judgeEndpoint(policy, store, address));
		const warnings = [...endpoints.map(({ warning }) => warning), judgeAudience(policy, store, owners)];
		const judgement = {
			allowsAddress: addressGuard(policy, endpoints),
			warnings: warnings.filter((warning) => warning !== undefined),
			granted: new WeakMap<Secret, Grant>(),
		};
		this.#judgements.set(store, judgement);
		return judgement;
	}

	async #judgeToken(request: MountRequest, store: PlannedStore): Promise<JudgedToken> {
		const { audience } = store;
		const token = request.tokens.get(audience);
		if (token === undefined) throw missingToken(audience, request);
		const proofKey = `${hash("sha256", token.reveal(), "base64url")} ${store.instance.type} ${audience}`;
		const proven = this.#proven.get(proofKey);
		const claims = proven ?? decodeTokenClaims(token, audience);
		compareWithPod(claims, audience, request.pod, this.#options.policy.unboundTokens);
		if (proven !== undefined) return { token, claims, proofKey };
		await this.#prove(token, claims, store, request.signal);
		this.#proven.set(proofKey, claims);
		return { token, claims, proofKey };
	}

	/** What holds for a token whichever pod brings it. */
	async #prove(token: Secret, claims: TokenClaims, planned: PlannedStore, signal: AbortSignal): Promise<void> {
		const { audience, instance } = planned;
		const { verifier, policy } = this.#options;
		const isListed = policy.audiences.get(instance.type)?.includes(audience) ?? false;
		if (claims.issuer === audience && !isListed) throw apiServerToken(planned);
		if (verifier !== undefined) return verifier.verify(token, audience, signal);
		const store = await this.#options.store(instance.type);
		if (store.needsVerifiedToken) throw unverifiable(planned);
	}
}

function administratorsOnly(store: PlannedStore): ProviderError {
	return new ProviderError(
		"refused",
		`${store.addressParameter}: a ${store.instance.type} store is configured by the administrator only.`,
		{
			remedy: "Name a store that the policy file lists under stores.",
			rule: "administrators-store",
		},
	);
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
			rule: "missing-token",
		},
	);
}

function apiServerToken(store: PlannedStore): ProviderError {
	return new ProviderError(
		"refused",
		`${store.audienceParameter}: the audience is the API server's own, and its token carries all of the pod's rights in the cluster.`,
		{
			remedy: "Write an audience of the store's own.",
			rule: "api-server-audience",
		},
	);
}

function unverifiable(store: PlannedStore): ProviderError {
	return new ProviderError(
		"refused",
		`A ${store.instance.type} store needs verified tokens, and this provider has nothing to verify them with.`,
		{
			remedy: "Start the provider inside the cluster, or give it --token-keys.",
			rule: "unverified-token",
		},
	);
}
