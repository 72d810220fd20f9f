/** The steps of a Mount that are timed. */
export const mountStages = ["plan", "policy", "fetch", "render"] as const;
export type MountStage = (typeof mountStages)[number];

/** What stores are asked to do. */
export const storeOperations = ["login", "read", "renew", "revoke", "renew-login", "logout"] as const;
export type StoreOperation = (typeof storeOperations)[number];

/** What becomes of leases: renewed; replaced by a new one; ended without one; not renewed yet; ended with their pod. */
export const leaseEvents = ["renewed", "replaced", "ended", "failed", "released"] as const;
export type LeaseEventName = (typeof leaseEvents)[number];

/** What becomes of a call to the API server that pushes a change or tells an event. */
export const apiOutcomes = ["done", "gone", "refused", "failed"] as const;
export type ApiOutcome = (typeof apiOutcomes)[number];

/** Which store a figure is about: its type, and the name that an administrator gave it, or what stands for all others of the type. */
export interface StoreLabels {
	readonly type: string;
	readonly store: string;
}

/** The figures of one store. */
export interface StoreMetrics {
	/** @param outcome `ok`, or the stable error code */
	called(operation: StoreOperation, outcome: string, seconds: number): void;
	/** What a store said of one object: found, absent or denied. */
	answered(outcome: string): void;
	/** Requests that wait for their turn, and those under way; `by` is 1 or -1. */
	waiting(by: number): void;
	underWay(by: number): void;
}

/** What is looked up when somebody asks for the metrics. */
export interface Survey {
	/** Volumes whose content this provider keeps fresh. */
	readonly volumes: number;
	/** Those of them that hold something else than they would get now. */
	readonly behind: number;
	readonly removalsHeldBack: boolean;
	readonly sessions: number;
	readonly values: number;
	readonly valueBytes: number;
	readonly leases: number;
	/** The age of the oldest value that volumes hold, by store, in seconds. */
	readonly valueAges: ReadonlyMap<StoreLabels, number>;
	/** Calls repeated, and calls that the retry budget did not let be repeated, in this process. */
	readonly retries: { readonly granted: number; readonly refused: number };
}

/**
 * Counts what happens. Names of secrets, pods and namespaces are no labels: they would be many, and they tell.
 * README.md lists every metric.
 */
export interface Metrics {
	/** @param code `ok`, or the stable error code */
	mount(provider: string, code: string, seconds: number): void;
	stage(stage: MountStage, seconds: number): void;
	/** @param rule the rule of policy that refused */
	denied(rule: string): void;
	cacheHit(): void;
	cacheMiss(): void;
	/** @param ageSeconds the age of a known value that answered */
	valueServed(ageSeconds: number): void;
	/** @param seconds the age of the value that stood in for a store that cannot be reached */
	staleServed(seconds: number): void;
	/** The same labels give the same figures. */
	store(labels: StoreLabels): StoreMetrics;
	changed(): void;
	revoked(): void;
	/** @param outcome `ok`, or the stable error code */
	polled(outcome: string): void;
	breakerOpened(): void;
	lease(event: LeaseEventName): void;
	pushed(outcome: ApiOutcome): void;
	eventTold(outcome: ApiOutcome): void;
	auditFailed(): void;
	traceExportFailed(): void;
	/** Tells how to look up what is no count. */
	surveyWith(survey: () => Survey): void;
	/** The Prometheus text exposition format, version 0.0.4. */
	text(): Promise<string>;
}

const nothing = (): void => undefined;

export const noMetrics: Metrics = {
	mount: nothing,
	stage: nothing,
	denied: nothing,
	cacheHit: nothing,
	cacheMiss: nothing,
	valueServed: nothing,
	staleServed: nothing,
	store: () => ({ called: nothing, answered: nothing, waiting: nothing, underWay: nothing }),
	changed: nothing,
	revoked: nothing,
	polled: nothing,
	breakerOpened: nothing,
	lease: nothing,
	pushed: nothing,
	eventTold: nothing,
	auditFailed: nothing,
	traceExportFailed: nothing,
	surveyWith: nothing,
	text: async () => "",
};

/** Loads the metrics library, which a provider without an HTTP address does without. */
export async function createMetrics(): Promise<Metrics> {
	const { PrometheusMetrics } = await import("./prometheus-metrics.ts");
	return new PrometheusMetrics();
}
