import { LRUCache } from "lru-cache";
import type { AuditedObject, AuditRecord, Decision } from "./audit/record.ts";
import type { AuditSink } from "./audit/sink.ts";
import type { Broker, Failure } from "./broker/broker.ts";
import type { MountAnswer } from "./contract/options.ts";
import { ProviderError } from "./errors.ts";
import type { MountPlan, PlannedObject, RenderedFile } from "./plan/mount-plan.ts";
import type { MountRequest } from "./plan/mount-request.ts";
import type { Gate } from "./policy/gate.ts";
import { objectVersion } from "./shared/object-version.ts";
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
/** What the driver records for an optional object that is not there. */
const absentVersion = "absent";

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
			return await this.#deliver(request, plan);
		} catch (reason) {
			const error = ProviderError.from(reason);
			this.#options.failed(request, error);
			this.#audit(request, plan, error);
			throw error;
		}
	}

	async #deliver(request: MountRequest, plan: MountPlan): Promise<MountAnswer> {
		const { gate, broker, audit } = this.#options;
		const admissions = await gate.admit(request, plan);
		const { credentials, signal } = request;
		const outcomes = await broker.fetch({ plan, admissions, credentials, signal });
		signal.throwIfAborted();
		const values = foundValues(plan, outcomes);
		const rendered = plan.files.flatMap((recipe) => recipe.produce(values));
		const files = rendered.length === 0 ? [emptyVolumeMarker] : rendered;
		const versions = this.#versions(plan, values);
		audit.record(auditRecord(request, plan, "deliver", { versions }));
		return { files, versions };
	}

	/** A plan depends on nothing but what is in the key, so replicas and remounts share it. */
	async #plan(request: MountRequest): Promise<MountPlan> {
		const { provider, pod, defaultMode, parameters } = request;
		const key = JSON.stringify([provider, pod.namespace, pod.serviceAccount, defaultMode, ...parameters]);
		const known = this.#plans.get(key);
		if (known !== undefined) return known;
		const dialect = await this.#options.dialect(request);
		const plan = dialect.plan(request);
		this.#plans.set(key, plan);
		return plan;
	}

	#versions(plan: MountPlan, values: ReadonlyMap<string, Found>): ReadonlyMap<string, string> {
		const key = this.#options.versionKey;
		const versions = new Map<string, string>();
		for (const object of plan.objects) {
			const found = values.get(object.name);
			versions.set(object.name, found === undefined ? absentVersion : objectVersion(key, object.name, contentOf(object, found)));
		}
		return versions;
	}

	#audit(request: MountRequest, plan: MountPlan | undefined, error: ProviderError): void {
		const decision = error.code === "refused" || error.code === "denied" || error.code === "unidentified" ? "deny" : "fail";
		try {
			this.#options.audit.record(auditRecord(request, plan, decision, { error }));
		} catch (reason) {
			// Nothing was delivered, so the caller's error matters more than the record's.
			this.#options.failed(request, ProviderError.from(reason));
		}
	}
}

function contentOf(object: PlannedObject, found: Found): Buffer {
	return object.versionedContent?.(found) ?? found.value.reveal();
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
