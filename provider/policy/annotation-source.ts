import type { Pod } from "../plan/mount-request.ts";
import type { Identity } from "../stores/store.ts";

/** Tells what is annotated at service accounts. */
export interface AnnotationSource {
	/**
	 * @returns undefined when the account lacks the annotation
	 * @throws ProviderError `absent`, `denied` or `unreachable` when the account cannot be read
	 */
	annotation(account: Pick<Identity, "namespace" | "serviceAccount">, key: string, signal: AbortSignal): Promise<string | undefined>;
}

/** Tells what is annotated at pods. */
export interface PodAnnotationSource {
	/**
	 * @returns the annotations of these keys that the pod has
	 * @throws ProviderError `invalid` when the provider may not read the pod or it is another one by now, `unreachable` when
	 * the API server does not say; the signal's reason
	 */
	annotations(pod: Pod, keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}
