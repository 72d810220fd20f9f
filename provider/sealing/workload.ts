/**
 * How closely a value belongs to its pods, where what it belongs to is written beside the ciphertext: to one object of
 * the pods of one service account, to those pods, to all of their namespace, or to whoever may use the key.
 */
export const workloadBindings = ["object", "serviceAccount", "namespace", "none"] as const;
export type WorkloadBinding = (typeof workloadBindings)[number];

/** Whose pods. Whoever opens a value takes both from kubelet, never from the value's author. */
export interface Workload {
	readonly namespace: string;
	readonly serviceAccount: string;
}

/** What a value is sealed for. */
export interface SealedFor extends Workload {
	readonly kind: WorkloadBinding;
	/** The name under which it is delivered. */
	readonly object: string;
	/** With `none`, further bytes that were authenticated along with the value, as text. */
	readonly text?: string;
}
