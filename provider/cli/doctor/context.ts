import { ProviderError } from "../../errors.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import type { ServeOptions } from "../../options.ts";
import { type Finding, failure, unchecked } from "../../shared/finding.ts";
import { Account } from "./account.ts";
import { type Arrangement, arrange } from "./arrangement.ts";
import type { DoctorOptions } from "./options.ts";
import { type PlannedClass, readPlannedClass } from "./planned-class.ts";
import type { ServeProcess } from "./serve-process.ts";

export interface ContextParts {
	readonly options: DoctorOptions;
	/** What the provider runs with, or would. */
	readonly serve: ServeOptions;
	/** The provider that runs beside this process. */
	readonly running: ServeProcess | undefined;
	readonly kubernetes: KubernetesClient | undefined;
	/** Aborts when the time is up, or the caller gives up. */
	readonly signal: AbortSignal;
}

/** What the checks go by. */
export interface DoctorContext extends ContextParts {
	readonly account: Account;
	/** Rejects with a ProviderError `invalid` that has every fault of the policy. */
	readonly arrangement: Promise<Arrangement>;
	/** The class of `--class`; undefined without it. Rejects with a ProviderError. */
	readonly planned: Promise<PlannedClass | undefined>;
}

/** What the checks of the API server and its objects go by. */
export type Connected = DoctorContext & { readonly kubernetes: KubernetesClient };

/** A check that needs the API server and could not ask it has shown nothing; why is said of the API server itself. */
export function withoutAnswer(check: string, reason: unknown): Finding {
	const error = ProviderError.from(reason);
	return error.code === "unreachable" || error.code === "invalid"
		? unchecked(check, error.message)
		: failure(check, error, "See the cause, and ask again.");
}

export function makeContext(parts: ContextParts): DoctorContext {
	const { options, serve, kubernetes, signal } = parts;
	const arrangement = arrange(serve);
	const planned = readPlannedClass({ options: options.planned, serve, arrangement, kubernetes, signal });
	// Each check that awaits them hears of their failure; one that fails before anybody awaits it is no defect.
	for (const promise of [arrangement, planned]) promise.catch(() => {});
	return { ...parts, account: new Account(kubernetes, serve, signal), arrangement, planned };
}
