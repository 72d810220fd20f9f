import { randomBytes } from "node:crypto";
import { ProviderError } from "../errors.ts";
import type { Pod } from "../plan/mount-request.ts";
import type { KubernetesClient } from "./client.ts";

/** The one annotation that the provider ever writes. `manifests/deploy/push` allows it this one alone. */
export const changedAnnotation = "claviger.dev/changed";

/** What became of a patch: done, the pod is no longer there, or the provider may not. */
export type PatchResult = "patched" | "gone" | "refused";

/**
 * Writes a fresh random value into a pod's annotation, upon which kubelet looks after the pod at once.
 * The value tells nothing: neither what changed nor to which version. The uid in the patch keeps it from
 * a newer pod of the same name, because the API server refuses to change a uid.
 *
 * @throws ProviderError `unreachable` for any other answer, which may pass
 */
export async function patchPod(client: KubernetesClient, pod: Pod, signal: AbortSignal): Promise<PatchResult> {
	const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods/${encodeURIComponent(pod.name)}?fieldManager=claviger`;
	const annotations = { [changedAnnotation]: randomBytes(8).toString("hex") };
	const { status, body } = await client.call("PATCH", path, signal, { metadata: { uid: pod.uid, annotations } });
	if (status === 200) return "patched";
	if (status === 404 || isOtherUid(status, body)) return "gone";
	if (status === 403) return "refused";
	throw new ProviderError("unreachable", `The API server answered ${status} to a patch of a pod's annotation.`, {
		remedy: "It is tried again; kubelet looks after every pod once a minute without it.",
	});
}

/** Whether the pod of this name has another uid: answered as an invalid change of `metadata.uid`. */
function isOtherUid(status: number, body: unknown): boolean {
	if (status !== 422) return false;
	const causes = (body as { details?: { causes?: unknown } } | undefined)?.details?.causes;
	return Array.isArray(causes) && causes.some((cause: { field?: unknown } | null) => cause?.field === "metadata.uid");
}
