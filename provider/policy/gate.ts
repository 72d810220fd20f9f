import { createHmac, hash, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { ProviderError } from "../errors.ts";
import type { Admission } from "../plan/admission.ts";
import { quote } from "../plan/fields.ts";
import type { MountPlan, PlannedStore } from "../plan/mount-plan.ts";
import type { MountRequest } from "../plan/mount-request.ts";
import { encodeFields } from "../shared/canonical.ts";
import { Secret } from "../shared/secret.ts";
import type { Identity, Store } from "../stores/store.ts";
import type { AnnotationSource } from "./annotation-source.ts";
import { type AudienceOwners, judgeAudience } from "./audiences.ts";
import { addressGuard, judgeEndpoint } from "./endpoints.ts";
import type { Policy } from "./policy-file.ts";
import { apiServerAudiences, compareWithPod, decodeTokenClaims, type TokenClaims } from "./token-claims.ts";
import type { TokenVerifier } from "./verifier.ts";

export interface GateOptions {
	readonly policy: Policy;
	readonly owners: AudienceOwners;
	/** Absent: tokens are compared with kubelet's pod data only. */
	readonly verifier?: TokenVerifier;
	/** Absent: stores whose role stands in an annotation cannot be asked without one. */
	readonly annotations?: AnnotationSource;
	/** With it credentials are told apart in the keys of identities; absent: a new one, so that none is known again after a restart. */
	readonly credentialKey?: Buffer;
	store(type: string): Promise<Store>;
	/** Hears what an administrator should know about a Mount that was let pass. */
	warn(warning: string, request: MountRequest): void;
}

/** A proof holds this long; after that the token's key or its pod may be gone. */
const provenMilliseconds = 60_000;
const maximumProofs = 4096;
const noToken = new Secret("");

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
	readonly #credentialKey: Buffer;
	readonly #judgements = new WeakMap<PlannedStore, Judgement>();
	/** The claims of tokens by their digest: kubelet sends one token for the most of an hour, and each Mount carries it again. */
	readonly #proven = new LRUCache<string, TokenClaims>({ max: maximumProofs, ttl: provenMilliseconds });

	constructor(options: GateOptions) {
		this.#options = options;
		this.#credentialKey = options.credentialKey ?? randomBytes(32);
	}

	/**
	 * @returns one admission per store of the plan, in its order
	 * @throws ProviderError `refused` or `unidentified`, naming the parameter and the remedy
	 */
	async admit(request: MountRequest, plan: MountPlan): Promise<readonly Admission[]> {
		const warnings: string[] = [];
		const admissions = this.#admitKnown(request, plan, warnings) ?? (await this.#admitAll(request, plan, warnings));
		for (const warning of warnings) this.#options.warn(warning, request);
		for (const warning of plan.warnings ?? []) this.#options.warn(warning, request);
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
		if (store.instance.loginBy !== undefined) return this.#admitWithoutToken(request, store, allowsAddress);
		const { token, claims, proofKey } = await this.#judgeToken(request, store);
		const role = await this.#roleOf(request, store);
		const admission = { identity: identityOf(request, store, role), token, tokenExpiresAt: claims.expiresAt, allowsAddress };
		// The claims name namespace and account, so a token is always this one identity's.
		granted.set(token, { proofKey, admission });
		return admission;
	}

	/**
	 * What logs in with credentials of the pod's namespace, or as the node, needs no token: kubelet's word on who the pod
	 * is counts, and whoever brings other credentials is another identity.
	 */
	async #admitWithoutToken(request: MountRequest, store: PlannedStore, allowsAddress: Admission["allowsAddress"]): Promise<Admission> {
		const role = await this.#roleOf(request, store);
		const identity = identityOf(request, store, role);
		const key = JSON.stringify([identity.key, this.#digest(request.credentials)]);
		return { identity: { ...identity, key }, token: noToken, tokenExpiresAt: Number.POSITIVE_INFINITY, allowsAddress };
	}

	/** Without the key nobody can try what the credentials may be. */
	#digest(credentials: MountRequest["credentials"]): string {
		const digest = createHmac("sha256", this.#credentialKey);
		for (const [name, secret] of [...credentials].sort(([one], [other]) => (one < other ? -1 : 1)))
			digest.update(encodeFields([name, secret.reveal()]));
		return digest.digest("base64url");
	}

	/** The role that the class or the administrator names, or else the service account's annotation where the store has one. */
	async #roleOf({ pod, signal }: MountRequest, { role, instance }: PlannedStore): Promise<string> {
		const { roleAnnotation } = instance;
		if (role !== "" || roleAnnotation === undefined) return role;
		const { annotations } = this.#options;
		const { key, further = [], isOptional = false } = roleAnnotation;
		if (annotations === undefined && isOptional) return "";
		if (annotations === undefined) throw roleAnnotation.failure(pod, noAnnotations(instance.name));
		const read = (name: string) =>
			annotations.annotation(pod, name, signal).catch((reason: unknown) => {
				throw roleAnnotation.failure(pod, ProviderError.from(reason));
			});
		const annotated = (await read(key)) ?? "";
		if (annotated === "" && isOptional) return "";
		if (annotated === "") throw roleAnnotation.failure(pod, undefined);
		return roleAnnotation.role?.([annotated, ...(await Promise.all(further.map(read)))], pod) ?? annotated;
	}

	/** What does not depend on the pod is judged once for a plan, and plans are shared by many Mounts. */
	#judge(store: PlannedStore): Judgement {
		const known = this.#judgements.get(store);
		if (known !== undefined) return known;
		if (store.lacks !== undefined) throw store.lacks;
		const { policy, owners } = this.#options;
		const { endpoints: asked, administratorsOnly: isReserved = false } = store.instance;
		if ((asked.length === 0 || isReserved) && store.origin !== "policy") throw administratorsOnly(store);
		const endpoints = asked.map((address) => judgeEndpoint(policy, store, address));
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
		if (token === undefined) throw missingToken(store, request);
		const proofKey = `${hash("sha256", token.reveal(), "base64url")} ${store.instance.type} ${audience}`;
		const proven = this.#proven.get(proofKey);
		const claims = proven ?? decodeTokenClaims(token, audience);
		compareWithPod(claims, audience, request.pod, this.#options.policy.unboundTokens);
		if (proven !== undefined) return { token, claims, proofKey };
		await this.#prove(token, claims, store, request);
		this.#proven.set(proofKey, claims);
		return { token, claims, proofKey };
	}

	/** What holds for a token whichever pod brings it. */
	async #prove(token: Secret, claims: TokenClaims, planned: PlannedStore, { tokens, signal }: MountRequest): Promise<void> {
		const { audience, instance } = planned;
		const { verifier, policy, owners } = this.#options;
		const isListed = policy.audiences.get(instance.type)?.includes(audience) ?? false;
		if (claims.issuer === audience && !isListed && instance.isThisCluster !== true) throw apiServerToken(planned);
		const isOwn = owners.get(audience) === instance.type || owners.isShared(audience, instance.type);
		const isChosenByClass = planned.audienceOrigin === "parameters" && !isListed && !isOwn;
		if (isChosenByClass && apiServerAudiences(tokens).includes(audience)) throw apiServerToken(planned);
		if (verifier !== undefined) return verifier.verify(token, audience, signal);
		const store = await this.#options.store(instance.type);
		if (store.needsVerifiedToken) throw unverifiable(planned);
	}
}

