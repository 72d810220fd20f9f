import type { AuditSink } from "./audit/sink.ts";
import type { MountHandler } from "./contract/options.ts";
import type { Dialects } from "./dialects.ts";
import type { ProviderError } from "./errors.ts";
import type { KubernetesClient } from "./kubernetes/client.ts";
import type { MountPipeline, MountPipelineOptions } from "./mount.ts";
import { type Notices, openNotices } from "./notices.ts";
import { observeStore } from "./observed-store.ts";
import type { ServeOptions } from "./options.ts";
import type { MountRequest } from "./plan/mount-request.ts";
import type { StoreRegistry } from "./store-registry.ts";
import type { Store, StoreInstance } from "./stores/store.ts";
import { describeCause, type Logger } from "./telemetry/log.ts";
import { createMetrics, type Metrics, noMetrics, type StoreLabels } from "./telemetry/metrics.ts";
import { openTracing, type Tracing } from "./telemetry/tracing.ts";

/** Everything that tells of the provider's work. */
export interface Observation {
	readonly log: Logger;
	readonly metrics: Metrics;
	/** Undefined where traces are off. */
	readonly tracing: Tracing | undefined;
	readonly notices: Notices;
	stop(): Promise<void>;
}

/** @throws ProviderError `invalid` when flags lack each other */
export async function openObservation(options: ServeOptions, kubernetes: KubernetesClient | undefined, log: Logger): Promise<Observation> {
	const metrics = options.http === undefined ? noMetrics : await createMetrics();
	const notices = openNotices({ options, kubernetes, metrics, log });
	const tracing = await openTraces(options, metrics, log);
	return {
		log,
		metrics,
		tracing,
		notices,
		async stop() {
			await notices.stop();
			await tracing?.stop();
		},
	};
}

async function openTraces({ tracesUrl, nodeName }: ServeOptions, metrics: Metrics, log: Logger): Promise<Tracing | undefined> {
	if (tracesUrl === undefined) return undefined;
	let isTold = false;
	return openTracing({
		url: tracesUrl,
		nodeName,
		exportFailed() {
			metrics.traceExportFailed();
			if (isTold) return;
			isTold = true;
			const remedy = "Check --traces and the network from this node to it.";
			log.warn({ event: "traces_lost", remedy }, "the collector took no traces; mounts go on, and no more is said of it");
		},
	});
}

/** What a pipeline of Mounts tells. */
export function mountObserver({
	log,
	metrics,
	tracing,
	notices,
}: Observation): Pick<MountPipelineOptions, "stage" | "revoked" | "stale" | "failed"> {
	return {
		stage(stage, began, ended) {
			metrics.stage(stage, (ended - began) / 1000);
			tracing?.stage(stage, began, ended);
		},
		revoked({ pod }, object) {
			metrics.revoked();
			log.warn({ event: "object_revoked", namespace: pod.namespace, pod: pod.name, object }, "an object leaves its volume: revoked");
			notices.revoked(pod, object);
		},
		stale: ({ pod }, seconds) => notices.stale(pod, seconds),
		failed(request, error) {
			if (error.code === "refused" || error.code === "unidentified") metrics.denied(error.rule ?? "other");
			logFailure(log, request, error);
		},
	};
}

/** The pipeline as the contract calls it. */
export function mountHandler(pipeline: MountPipeline, tracing: Tracing | undefined): MountHandler {
	if (tracing === undefined) return (request) => pipeline.mount(request);
	return (request, metadata) => {
		const { provider, pod } = request;
		const mount = { provider, namespace: pod.namespace, pod: pod.name, podUid: pod.uid, serviceAccount: pod.serviceAccount };
		return tracing.mount(mount, metadata.get("traceparent")[0]?.toString(), () => pipeline.mount(request));
	};
}

/** An audit sink whose failures are counted. */
export function observeAudit(sink: AuditSink, metrics: Metrics): AuditSink {
	return {
		record(make) {
			try {
				sink.record(make);
			} catch (reason) {
				metrics.auditFailed();
				throw reason;
			}
		},
		close: () => sink.close(),
	};
}

/** Stands for every store that no administrator has named. No name has brackets. */
const otherStores = "(other)";

/** Tells what a store is called outside: by an administrator's name, so that no class adds to the names. */
export function storeLabels(dialects: Dialects): (instance: StoreInstance) => StoreLabels {
	return (instance) => ({ type: instance.type, store: dialects.configuredName(instance) ?? otherStores });
}

/** Stores by type, observed where anybody looks. */
export function observedStores(
	registry: StoreRegistry,
	labelsOf: (instance: StoreInstance) => StoreLabels,
	{ metrics, tracing }: Observation,
): (type: string) => Promise<Pick<Store, "connect" | "resume">> {
	if (metrics === noMetrics && tracing === undefined) return (type) => registry.store(type);
	const observerOf = (instance: StoreInstance) => {
		const labels = labelsOf(instance);
		return { labels, metrics: metrics.store(labels), tracing };
	};
	return async (type) => observeStore(await registry.store(type), observerOf);
}

function logFailure(log: Logger, request: MountRequest, error: ProviderError): void {
	const { provider, pod } = request;
	const fields = {
		event: "mount_failed",
		provider,
		namespace: pod.namespace,
		pod: pod.name,
		serviceAccount: pod.serviceAccount,
		code: error.code,
		...(error.rule === undefined ? {} : { rule: error.rule }),
		reason: error.text,
		...(error.cause === undefined ? {} : describeCause(error.cause)),
	};
	if (error.code === "internal") log.error(fields, "mount failed by a defect");
	else log.warn(fields, "mount failed");
}
