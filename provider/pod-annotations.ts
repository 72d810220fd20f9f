import { ProviderError } from "./errors.ts";
import type { MountRequest } from "./plan/mount-request.ts";
import type { PodAnnotationSource } from "./policy/annotation-source.ts";

/**
 * The pod's annotations for its plan. That they cannot be read is the dialect's business, which may do without them.
 *
 * @param source undefined: no API server is known
 * @throws the signal's reason when it aborts
 */
export async function readPodAnnotations(
	source: PodAnnotationSource | undefined,
	{ pod, signal }: MountRequest,
	keys: readonly string[],
): Promise<NonNullable<MountRequest["podAnnotations"]>> {
	if (source === undefined) {
		return new ProviderError("invalid", "The pod's annotations cannot be read, as no API server is known.", {
			remedy: "Give --kubernetes-api, or write everything into the SecretProviderClass.",
		});
	}
	try {
		return await source.annotations(pod, keys, signal);
	} catch (reason) {
		signal.throwIfAborted();
		return ProviderError.from(reason);
	}
}
