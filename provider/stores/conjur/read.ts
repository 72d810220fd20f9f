import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { Secret } from "../../shared/secret.ts";
import { type Failed, type Found, type Identity, type Outcome, outcomeOf } from "../store.ts";
import { explanationOf, isConjurs, readBatch, readValues } from "./answers.ts";
import type { ConjurCall, ConjurClient } from "./client.ts";
import { type FailedCall, nonsense, readError, valueError } from "./failures.ts";
import { batchPath, type Group, groupsOf, halves, isBatchable, singlePath } from "./groups.ts";
import type { ConjurInstance } from "./instance.ts";
import type { ConjurRef } from "./ref.ts";

/** What reading as one identity takes. */
export interface ReadParts {
	readonly instance: ConjurInstance;
	readonly identity: Identity;
	readonly client: ConjurClient;
	readonly signal: AbortSignal;
	/** What no text may repeat, as of now. */
	confidential(): FailedCall["confidential"];
	/** Sends a call as the identity. @throws ProviderError `unreachable` */
	send(call: Omit<ConjurCall, "authorization" | "signal">): Promise<HttpAnswer>;
}

/** Statuses of a server that refuses a batch because of one or some of the variables in it. */
const spoilt: ReadonlySet<number> = new Set([403, 404, 422]);
/** Statuses of whoever finds a request too long; mostly not of Conjur itself. */
const tooLong: ReadonlySet<number> = new Set([413, 414]);
/** Answers of a server that does not have Conjur Cloud's batch. */
const absentRoute: ReadonlySet<number> = new Set([400, 404, 405, 406, 415]);
const mediaType = "application/x.secretsmgr.v2beta+json";

/**
 * Reads variables in as few calls as the server allows, one outcome each, in order. A batch that is refused is divided until
 * it is known whose fault that is. Only the signal's reason is thrown.
 */
export async function readRefs(refs: readonly ConjurRef[], parts: ReadParts): Promise<readonly (Outcome | Failed)[]> {
	const reading = new Reading(parts);
	await reading.readAll([...new Map(refs.map((ref) => [ref.key, ref])).values()]);
	return refs.map((ref) => reading.outcome(ref));
}

class Reading {
	readonly #parts: ReadParts;
	readonly #outcomes = new Map<string, Outcome | Failed>();

	constructor(parts: ReadParts) {
		this.#parts = parts;
	}

	outcome(ref: ConjurRef): Outcome | Failed {
		return this.#outcomes.get(ref.key) ?? outcomeOf(nonsense(`the request for ${JSON.stringify(ref.full)}`));
	}

