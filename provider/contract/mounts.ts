import type { handleUnaryCall, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { errorCodes, ProviderError } from "../errors.ts";
import type { MountRequest } from "../plan/mount-request.ts";
import { encodeAnswer } from "./answer.ts";
import type { DecodedMountRequest } from "./codec.ts";
import type { ContractOptions, MountAnswer, PlainStatus } from "./options.ts";
import { RequestReader } from "./request.ts";
import { toRefusal } from "./status.ts";
import { TimeLimit, timeBudget } from "./time-limit.ts";

const defaultResponseBytes = 4 * 1024 * 1024;
const defaultMountLimit = 100_000;

type MountCall = ServerUnaryCall<DecodedMountRequest, Buffer>;

/** What a call has come to: the encoded answer, or why there is none. */
interface Outcome {
	readonly answer?: Buffer;
	readonly error?: ProviderError;
	readonly request?: MountRequest;
	/** What the handler gave, checked or not. */
	readonly given?: MountAnswer;
	/** True when the handler itself gave the error, and so has logged what there is to say. */
	readonly handled?: boolean;
}

/** Serves Mount: each call gets exactly one answer in time, whatever the handler does. */
export class Mounts {
	readonly #options: ContractOptions;
	readonly #maximumBytes: number;
	readonly #limit: number;
	readonly #requests = new RequestReader();
	readonly #inFlight = new Map<TimeLimit, Promise<void>>();

	constructor(options: ContractOptions) {
		this.#options = options;
		this.#maximumBytes = options.maximumResponseBytes ?? defaultResponseBytes;
		this.#limit = options.mountLimitMilliseconds ?? defaultMountLimit;
	}

	/** The grpc-js method for one provider's socket. */
	method(provider: string): handleUnaryCall<DecodedMountRequest, Buffer> {
		return (call, callback) => {
			const limit = new TimeLimit(timeBudget(call.getDeadline(), this.#limit));
			this.#inFlight.set(limit, this.#serve(provider, call, callback, limit));
		};
	}

	/** Ends the calls in flight: each is answered within a moment, with this error unless its handler says it better. */
	abort(reason: ProviderError): void {
		for (const limit of this.#inFlight.keys()) limit.abort(reason);
	}

	/** Resolves when no call is in flight. */
	async idle(): Promise<void> {
		while (this.#inFlight.size > 0) await Promise.all(this.#inFlight.values());
	}

	/** Never throws, and never ends without having answered. */
	async #serve(provider: string, call: MountCall, callback: sendUnaryData<Buffer>, limit: TimeLimit): Promise<void> {
		const started = performance.now();
		const onCancelled = () => limit.abort(new ProviderError("stopped", "The caller gave the mount up."));
		call.once("cancelled", onCancelled);
		const outcome = await this.#settle(provider, call, limit);
		// grpc-js reports every finished call as cancelled; work that outlives this call must not hear of it.
		call.removeListener("cancelled", onCancelled);
		this.#respond(provider, outcome, callback);
		this.#inFlight.delete(limit);
		this.#report(provider, outcome, performance.now() - started);
	}

	async #settle(provider: string, call: MountCall, limit: TimeLimit): Promise<Outcome> {
		const outcome: { request?: MountRequest; given?: MountAnswer; handled?: boolean } = {};
		try {
			if (call.request instanceof ProviderError) throw call.request;
			const request = this.#requests.read(call.request, provider, () => limit.signal);
			outcome.request = request;
			const ask = async () => {
				try {
					return await this.#options.handler(request, call.metadata);
				} catch (reason) {
					outcome.handled = isProviderError(reason);
					throw reason;
				}
			};
			const given = await limit.settle(ask);
			outcome.given = given;
			const answer = encodeAnswer(given, this.#maximumBytes);
			given.leaving?.();
			return { ...outcome, answer };
		} catch (reason) {
			const error = toProviderError(reason);
			this.#withhold(outcome, error);
			return { ...outcome, error };
		}
	}

	/** What the handler has not thrown itself, it should know of. */
	#withhold({ request, given, handled }: Outcome, error: ProviderError): void {
		if (request === undefined || handled === true) return;
		try {
			if (given === undefined) this.#options.unanswered?.(request, error);
			else given.withheld?.(error);
		} catch {
			// The caller's error stands, whatever becomes of the note about it.
		}
	}

	#respond(provider: string, { answer, error }: Outcome, callback: sendUnaryData<Buffer>): void {
		try {
			if (error === undefined) callback(null, answer);
			else callback(toRefusal(error, this.#plainStatus(provider)));
		} catch {
			// The connection broke in this very moment, so there is nobody left to answer.
		}
	}

	/** A rule that fails must not keep a call from its answer. */
	#plainStatus(provider: string): PlainStatus {
		try {
			return this.#options.plainStatus(provider);
		} catch {
			return false;
		}
	}

	/** Says what nobody else can: how a call ended that the handler never saw, or did not end well itself. */
	#report(provider: string, { request, error, handled }: Outcome, milliseconds: number): void {
		const { log } = this.#options;
		try {
			this.#options.answered?.(provider, error?.code ?? "ok", milliseconds);
			const { namespace, name } = request?.pod ?? {};
			const event = error === undefined || handled === true ? "mount_answered" : "mount_failed";
			const fields = { event, provider, namespace, pod: name, milliseconds: Math.round(milliseconds * 10) / 10, code: error?.code ?? "ok" };
			if (error === undefined || handled === true) log.debug(fields, "mount answered");
			else if (error.code !== "internal") log.warn({ ...fields, reason: error.text }, "mount failed");
			else log.error({ ...fields, reason: error.text, ...describeDefect(error.cause) }, "mount failed by a defect");
		} catch {
			// A log that fails must not fail a mount, and there is no other place to say it.
		}
	}
}

/** Where a defect arose. Its own text may hold anything, and therefore stays out. */
function describeDefect(cause: unknown): object {
	if (!(cause instanceof Error)) return {};
	const frames = (cause.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
	return { cause: cause.name, at: frames.slice(0, 4).map((line) => line.trim()) };
}

function isProviderError(reason: unknown): boolean {
	return toProviderError(reason) === reason;
}

/** {@link ProviderError.from} for anything at all: what was thrown may itself throw when it is looked at. */
function toProviderError(reason: unknown): ProviderError {
	try {
		const error = ProviderError.from(reason);
		// Reading both here proves that they can be read when the status is made.
		return typeof error.text === "string" && errorCodes.includes(error.code) ? error : unreadable();
	} catch {
		return unreadable();
	}
}

function unreadable(): ProviderError {
	return new ProviderError("internal", "An unexpected error inside Claviger, which cannot be read.", {
		remedy: "Report it with the SecretProviderClass.",
	});
}
