import { LRUCache } from "lru-cache";
import type { AuditSink } from "./audit/sink.ts";
import { type Answer, askedOf, type Broker, type FetchRequest } from "./broker/broker.ts";
import type { MountAnswer } from "./contract/options.ts";
import { ProviderError } from "./errors.ts";
import type { KeptAnswer, KeptAnswers } from "./kept-answers.ts";
import { contentsOf, filesOf, type MountContents, settle } from "./mount-contents.ts";
import { auditRecord } from "./mount-record.ts";
import type { ObjectVersions } from "./object-versions.ts";
import type { MountPlan } from "./plan/mount-plan.ts";
import type { MountRequest } from "./plan/mount-request.ts";
import { readPodAnnotations } from "./pod-annotations.ts";
import type { PodAnnotationSource } from "./policy/annotation-source.ts";
import type { Gate } from "./policy/gate.ts";
import { type Delivery, revokedVersion } from "./rotation/holdings.ts";
import type { Rotation } from "./rotation/rotation.ts";
import type { Dialect } from "./stores/module.ts";
import type { Found } from "./stores/store.ts";
import type { MountStage } from "./telemetry/metrics.ts";

/** What leaves with an answer, for the records about it. */
interface MountDelivery extends Delivery {
	/** The age of the oldest value that stood in for a store that cannot be reached. */
	readonly staleSeconds: number | undefined;
}

/** What a Mount asks the broker for. */
type Wanted = Omit<FetchRequest, "signal">;

export interface MountPipelineOptions {
	/** The dialect of a provider name. */
	dialect(request: MountRequest): Promise<Dialect>;
	/** Absent: no API server is known. */
	readonly podAnnotations?: PodAnnotationSource;
	readonly gate: Gate;
	readonly broker: Broker;
	readonly rotation: Rotation;
	readonly audit: AuditSink;
	readonly versions: ObjectVersions;
	readonly kept: KeptAnswers;
	/** Hears how long a step took, by `performance.now()`. */
	stage(stage: MountStage, began: number, ended: number): void;
	/** Hears of an object that leaves a volume because its store has withdrawn it. */
	revoked(request: MountRequest, object: string): void;
	/** Hears of an answer with values that stand in for a store that cannot be reached. */
	stale(request: MountRequest, seconds: number): void;
	/** Hears of every Mount that ended without files, before its error is put into words for the wire. */
	failed(request: MountRequest, error: ProviderError): void;
}

interface LastPlan extends Pick<MountRequest, "provider" | "pod" | "defaultMode"> {
	readonly plan: MountPlan;
}

const nothing: ReadonlySet<string> = new Set();

/** Plans kept: a node runs few hundred distinct SecretProviderClasses at most. */
const maximumPlans = 512;

/**
 * The way of a Mount: plan, policy, broker, render. All or nothing: one object that fails leaves
 * the volume as it is.
 */
export class MountPipeline {
	readonly #options: MountPipelineOptions;
	readonly #plans = new LRUCache<string, MountPlan>({ max: maximumPlans });
	/** The same by the parameters themselves, which a remount brings again as they were. */
	readonly #lastPlans = new WeakMap<MountRequest["parameters"], LastPlan>();

	constructor(options: MountPipelineOptions) {
		this.#options = options;
	}

	async mount(request: MountRequest): Promise<MountAnswer> {
		let plan: MountPlan | undefined;
		try {
			const began = performance.now();
			plan = this.#knownPlan(request) ?? (await this.#plan(request));
			return await this.#fetch(request, plan, this.#over("plan", began));
		} catch (reason) {
			const error = ProviderError.from(reason);
			this.failed(request, error, plan);
			throw error;
		}
	}

	/** Records that a Mount ends without files. */
	failed(request: MountRequest, error: ProviderError, plan?: MountPlan): void {
		const { failed, audit } = this.#options;
		failed(request, error);
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
		if (delivery.staleSeconds !== undefined) this.#options.stale(request, delivery.staleSeconds);
	}