	async readAll(refs: readonly ConjurRef[]): Promise<void> {
		const { client, instance, identity } = this.#parts;
		const inCloud = refs.filter((ref) => client.hasValuesBatch && ref.version === undefined && ref.account === instance.account);
		const rest = refs.filter((ref) => !inCloud.includes(ref));
		const suspects = rest.filter((ref) => !isBatchable(ref) || client.suspects.has(identity, ref));
		const groups = [...groupsOf(rest.filter((ref) => !suspects.includes(ref))), ...suspects.map((ref) => [ref])];
		await Promise.all([this.#readValues(inCloud), ...groups.map((group) => this.#readGroup(group, false))]);
	}

	/** @param isRest whether the one that spoilt the batch was named and taken out before */
	async #readGroup(refs: Group, isRest: boolean): Promise<void> {
		const [first, ...others] = refs;
		if (first === undefined) return;
		try {
			if (!isBatchable(first)) return this.#settle(first, await this.#single(first));
			const answer = await this.#parts.send({ method: "GET", path: batchPath(refs), headers: { "accept-encoding": "base64" } });
			if (answer.status === 200) return this.#takeBatch(refs, answer);
			if (others.length === 0) return this.#settle(first, readError(answer, first.full, this.#failed()));
			if (isDivisible(answer)) return await this.#divide(refs, answer, isRest);
			this.#refuse(refs, answer);
		} catch (reason) {
			await this.#fail(refs, ProviderError.from(reason));
		}
	}

	/** Where the server names the variable that it has not, the others are asked for together once more. */
	async #divide(refs: Group, answer: HttpAnswer, isRest: boolean): Promise<void> {
		const text = answer.status === 404 ? explanationOf(answer) : undefined;
		const named = isRest || text === undefined ? undefined : refs.find(({ full }) => text.includes(` ${full} `));
		if (named === undefined) return this.#readBoth(halves(refs));
		await Promise.all([
			this.#readGroup([named], false),
			this.#readGroup(
				refs.filter((ref) => ref !== named),
				true,
			),
		]);
	}

	async #readBoth([one, other]: readonly [Group, Group]): Promise<void> {
		await Promise.all([this.#readGroup(one, false), this.#readGroup(other, false)]);
	}

	/** Of what is too much together, every part may still be read. */
	async #fail(refs: Group, error: ProviderError): Promise<void> {
		this.#parts.signal.throwIfAborted();
		if (error.code === "too-large" && refs.length > 1) return this.#readBoth(halves(refs));
		for (const ref of refs) this.#settle(ref, error);
	}

	#takeBatch(refs: Group, answer: HttpAnswer): void {
		const read = readBatch(answer);
		const what = read === undefined ? "the batch: it is not in base64" : "the batch: a value is missing or damaged";
		for (const ref of refs) this.#settle(ref, read?.(ref.full) ?? nonsense(what));
	}

	async #single(ref: ConjurRef): Promise<Secret | ProviderError> {
		const answer = await this.#parts.send({ method: "GET", path: singlePath(ref) });
		return answer.status === 200 ? new Secret(answer.body) : readError(answer, ref.full, this.#failed());
	}

	/** Conjur Cloud's own batch, with a status for each; what it cannot say is asked for in the other way. */
	async #readValues(refs: Group): Promise<void> {
		if (refs.length === 0) return;
		const { client, send } = this.#parts;
		const headers = { "content-type": "application/json", accept: mediaType };
		const body = JSON.stringify({ ids: refs.map(({ id }) => id) });
		try {
			const answer = await send({ method: "POST", path: "/secrets/values", headers, body });
			const isMissing = absentRoute.has(answer.status);
			if (isMissing) client.hasValuesBatch = false;
			if (!isMissing && answer.status !== 200 && answer.status !== 207) return this.#refuse(refs, answer);
			await this.#readOtherwise(this.#takeValues(refs, readValues(answer)));
		} catch (reason) {
			await this.#fail(refs, ProviderError.from(reason));
		}
	}

	/** @returns those of which nothing was said that counts */
	#takeValues(refs: Group, values: ReturnType<typeof readValues>): Group {
		return refs.filter((ref) => {
			const { status, value } = values?.get(ref.id) ?? { status: 0, value: undefined };
			const known = status === 200 ? value : valueError(status, ref.full, this.#failed());
			if (known !== undefined) this.#settle(ref, known);
			return known === undefined;
		});
	}

	async #readOtherwise(refs: Group): Promise<void> {
		const single = refs.filter((ref) => !isBatchable(ref)).map((ref) => [ref]);
		await Promise.all([...groupsOf(refs.filter(isBatchable)), ...single].map((group) => this.#readGroup(group, false)));
	}

	#refuse(refs: Group, answer: HttpAnswer): void {
		for (const ref of refs) this.#settle(ref, readError(answer, ref.full, this.#failed()));
	}

	#settle(ref: ConjurRef, result: Secret | ProviderError): void {
		const { client, identity } = this.#parts;
		const outcome = result instanceof ProviderError ? outcomeOf(result) : found(result);
		this.#outcomes.set(ref.key, outcome);
		// An outage says nothing of the variable.
		if (outcome.kind !== "failed" && ref.version === undefined) client.suspects.note(identity, ref, outcome.kind !== "found");
	}

	#failed(): FailedCall {
		const { instance, identity } = this.#parts;
		return { instance, identity, confidential: this.#parts.confidential() };
	}
}

/** Whether a part of the batch may be given; a page of something in between says nothing of that. */
function isDivisible(answer: HttpAnswer): boolean {
	return tooLong.has(answer.status) || (spoilt.has(answer.status) && isConjurs(answer));
}

function found(value: Secret): Found {
	return { kind: "found", value, structure: "bytes" };
}
