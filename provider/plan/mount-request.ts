import type { ProviderError } from "../errors.ts";
import type { Secret } from "../shared/secret.ts";

/** The pod as kubelet described it. These four are trusted: kubelet overwrites what a pod author writes. */
export interface Pod {
	readonly name: string;
	readonly namespace: string;
	readonly uid: string;
	readonly serviceAccount: string;
}

/** One Mount as the driver asked for it, with everything parsed and nothing decided. */
export interface MountRequest {
	/** The provider name, hence the dialect, on whose socket the call came in. */
	readonly provider: string;
	readonly pod: Pod;
	/** The pod's service account tokens by audience. Claims are not verified yet. */
	readonly tokens: ReadonlyMap<string, Secret>;
	/** SecretProviderClass parameters overlaid by the pod's volumeAttributes, without kubelet's own keys. */
	readonly parameters: ReadonlyMap<string, string>;
	/** The data of nodePublishSecretRef, without tokens. Never merged into the parameters. */
	readonly credentials: ReadonlyMap<string, Secret>;
	/** File mode for files that state none, 0…0o777. */
	readonly defaultMode: number;
	/**
	 * What the pod is annotated with, of the keys that the dialect's `podAnnotations` asks for; an error where that cannot be
	 * read. Absent where nobody asks, and where no pod is at hand: a class is looked at by itself.
	 */
	readonly podAnnotations?: ReadonlyMap<string, string> | ProviderError;
	readonly targetPath: string;
	/** Versions that drivers up to 1.5 report as mounted; empty from 1.6 on. */
	readonly currentVersions: ReadonlyMap<string, string>;
	/** Aborts when the caller cancels, its deadline is near, or the provider stops; its reason is a ProviderError. */
	readonly signal: AbortSignal;
}
