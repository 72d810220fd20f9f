import { randomUUID } from "node:crypto";
import type { Pod } from "../../provider/plan/mount-request.ts";

/** A pod with a fresh uid. */
export function makePod(overrides: Partial<Pod> = {}): Pod {
	return { name: "web-0", namespace: "shop", uid: randomUUID(), serviceAccount: "web", ...overrides };
}

const prefix = "csi.storage.k8s.io/";

/** The attributes that the driver sends for a pod: parameters, kubelet's pod data, tokens by audience. */
export function mountAttributes(pod: Pod, parameters: Readonly<Record<string, string>>, tokens: Readonly<Record<string, string>> = {}) {
	const expirationTimestamp = new Date(Date.now() + 3_600_000).toISOString();
	const byAudience = Object.fromEntries(Object.entries(tokens).map(([audience, token]) => [audience, { token, expirationTimestamp }]));
	return {
		...parameters,
		secretProviderClass: "app",
		[`${prefix}pod.name`]: pod.name,
		[`${prefix}pod.namespace`]: pod.namespace,
		[`${prefix}pod.uid`]: pod.uid,
		[`${prefix}serviceAccount.name`]: pod.serviceAccount,
		[`${prefix}ephemeral`]: "true",
		[`${prefix}serviceAccount.tokens`]: JSON.stringify(byAudience),
	};
}
