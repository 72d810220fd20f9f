import { type ErrorCode, ProviderError } from "../../errors.ts";

/** What kept a cloud's key from being used, in words of ours: what the cloud wrote may repeat what it was sent. */
export type SealFailure = readonly [code: ErrorCode, says: string, remedy: string];

export interface FailedSeal {
	/** The key as its cloud names it. */
	readonly key: string;
	/** What the cloud called the failure, such as `status 404`; empty where it said nothing that is known. */
	readonly detail?: string;
	readonly cause?: unknown;
}

/** The failure with the key named. */
export function sealFailure([code, says, remedy]: SealFailure, { key, detail = "", cause }: FailedSeal): ProviderError {
	return new ProviderError(code, `${says} (key ${key}${detail === "" ? "" : `; ${detail}`}).`, { remedy, cause });
}

export function statusDetail(status: number | undefined): string {
	return status === undefined ? "" : `status ${status}`;
}
