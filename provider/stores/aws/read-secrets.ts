import type { GetSecretValueCommandOutput, BatchGetSecretValueCommandOutput as Page } from "@aws-sdk/client-secrets-manager";
import { awsErrorOf, isThrottled, isWord, kindOf, toldError } from "../../aws/error-kinds.ts";
import { Secret } from "../../shared/secret.ts";
import type { Failed, Outcome } from "../store.ts";
import { type FailedRead, nonsense, readOutcome } from "./failures.ts";
import type { Place } from "./place.ts";
import type { SecretRef } from "./ref.ts";

/** Secrets Manager API reference, BatchGetSecretValue. */
const batchSize = 20;

type Answer = Outcome | Failed;

/**
 * Reads secrets, one answer each, in order. Those that are wanted as they are now are asked for in batches where the
 * identity may; the others one by one, side by side.
 */
export async function readSecrets(refs: readonly SecretRef[], place: Place, signal: AbortSignal): Promise<readonly Answer[]> {
	const current = refs.filter((ref) => ref.versionId === "" && (ref.stage === "" || ref.stage === "AWSCURRENT"));
	const batched = current.length > 1 && place.lessons.mayBatch ? current : [];
	const found = new Map<SecretRef, Answer>();
	await Promise.all(
		chunks(batched, batchSize).map(async (batch) => {
			for (const [ref, answer] of await readBatch(batch, place, signal)) found.set(ref, answer);
		}),
	);
	return Promise.all(refs.map((ref) => found.get(ref) ?? readSecret(ref, place, signal)));
}

/** The answers to as many refs of a batch as it gives answers for; the others are to be asked for alone. */
async function readBatch(refs: readonly SecretRef[], place: Place, signal: AbortSignal): Promise<ReadonlyMap<SecretRef, Answer>> {
	const answers = new Map<SecretRef, Answer>();
	const rest = () => refs.filter((ref) => !answers.has(ref));
	try {
		for await (const page of pagesOf(refs, place, signal)) {
			for (const ref of rest()) takeFrom(page, ref, place, answers);
			if (answers.size === refs.length) break;
		}
	} catch (error) {
		learn(error, place);
		// What AWS will say of each by itself, it is asked, and it lets single reads pass where batches have reached their far
		// lower limit. An outage is one for all.
		if (!isWord(error) && !isThrottled(error))
			for (const ref of rest()) answers.set(ref, readOutcome(error, failedRead(ref, place, "BatchGetSecretValue")));
	}
	return answers;
}

/** The pages of a batch's answer; no more than there are secrets, since a page without any must not be followed for ever. */
async function* pagesOf(refs: readonly SecretRef[], { caller, region }: Place, signal: AbortSignal): AsyncGenerator<Page> {
	const { BatchGetSecretValueCommand } = await import("@aws-sdk/client-secrets-manager");
	const SecretIdList = refs.map(({ id }) => id);
	let next: Pick<Page, "NextToken"> = {};
	for (let count = 0; count <= refs.length; count += 1) {
		const command = new BatchGetSecretValueCommand({ SecretIdList, ...next });
		const page = await caller.send("secretsmanager", region, signal, (client, abortSignal) => client.send(command, { abortSignal }));
		yield page;
		if (page.NextToken === undefined) return;
		next = { NextToken: page.NextToken };
	}
}

function takeFrom(page: Page, ref: SecretRef, place: Place, answers: Map<SecretRef, Answer>): void {
	const value = page.SecretValues?.find((entry) => isSame(ref.id, entry.Name, entry.ARN));
	if (value !== undefined) {
		answers.set(ref, foundIn(value, failedRead(ref, place, "BatchGetSecretValue")));
		return;
	}
	const fault = page.Errors?.find((entry) => isSame(ref.id, entry.SecretId, entry.SecretId));
	if (fault?.ErrorCode === undefined) return;
	const error = toldError(fault.ErrorCode, fault.Message ?? "");
	answers.set(ref, readOutcome(error, failedRead(ref, place, "BatchGetSecretValue")));
}

/** A secret is asked for by name, by ARN, or by an ARN without the six characters that AWS adds to the name. */
function isSame(id: string, name: string | undefined, arn: string | undefined): boolean {
	return (
		id === name || id === arn || (id.startsWith("arn:") && arn !== undefined && arn.length === id.length + 7 && arn.startsWith(`${id}-`))
	);
}

async function readSecret(ref: SecretRef, place: Place, signal: AbortSignal): Promise<Answer> {
	const read = failedRead(ref, place, "GetSecretValue");
	const { GetSecretValueCommand } = await import("@aws-sdk/client-secrets-manager");
	const input = {
		SecretId: ref.id,
		...(ref.versionId === "" ? {} : { VersionId: ref.versionId }),
		...(ref.stage === "" ? {} : { VersionStage: ref.stage }),
	};
	try {
		const answer = await place.caller.send("secretsmanager", place.region, signal, (client, abortSignal) =>
			client.send(new GetSecretValueCommand(input), { abortSignal }),
		);
		return foundIn(answer, read);
	} catch (error) {
		return readOutcome(error, read);
	}
}

/** Text and bytes are taken as they are. */
function foundIn(
	{ SecretString, SecretBinary }: Pick<GetSecretValueCommandOutput, "SecretString" | "SecretBinary">,
	read: FailedRead,
): Answer {
	if (SecretString !== undefined) return { kind: "found", value: new Secret(SecretString), structure: "bytes" };
	if (SecretBinary === undefined) return nonsense(read, "it holds no value");
	const value = new Secret(Buffer.from(SecretBinary.buffer, SecretBinary.byteOffset, SecretBinary.byteLength));
	return { kind: "found", value, structure: "bytes" };
}

function learn(error: unknown, { lessons }: Place): void {
	const answer = awsErrorOf(error);
	if (answer !== undefined && kindOf(answer) === "denied") lessons.mayBatch = false;
}

function failedRead(ref: SecretRef, { region, identity, confidential }: Place, operation: string): FailedRead {
	return { service: "secretsmanager", operation, region, id: ref.id, identity, confidential };
}

function chunks<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
	return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}
