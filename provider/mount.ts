import { LRUCache } from "lru-cache";
import type { AuditedObject, AuditRecord, Decision } from "./audit/record.ts";
import type { AuditSink } from "./audit/sink.ts";
import { askedOf, type Broker } from "./broker/broker.ts";
import type { MountAnswer } from "./contract/options.ts";
import { ProviderError } from "./errors.ts";
import { filesOf, settle } from "./mount-contents.ts";
import type { ObjectVersions } from "./object-versions.ts";
import type { MountPlan } from "./plan/mount-plan.ts";
import type { MountRequest } from "./plan/mount-request.ts";
import type { Gate } from "./policy/gate.ts";
import { type Delivery, revokedVersion } from "./rotation/holdings.ts";
import type { Rotation } from "./rotation/rotation.ts";
import type { Dialect } from "./stores/store.ts";
import type { Metrics } from "./telemetry/metrics.ts";

/** What leaves with an answer, for the records about it. */
interface MountDelivery extends Delivery {
	/** The age of the oldest value that stood in for a store that cannot be reached. */
	readonly staleSeconds: number | undefined;
}

export interface MountPipelineOptions {
	/** The dialect of a provider name. */
	dialect(request: MountRequest): Promise<Dialect>;
	readonly gate: Gate;
	readonly broker: Broker;
	readonly rotation: Rotation;
	readonly audit: AuditSink;
	readonly versions: ObjectVersions;
	readonly metrics: Metrics;
	/** Hears of every Mount that ended without files, before its error is put into words for the wire. */
	failed(request: MountRequest, error: ProviderError): void;
}

/** Plans kept: a node runs few hundred distinct SecretProviderClasses at most. */
const maximumPlans = 512;

/**
 * The way of a Mount: plan, policy, broker, render. All or nothing: one object that fails leaves
 * the volume as it is.
 */
export class MountPipeline {
	readonly #options: MountPipelineOptions;
	readonly #plans = new LRUCache<string, MountPlan>({ max: maximumPlans });

	constructor(options: MountPipelineOptions) {
		this.#options = options;
	}

	async mount(request: MountRequest): Promise<MountAnswer> {
		let plan: MountPlan | undefined;
		try {
			plan = await this.#plan(request);
			return await this.#fetch(request, plan);
		} catch (reason) {
			const error = ProviderError.from(reason);
			this.failed(request, error, plan);
			throw error;
		}
	}

	/** Records that a Mount ends without files. */
	failed(request: MountRequest, error: ProviderError, plan?: MountPlan): void {
		const { failed, metrics, audit } = this.#options;
		failed(request, error);
		metrics.mount(request.provider, error.code);
		const decision = error.code === "refused" || error.code === "denied" || error.code === "unidentified" ? "deny" : "fail";
		try {
			audit.record(() => auditRecord(request, plan, decision, { error }));
		} catch (reason) {
			// Nothing was delivered, so the caller's error matters more than the record's.
			failed(request, ProviderError.from(reason));
		}
	}

	/**
	 * Records that an answer leaves.
	 *
	 * @throws ProviderError `internal` when it cannot be recorded; then it may not leave
	 */
	#leaving(request: MountRequest, delivery: MountDelivery): void {
		this.#options.audit.record(() => auditRecord(request, delivery.plan, "deliver", delivery));
		this.#options.rotation.delivered(request, delivery);
		this.#options.metrics.mount(request.provider, "ok");
	}

	/** From the last look at the values to the encoded answer nothing waits: an evicted value is overwritten in between otherwise. */
	async #fetch(request: MountRequest, plan: MountPlan): Promise<MountAnswer> {
		const { gate, broker, rotation, versions, metrics } = this.#options;
		const admissions = await gate.admit(request, plan);
		rotation.asked(request);
		const { credentials, signal } = request;
		const wanted = { plan, admissions, credentials, podUid: request.pod.uid };
		const answers = await broker.fetch({ ...wanted, signal });
		signal.throwIfAborted();
		const holding = rotation.held(request);
		const contents = settle({
			plan,
			answers,
			judge: (object) => rotation.judge(object, holding),
			withdrawn(object) {
				const asked = askedOf(wanted, object);
				return asked === undefined ? undefined : broker.withdrawn(asked, object.ref);
			},
		});
		for (const name of contents.removed) if (holding?.delivered.get(name) !== revokedVersion) metrics.revoked();
		const given = new Map(
			plan.objects.map((object) => [
				object.name,
				contents.removed.has(object.name) ? revokedVersion : versions.of(object, contents.values.get(object.name)),
			]),
		);
		const delivery = { plan, admissions, versions: given, withdrawn: contents.withdrawn, staleSeconds: contents.staleSeconds };
		return {
			files: filesOf(plan, contents),
			versions: given,
			leaving: () => this.#leaving(request, delivery),
			withheld: (error) => this.failed(request, error, plan),
		};
	}

	/** A plan depends on nothing but what is in the key, so replicas and remounts share it. */
	async #plan(request: MountRequest): Promise<MountPlan> {
		const { provider, pod, defaultMode, parameters } = request;
		const key = JSON.stringify([provider, pod.namespace, pod.serviceAccount, defaultMode, ...parameters]);
		const plan = this.#plans.get(key) ?? (await this.#options.dialect(request)).plan(request);
		this.#plans.set(key, plan);
		return plan;
	}
}

function auditRecord(
	request: MountRequest,
	plan: MountPlan | undefined,
	decision: Decision,
	result: {
		readonly versions?: ReadonlyMap<string, string>;
		readonly staleSeconds?: number | undefined;
		readonly error?: ProviderError;
	} = {},
): AuditRecord {
	const { pod, provider } = request;
	const objects = (plan?.objects ?? []).map((object): AuditedObject => {
		const version = result.versions?.get(object.name);
		const store = plan?.stores[object.store]?.instance.name ?? "";
		return version === undefined ? { name: object.name, store } : { name: object.name, store, version };
	});
	return {
		time: new Date().toISOString(),
		decision,
		provider,
		namespace: pod.namespace,
		pod: pod.name,
		podUid: pod.uid,
		serviceAccount: pod.serviceAccount,
		objects,
		...(result.staleSeconds === undefined ? {} : { staleSeconds: Math.round(result.staleSeconds) }),
		...(result.error === undefined ? {} : { code: result.error.code, reason: result.error.text }),
	};
}
