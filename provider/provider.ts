import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { openAuditSink } from "./audit/sink.ts";
import { Broker } from "./broker/broker.ts";
import { type ContractServer, serveContract } from "./contract/server.ts";
import { Dialects, nativeProvider } from "./dialects.ts";
import { ProviderError } from "./errors.ts";
import { KubernetesClient } from "./kubernetes/client.ts";
import { ApiServerKeys } from "./kubernetes/token-keys.ts";
import { TokenReviewVerifier } from "./kubernetes/token-review.ts";
import { readVersionKey } from "./kubernetes/version-key.ts";
import { MountPipeline } from "./mount.ts";
import type { ServeOptions } from "./options.ts";
import type { MountRequest } from "./plan/mount-request.ts";
import { audienceOwners } from "./policy/audiences.ts";
import { Gate } from "./policy/gate.ts";
import { KeyFile } from "./policy/key-file.ts";
import { KeyVerifier } from "./policy/key-verifier.ts";
import { emptyPolicy, readPolicyFile } from "./policy/policy-file.ts";
import { RememberingVerifier, type TokenVerifier } from "./policy/verifier.ts";
import { runtimeVersion } from "./shared/runtime-version.ts";
import { StoreRegistry } from "./store-registry.ts";
import { stores } from "./stores/index.ts";
import { startHealthServer } from "./telemetry/health.ts";
import { describeCause, type Logger } from "./telemetry/log.ts";

/** A provider that serves its sockets. */
export interface Provider {
	readonly sockets: readonly string[];
	/** Drains and ends: no socket, no connection, no timer is left. */
	stop(): Promise<void>;
}

/** Wires the rooms and begins to serve. */
export async function startProvider(options: ServeOptions, log: Logger): Promise<Provider> {
	const clusterAddresses = options.kubernetesApi === undefined ? [] : [new URL(options.kubernetesApi).hostname.replace(/^\[|\]$/g, "")];
	const policy = options.policyFile === undefined ? emptyPolicy(clusterAddresses) : readPolicyFile(options.policyFile, clusterAddresses);
	const registry = new StoreRegistry(stores);
	const store = (type: string) => registry.store(type);
	const dialects = await Dialects.open(registry, policy, options.providers);
	const kubernetes = kubernetesClient(options);
	const verifier = tokenVerifier(options, kubernetes);
	const versionKey = await openVersionKey(options, kubernetes, log);
	const audit = openAuditSink(options.audit);
	const pipeline = new MountPipeline({
		dialect: (request) => dialects.of(request),
		gate: new Gate({
			policy,
			owners: audienceOwners(stores),
			store,
			warn: (warning, request) => log.warn(requestFields(request), warning),
			...(verifier === undefined ? {} : { verifier }),
		}),
		broker: new Broker({ concurrency: options.fetchConcurrency, store }),
		audit,
		versionKey: () => versionKey,
		failed: (request, error) => logFailure(log, request, error),
	});
	const health = options.http === undefined ? undefined : await startHealthServer(options.http);
	const contract = await serveContract({
		socketDirectory: options.socketDirectory,
		providers: options.providers,
		handler: (request) => pipeline.mount(request),
		runtimeVersion,
		maximumResponseBytes: options.maximumResponseBytes,
		drainMilliseconds: options.drainMilliseconds,
		plainStatus: (provider) => provider !== nativeProvider,
		log,
	});
	health?.setReady(true);
	log.info(
		{ sockets: contract.sockets, profile: policy.profile, http: health?.address ?? "off", verification: options.tokenVerification },
		"serving",
	);
	dialects.warm(options.providers).catch((error: unknown) => log.error(describeCause(error), "a store's code cannot be loaded"));
	return {
		sockets: contract.sockets,
		async stop() {
			health?.setReady(false);
			await stopContract(contract, log);
			await health?.stop();
			kubernetes?.close();
			audit.close();
		},
	};
}

async function stopContract(contract: ContractServer, log: Logger): Promise<void> {
	log.info({}, "stopping: letting running mounts end");
	await contract.stop();
	log.info({}, "stopped");
}

function kubernetesClient(options: ServeOptions): KubernetesClient | undefined {
	if (options.kubernetesApi === undefined) return undefined;
	return new KubernetesClient({ address: options.kubernetesApi, tokenFile: options.kubernetesTokenFile, caFile: options.kubernetesCaFile });
}

function tokenVerifier(options: ServeOptions, kubernetes: KubernetesClient | undefined): TokenVerifier | undefined {
	if (options.tokenVerification === "off") return undefined;
	if (options.tokenVerification === "review") {
		if (kubernetes === undefined) throw needsApi("--token-verification review");
		return new RememberingVerifier(new TokenReviewVerifier(kubernetes));
	}
	if (options.tokenKeysFile !== undefined)
		return new RememberingVerifier(new KeyVerifier(new KeyFile(options.tokenKeysFile), options.tokenIssuer));
	if (kubernetes === undefined) throw needsApi("--token-verification keys without --token-keys");
	return new RememberingVerifier(new KeyVerifier(new ApiServerKeys(kubernetes), options.tokenIssuer));
}

function needsApi(flag: string): ProviderError {
	return new ProviderError("invalid", `${flag} needs the API server.`, { remedy: "Give --kubernetes-api, or run inside the cluster." });
}

const startMilliseconds = 30_000;

async function openVersionKey(options: ServeOptions, kubernetes: KubernetesClient | undefined, log: Logger): Promise<Buffer> {
	if (options.versionKeyFile !== undefined) return readKeyFile(options.versionKeyFile);
	if (options.versionKeySecret !== undefined) {
		if (kubernetes === undefined) throw needsApi("--version-key-secret");
		return readVersionKey(kubernetes, options.versionKeySecret, AbortSignal.timeout(startMilliseconds));
	}
	log.warn({}, "no --version-key and no --version-key-secret: object versions will differ between nodes and after a restart");
	return randomBytes(32);
}

function readKeyFile(file: string): Buffer {
	let key: Buffer;
	try {
		key = readFileSync(file);
	} catch (cause) {
		throw new ProviderError("invalid", `--version-key ${file} cannot be read.`, {
			remedy: "Name a file of 32 random bytes or more.",
			cause,
		});
	}
	if (key.length < 32)
		throw new ProviderError("invalid", `--version-key ${file} holds fewer than 32 bytes.`, { remedy: "Write 32 random bytes into it." });
	return key;
}

function requestFields({ provider, pod }: MountRequest): object {
	return { provider, namespace: pod.namespace, pod: pod.name, serviceAccount: pod.serviceAccount };
}

function logFailure(log: Logger, request: MountRequest, error: ProviderError): void {
	const fields = {
		...requestFields(request),
		code: error.code,
		reason: error.text,
		...(error.cause === undefined ? {} : describeCause(error.cause)),
	};
	if (error.code === "internal") log.error(fields, "mount failed by a defect");
	else log.warn(fields, "mount failed");
}
