import { ProviderError } from "../errors.ts";

/**
 * `failed`: mounts fail or will. `warning`: they work, and something is not as it should be. `unchecked`: it could
 * not be looked at from here.
 */
export type FindingStatus = "ok" | "warning" | "failed" | "unchecked";

/** What a look at one thing has shown. */
export interface Finding {
	/** What was looked at, in a few words, such as `TLS`. */
	readonly check: string;
	readonly status: FindingStatus;
	/** What was found, as a sentence. Never holds a secret or a token. */
	readonly message: string;
	/** What to do about it, with the exact command where there is one. */
	readonly remedy?: string;
}

export function ok(check: string, message: string): Finding {
	return { check, status: "ok", message };
}

export function warning(check: string, message: string, remedy: string): Finding {
	return { check, status: "warning", message, remedy };
}

export function failed(check: string, message: string, remedy: string): Finding {
	return { check, status: "failed", message, remedy };
}

/** @param remedy how it can be looked at all the same */
export function unchecked(check: string, message: string, remedy?: string): Finding {
	return { check, status: "unchecked", message, ...(remedy === undefined ? {} : { remedy }) };
}

/**
 * An error as a finding. What the caller itself broke off has shown nothing, so it counts as not looked at.
 *
 * @param remedy for an error that brings none
 */
export function failure(check: string, reason: unknown, remedy: string): Finding {
	const error = ProviderError.from(reason);
	if (error.code === "stopped") return unchecked(check, error.message, error.remedy);
	return failed(check, error.message, error.remedy ?? remedy);
}
