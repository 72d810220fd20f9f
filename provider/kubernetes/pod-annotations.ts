import { LRUCache } from "lru-cache";
import { ProviderError } from "../errors.ts";
import type { Pod } from "../plan/mount-request.ts";
import type { PodAnnotationSource } from "../policy/annotation-source.ts";
import { Flights } from "../shared/flights.ts";
import type { KubernetesClient } from "./client.ts";

/** More than a node has pods. */
const maximumPods = 1024;
const freshMilliseconds = 60_000;
/** What a pod lacks, or the provider may not read, is mostly being mended right now. */
const lackingMilliseconds = 5_000;

/** What was said of a pod, and until when that counts. */
interface Answer {
	readonly annotations: ReadonlyMap<string, string> | ProviderError;
	readonly freshUntil: number;
}

/**
 * Pods' annotations, each pod read once a minute at most while it mounts and has them. Only metadata is asked for, and only the
 * annotations of the keys asked for are kept. While the API server does not answer, what it said last stands: a running
 * pod must not get other files because of that.
 */
export class PodAnnotations implements PodAnnotationSource {
	readonly #client: Pick<KubernetesClient, "getMetadata">;
	readonly #now: () => number;
	readonly #reads = new Flights<ReadonlyMap<string, string>>();
	/** By uid and keys: a pod of the same name is another one. */
	readonly #known = new LRUCache<string, Answer>({ max: maximumPods });

	/** @param now a clock in milliseconds that never goes back */
	constructor(client: Pick<KubernetesClient, "getMetadata">, now: () => number = () => performance.now()) {
		this.#client = client;
		this.#now = now;
	}

	async annotations(pod: Pod, keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
		const wanted = JSON.stringify([pod.uid, pod.namespace, pod.name, ...keys]);
		const known = this.#known.get(wanted);
		const answer = known !== undefined && known.freshUntil > this.#now() ? known : await this.#ask(wanted, pod, keys, signal);
		if (answer.annotations instanceof ProviderError) throw answer.annotations;
		return answer.annotations;
	}

	async #ask(wanted: string, pod: Pod, keys: readonly string[], signal: AbortSignal): Promise<Answer> {
		const said = await this.#reads
			.join(wanted, signal, (attempt) => this.#read(pod, keys, attempt))
			.catch((reason: unknown) => {
				signal.throwIfAborted();
				return ProviderError.from(reason);
			});
		const annotations = this.#lastWord(wanted, said);
		const isWhole = !(said instanceof ProviderError) && said.size === keys.length;
		const answer = { annotations, freshUntil: this.#now() + (isWhole ? freshMilliseconds : lackingMilliseconds) };
		this.#known.set(wanted, answer);
		return answer;
	}

	#lastWord(wanted: string, said: Answer["annotations"]): Answer["annotations"] {
		if (!(said instanceof ProviderError) || said.code !== "unreachable") return said;
		return this.#known.get(wanted)?.annotations ?? said;
	}

	async #read(pod: Pod, keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
		const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods/${encodeURIComponent(pod.name)}`;
		const { status, body } = await this.#client.getMetadata(path, signal);
		if (status !== 200) throw refusal(pod, status);
		const { metadata } = (body ?? {}) as { metadata?: { uid?: unknown; annotations?: Readonly<Record<string, unknown>> } };
		if (metadata?.uid !== pod.uid) throw anotherPod(pod);
		const annotations = metadata.annotations ?? {};
		const found = keys.flatMap((key) => {
			const text = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
			return typeof text === "string" ? [[key, text] as const] : [];
		});
		return new Map(found);
	}
}

function anotherPod({ namespace, name }: Pod): ProviderError {
	return new ProviderError("invalid", `The pod ${namespace}/${name} is another one by now than the one that mounts.`, {
		remedy: "Nothing is to be done: the volume belongs to a pod that is gone.",
	});
}

/** None of these is `absent` or `denied`: those would be a store's word on the pod's secrets. */
function refusal(pod: Pod, status: number): ProviderError {
	if (status === 404) return anotherPod(pod);
	const message = `The API server answered ${status} to get of the pod ${pod.namespace}/${pod.name}.`;
	if (status !== 401 && status !== 403)
		return new ProviderError("unreachable", message, { remedy: "It is tried again; check the API server." });
	return new ProviderError("invalid", message, {
		remedy:
			"Let the provider's own account get pods: install the chart with readPodAnnotations.enabled=true, or apply manifests/deploy/pod-annotations; or write everything into the SecretProviderClass.",
	});
}