	/** From the last look at the values to the encoded answer nothing waits: an evicted value is overwritten in between otherwise. */
	async #fetch(request: MountRequest, plan: MountPlan, planned: number): Promise<MountAnswer> {
		const { gate, broker, rotation } = this.#options;
		const admissions = await gate.admit(request, plan);
		const admitted = this.#over("policy", planned);
		rotation.asked(request);
		const wanted = { plan, admissions, credentials: request.credentials, podUid: request.pod.uid };
		const values = broker.freshValues(wanted);
		const answers = values === undefined ? await broker.fetch({ ...wanted, signal: request.signal }) : undefined;
		const fetched = this.#over("fetch", admitted);
		if (answers !== undefined) request.signal.throwIfAborted();
		const answer = answers === undefined ? this.#answerKnown(request, wanted, values ?? []) : this.#answerFetched(request, wanted, answers);
		this.#over("render", fetched);
		return answer;
	}

	/** Nothing has changed and nothing was asked: the usual remount. */
	#answerKnown(request: MountRequest, { plan, admissions }: Wanted, values: readonly Found[]): MountAnswer {
		const { kept: answers } = this.#options;
		const kept = answers.get(plan, values);
		const made = kept ?? this.#make(plan, contentsOf(plan, values));
		const isKept = kept !== undefined || answers.keep(plan, values, made);
		const delivery = { plan, admissions, versions: made.versions, withdrawn: nothing, staleSeconds: undefined };
		return { ...this.#answer(request, made, delivery), isKept };
	}

	#answerFetched(request: MountRequest, wanted: Wanted, answers: ReadonlyMap<string, Answer>): MountAnswer {
		const { plan, admissions } = wanted;
		const { broker, rotation, revoked } = this.#options;
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
		for (const name of contents.removed) if (holding?.delivered.get(name) !== revokedVersion) revoked(request, name);
		const { withdrawn, staleSeconds } = contents;
		const made = this.#make(plan, contents);
		return this.#answer(request, made, { plan, admissions, versions: made.versions, withdrawn, staleSeconds });
	}

	#make(plan: MountPlan, contents: MountContents): KeptAnswer {
		const { versions } = this.#options;
		const given = plan.objects.map((object) => {
			const version = contents.removed.has(object.name) ? revokedVersion : versions.of(object, contents.values.get(object.name));
			return [object.name, version] as const;
		});
		return { files: filesOf(plan, contents), versions: new Map(given) };
	}

	#answer(request: MountRequest, { files, versions }: KeptAnswer, delivery: MountDelivery): MountAnswer {
		return {
			files,
			versions,
			leaving: () => this.#leaving(request, delivery),
			withheld: (error) => this.failed(request, error, delivery.plan),
		};
	}

	/** @returns when the stage was over, which is when the next one begins */
	#over(stage: MountStage, began: number): number {
		const ended = performance.now();
		this.#options.stage(stage, began, ended);
		return ended;
	}

	/** A plan depends on nothing but what is in the key, so replicas and remounts share it. */
	async #plan(request: MountRequest): Promise<MountPlan> {
		const key = planKey(request);
		const known = this.#plans.get(key);
		if (known !== undefined) return this.#keepPlan(key, request, known);
		const dialect = await this.#options.dialect(request);
		const annotations = dialect.podAnnotations?.(request) ?? [];
		if (annotations.length > 0) return this.#planAnnotated(dialect, request, annotations);
		return this.#keepPlan(key, request, dialect.plan(request));
	}

	#keepPlan(key: string, { provider, pod, defaultMode, parameters }: MountRequest, plan: MountPlan): MountPlan {
		this.#plans.set(key, plan);
		this.#lastPlans.set(parameters, { provider, pod, defaultMode, plan });
		return plan;
	}

	/** Such a plan is never known by its parameters alone: the annotations of the pod may be others by now. */
	async #planAnnotated(dialect: Dialect, request: MountRequest, keys: readonly string[]): Promise<MountPlan> {
		const podAnnotations = await readPodAnnotations(this.#options.podAnnotations, request, keys);
		const key = planKey(request, podAnnotations);
		const plan = this.#plans.get(key) ?? dialect.plan({ ...request, podAnnotations });
		this.#plans.set(key, plan);
		return plan;
	}

	#knownPlan({ provider, pod, defaultMode, parameters }: MountRequest): MountPlan | undefined {
		const last = this.#lastPlans.get(parameters);
		return last?.provider === provider && last.pod === pod && last.defaultMode === defaultMode ? last.plan : undefined;
	}
}

function planKey(request: MountRequest, podAnnotations?: MountRequest["podAnnotations"]): string {
	const { provider, pod, defaultMode, parameters, credentials } = request;
	const own = [provider, pod.namespace, pod.serviceAccount, defaultMode, [...credentials.keys()]];
	if (podAnnotations === undefined) return JSON.stringify([...own, ...parameters]);
	const annotated = podAnnotations instanceof ProviderError ? podAnnotations.text : [...podAnnotations];
	return JSON.stringify([...own, annotated, ...parameters]);
}