function noAnnotations(store: string): ProviderError {
	return new ProviderError("invalid", `The store ${quote(store)} takes its role from the service account, and no API server is known.`, {
		remedy: "Name the role beside the store, or give --kubernetes-api.",
	});
}

function administratorsOnly(store: PlannedStore): ProviderError {
	const what = store.instance.endpoints.length === 0 ? `a ${store.instance.type} store` : `this store of type ${store.instance.type}`;
	return new ProviderError("refused", `${store.addressParameter}: ${what} is configured by the administrator only.`, {
		remedy: "Name a store that the policy file lists under stores.",
		rule: "administrators-store",
	});
}

function identityOf(request: MountRequest, { audience, instance }: PlannedStore, role: string): Identity {
	const { namespace, serviceAccount } = request.pod;
	return {
		key: JSON.stringify([instance.type, instance.key, audience, namespace, serviceAccount, role]),
		audience,
		namespace,
		serviceAccount,
		role,
	};
}

function missingToken({ audience, missingTokenText }: PlannedStore, request: MountRequest): ProviderError {
	const present = [...request.tokens.keys()].map(quote).join(", ");
	const legacyText = missingTokenText?.(present !== "");
	return new ProviderError(
		"unidentified",
		`No token for ${audience === "" ? 'the API server (audience "")' : `audience ${quote(audience)}`} came with the request (${present === "" ? "none came at all" : `there are ${present}`}).`,
		{
			remedy: `Add {audience: ${audience === "" ? '""' : audience}} to spec.tokenRequests of the CSIDriver secrets-store.csi.k8s.io.`,
			rule: "missing-token",
			...(legacyText === undefined ? {} : { legacyText }),
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
