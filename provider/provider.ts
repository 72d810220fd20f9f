import { createHmac } from "node:crypto";
import { openAuditSink } from "./audit/sink.ts";
import type { ContractOptions, ContractServer } from "./contract/options.ts";
import { serveContract } from "./contract/server.ts";
import { Dialects, nativeProvider } from "./dialects.ts";
import { ProviderError } from "./errors.ts";
import { KeptAnswers } from "./kept-answers.ts";
import { openKnowledge } from "./knowledge.ts";
import { MountPipeline } from "./mount.ts";
import { ObjectVersions } from "./object-versions.ts";
import {
	mountHandler,
	mountObserver,
	type Observation,
	observeAudit,
	observedStores,
	openObservation,
	storeLabels,
} from "./observation.ts";
import type { ServeOptions } from "./options.ts";
import type { MountRequest } from "./plan/mount-request.ts";
import type { AnnotationSource } from "./policy/annotation-source.ts";
import { audienceOwners } from "./policy/audiences.ts";
import { Gate } from "./policy/gate.ts";
import type { Policy } from "./policy/policy-file.ts";
import type { TokenVerifier } from "./policy/verifier.ts";
import { readPolicy } from "./serve-policy.ts";
import { runtimeVersion } from "./shared/runtime-version.ts";
import { prepareTaintRemoval } from "./startup-taint.ts";
import { StoreRegistry } from "./store-registry.ts";
import { stores } from "./stores/index.ts";
import { clusterAccess, nodeRegion, podAnnotations, serviceAccounts } from "./surroundings.ts";
import { type HealthServer, startHealthServer } from "./telemetry/health.ts";
import { describeCause, type Logger } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { kubernetesClient, tokenVerifier } from "./verification.ts";
import { openVersionKey } from "./version-key.ts";

/** A provider that serves its sockets. */
export interface Provider {
	readonly sockets: readonly string[];
	/** Drains and ends: no socket, no connection, no timer is left. */
	stop(): Promise<void>;
}

/** Wires the rooms and begins to serve. */
export async function startProvider(options: ServeOptions, log: Logger): Promise<Provider> {
	const policy = readPolicy(options);
	const registry = new StoreRegistry(stores);
	const dialects = await Dialects.open(registry, policy, options.providers);
	const kubernetes = kubernetesClient(options);
	const observation = await openObservation(options, kubernetes, log);
	const { metrics } = observation;
	const audit = observeAudit(openAuditSink(options.audit), metrics);
	const versionKey = await openVersionKey(options, kubernetes, log);
	const versions = new ObjectVersions(versionKey);
	const verifier = tokenVerifier(options, kubernetes);
	const gate = makeGate({ policy, registry, verifier, annotations: serviceAccounts(kubernetes), versionKey, log });
	const kept = new KeptAnswers();
	const knowledge = await openKnowledge({
		options,
		store: observedStores(registry, storeLabels(dialects), observation),
		storeLabels: storeLabels(dialects),
		kubernetes,
		gate,
		versionKey,
		versions,
		kept,
		observation,
		nodeRegion: nodeRegion(options, kubernetes),
		cluster: clusterAccess(options),
	});
	const annotations = podAnnotations(kubernetes);
	const pipeline = new MountPipeline({
		dialect: (request) => dialects.of(request),
		...(annotations === undefined ? {} : { podAnnotations: annotations }),
		gate,
		broker: knowledge.broker,
		rotation: knowledge.rotation,
		audit,
		versions,
		kept,
		...mountObserver(observation),
	});
	const taintRemoval = prepareTaintRemoval(options, kubernetes, log);
	const health = await openHealth(options, metrics, log);
	const contract = await serveContract(contractOptions(options, pipeline, observation));
	knowledge.rotation.start();
	health?.setReady(true);
	taintRemoval?.begin();
	log.info(
		{
			event: "serving",
			sockets: contract.sockets,
			profile: policy.profile,
			http: health?.address ?? "off",
			verification: options.tokenVerification,
		},
		"serving",
	);
	dialects
		.warm(options.providers)
		.catch((error: unknown) => log.error({ event: "store_unavailable", ...describeCause(error) }, "a store's code cannot be loaded"));
	return {
		sockets: contract.sockets,
		async stop() {
			health?.setReady(false);
			await taintRemoval?.stop();
			await stopContract(contract, log);
			await knowledge.stop();
			await observation.stop();
			await health?.stop();
			kubernetes?.close();
			audit.close();
		},
	};
}

async function openHealth({ http, httpRequired }: ServeOptions, metrics: Metrics, log: Logger): Promise<HealthServer | undefined> {
	if (http === undefined) return undefined;
	try {
		return await startHealthServer(http, metrics);
	} catch (reason) {
		if (httpRequired) throw reason;
		log.warn({ event: "http_unavailable", reason: ProviderError.from(reason).text }, "going on without health and readiness");
		return undefined;
	}
}

interface GateParts {
	readonly policy: Policy;
	readonly registry: StoreRegistry;
	readonly verifier: TokenVerifier | undefined;
	readonly annotations: AnnotationSource | undefined;
	readonly versionKey: Buffer;
	readonly log: Logger;
}

function makeGate({ policy, registry, verifier, annotations, versionKey, log }: GateParts): Gate {
	return new Gate({
		credentialKey: createHmac("sha256", versionKey).update("credentials of nodePublishSecretRef").digest(),
		policy,
		owners: audienceOwners(stores),
		store: (type) => registry.store(type),
		warn: (warning, request) => log.warn({ event: "policy_warning", ...requestFields(request) }, warning),
		...(verifier === undefined ? {} : { verifier }),
		...(annotations === undefined ? {} : { annotations }),
	});
}

function contractOptions(options: ServeOptions, pipeline: MountPipeline, { metrics, tracing, log }: Observation): ContractOptions {
	return {
		socketDirectory: options.socketDirectory,
		providers: options.providers,
		handler: mountHandler(pipeline, tracing),
		unanswered: (request, error) => pipeline.failed(request, error),
		answered: (provider, code, milliseconds) => metrics.mount(provider, code, milliseconds / 1000),
		runtimeVersion,
		maximumResponseBytes: options.maximumResponseBytes,
		drainMilliseconds: options.drainMilliseconds,
		plainStatus: (provider) =>
			provider !== nativeProvider && (stores.find(({ dialects }) => dialects.includes(provider))?.failureStatus ?? true),
		log,
	};
}

async function stopContract(contract: ContractServer, log: Logger): Promise<void> {
	log.info({ event: "stopping" }, "stopping: letting running mounts end");
	await contract.stop();
	log.info({ event: "stopped" }, "stopped");
}

function requestFields({ provider, pod }: MountRequest): object {
	return { provider, namespace: pod.namespace, pod: pod.name, serviceAccount: pod.serviceAccount };
}
