import type { Identity } from "../stores/store.ts";

/** Tells what is annotated at service accounts. */
export interface AnnotationSource {
	/**
	 * @returns undefined when the account lacks the annotation
	 * @throws ProviderError `absent`, `denied` or `unreachable` when the account cannot be read
	 */
	annotation(account: Pick<Identity, "namespace" | "serviceAccount">, key: string, signal: AbortSignal): Promise<string | undefined>;
}
