import { LRUCache } from "lru-cache";
import type { AuditedObject, AuditRecord, Decision } from "./audit/record.ts";
import type { AuditSink } from "./audit/sink.ts";
import type { Broker, Failure } from "./broker/broker.ts";
import type { MountAnswer } from "./contract/options.ts";
import { ProviderError } from "./errors.ts";
import { ObjectVersions } from "./object-versions.ts";
import type { MountPlan, PlannedObject, RenderedFile } from "./plan/mount-plan.ts";
import type { MountRequest } from "./plan/mount-request.ts";
import type { Gate } from "./policy/gate.ts";
import type { Absent, Denied, Dialect, Found, Outcome } from "./stores/store.ts";

export interface MountPipelineOptions {
	/** The dialect of a provider name. */
	dialect(request: MountRequest): Promise<Dialect>;
	readonly gate: Gate;
	readonly broker: Broker;
	readonly audit: AuditSink;
	/** The key of the versions that the driver records. */
	readonly versionKey: Buffer;
	/** Hears of every Mount that ended without files, before its error is put into words for the wire. */
	failed(request: MountRequest, error: ProviderError): void;
}

/** Plans kept: a node runs few hundred distinct SecretProviderClasses at most. */
const maximumPlans = 512;

/** The driver ignores an answer without files, so a volume whose optional objects are all absent holds this. */
const emptyVolumeMarker: RenderedFile = { path: ".empty", mode: 0o444, contents: Buffer.alloc(0) };
/**
 * The way of a Mount: plan, policy, broker, render. All or nothing: one object that fails leaves
 * the volume as it is.
 */
export class MountPipeline {
	readonly #options: MountPipelineOptions;
	readonly #plans = new LRUCache<string, MountPlan>({ max: maximumPlans });
	/** The plan of a request under way, for the records about it. */
	readonly #planned = new WeakMap<MountRequest, MountPlan>();
	readonly #versions: ObjectVersions;

	constructor(options: MountPipelineOptions) {
		this.#options = options;
		this.#versions = new ObjectVersions(options.versionKey);
	}

	async mount(request: MountRequest): Promise<MountAnswer> {
		try {
			return await this.#fetch(request, await this.#plan(request));
		} catch (reason) {
			const error = ProviderError.from(reason);
			this.failed(request, error);
			throw error;
		}
	}

	/**
	 * Records that an answer leaves.
	 *
	 * @throws ProviderError `internal` when it cannot be recorded; then it may not leave
	 */
	delivering(request: MountRequest, { versions }: MountAnswer): void {
		this.#options.audit.record(() => auditRecord(request, this.#planned.get(request), "deliver", { versions }));
	}

	/** Records that a Mount ends without files. */
	failed(request: MountRequest, error: ProviderError): void {
		this.#options.failed(request, error);
		const decision = error.code === "refused" || error.code === "denied" || error.code === "unidentified" ? "deny" : "fail";
		try {
			this.#options.audit.record(() => auditRecord(request, this.#planned.get(request), decision, { error }));
		} catch (reason) {
			// Nothing was delivered, so the caller's error matters more than the record's.
			this.#options.failed(request, ProviderError.from(reason));
		}
	}

	/** From the last look at the values to the encoded answer nothing waits: an evicted value is overwritten in between otherwise. */
	async #fetch(request: MountRequest, plan: MountPlan): Promise<MountAnswer> {
		const { gate, broker } = this.#options;
		const admissions = await gate.admit(request, plan);
		const { credentials, signal } = request;
		const outcomes = await broker.fetch({ plan, admissions, credentials, signal });
		signal.throwIfAborted();
		const values = foundValues(plan, outcomes);
		const rendered = plan.files.flatMap((recipe) => recipe.produce(values));
		const files = rendered.length === 0 ? [emptyVolumeMarker] : rendered;
		const versions = new Map(plan.objects.map((object) => [object.name, this.#versions.of(object, values.get(object.name))]));
		return { files, versions };
	}

	/** A plan depends on nothing but what is in the key, so replicas and remounts share it. */
	async #plan(request: MountRequest): Promise<MountPlan> {
		const { provider, pod, defaultMode, parameters } = request;
		const key = JSON.stringify([provider, pod.namespace, pod.serviceAccount, defaultMode, ...parameters]);
		const plan = this.#plans.get(key) ?? (await this.#options.dialect(request)).plan(request);
		this.#plans.set(key, plan);
		this.#planned.set(request, plan);
		return plan;
	}
}

/**
 * The values of all objects that are there.
 *
 * @throws ProviderError for the first object that is not and must be, in the words of the plan's dialect
 */
function foundValues(plan: MountPlan, outcomes: ReadonlyMap<string, Outcome | Failure>): ReadonlyMap<string, Found> {
	const values = new Map<string, Found>();
	const missing: { object: PlannedObject; outcome: Absent | Denied | Failure }[] = [];
	for (const object of plan.objects) {
		const outcome = outcomes.get(object.name);
		if (outcome?.kind === "found") values.set(object.name, outcome);
		else if (outcome !== undefined && !(object.optional && outcome.kind !== "failed")) missing.push({ object, outcome });
	}
	const first = missing[0];
	if (first === undefined) return values;
	throw describeMissing(plan, first.object, first.outcome.error, missing.slice(1));
}

function describeMissing(
	plan: MountPlan,
	object: PlannedObject,
	error: ProviderError,
	others: readonly { readonly object: PlannedObject; readonly outcome: Absent | Denied | Failure }[],
): ProviderError {
	const own = `${object.path} ${JSON.stringify(object.name)}: ${error.message}`;
	const also =
		others.length === 0 ? "" : ` Also: ${others.map((other) => `${other.object.path} (${other.outcome.error.code})`).join(", ")}.`;
	const legacyText = plan.explain?.(object, error);
	return new ProviderError(error.code, `${own}${also}`, {
		...(error.remedy === undefined ? {} : { remedy: error.remedy }),
		...(legacyText === undefined ? {} : { legacyText }),
		cause: error,
	});
}

function auditRecord(
	request: MountRequest,
	plan: MountPlan | undefined,
	decision: Decision,
	result: { readonly versions?: ReadonlyMap<string, string>; readonly error?: ProviderError },
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
		...(result.error === undefined ? {} : { code: result.error.code, reason: result.error.text }),
	};
}
