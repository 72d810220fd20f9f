import type { Connections } from "../../aws/connections.ts";
import { ProviderError } from "../../errors.ts";
import type { Failed, Outcome } from "../store.ts";
import { inFailoverRegion } from "./kms-decrypt.ts";
import { inRegion, type Place } from "./place.ts";
import { readIn } from "./read.ts";
import type { AwsRef } from "./ref.ts";

type Answer = Outcome | Failed;

/** Two regions, of which the second stands in for the first. */
export interface Regions {
	readonly first: Place;
	readonly second: Place;
	readonly connections: Connections;
}

const services = { secret: "secretsmanager", parameter: "ssm", ciphertext: "kms" } as const;

/**
 * Reads in the first region, and in the second what the first has given no answer for: only an outage, throttling
 * included, is what the second region is for. The first one's word that something is absent or denied holds. The
 * second one counts with what it gives, and not with what it lacks: a replica may not be there yet.
 */
export async function readWithFailover(regions: Regions, refs: readonly AwsRef[], signal: AbortSignal): Promise<readonly Answer[]> {
	const byKind = [...Map.groupBy(refs, ({ kind }) => kind)];
	const answers = new Map((await Promise.all(byKind.map(([kind, some]) => readKind(regions, services[kind], some, signal)))).flat());
	return refs.flatMap((ref) => answers.get(ref) ?? []);
}

/** Reads what one service keeps: another one that is out of order is none of its business. */
async function readKind(
	{ first, second, connections }: Regions,
	service: (typeof services)[AwsRef["kind"]],
	refs: readonly AwsRef[],
	signal: AbortSignal,
): Promise<readonly (readonly [AwsRef, Answer])[]> {
	const answers = new Map<AwsRef, Answer>();
	if (!connections.isResting(service, first.region)) {
		for (const [ref, answer] of await ask(first, refs, signal)) answers.set(ref, answer);
		const usable = [...answers.values()].some((answer) => !isOutage(answer));
		connections.note(service, first.region, usable);
	}
	const replaced = new Map(refs.filter((ref) => isOutage(answers.get(ref))).map((ref) => [inSecondRegion(ref, second.region), ref]));
	const wanted = [...replaced.keys()].filter((ref) => ref !== undefined);
	for (const [stand, answer] of await ask(second, wanted, signal)) {
		const ref = replaced.get(stand);
		if (ref !== undefined) takeSecond(answers, ref, answer);
	}
	// While the first region was passed over, what the second lacks is still its to give.
	const rest = refs.filter((ref) => !answers.has(ref));
	for (const [ref, answer] of await ask(first, rest, signal)) answers.set(ref, answer);
	return [...answers];
}

async function ask(place: Place, refs: readonly AwsRef[], signal: AbortSignal): Promise<readonly (readonly [AwsRef, Answer])[]> {
	if (refs.length === 0) return [];
	const answers = await readIn(place, refs, signal);
	return answers.flatMap((answer, index) => {
		const ref = refs[index];
		return ref === undefined ? [] : [[ref, answer] as const];
	});
}

function takeSecond(answers: Map<AwsRef, Answer>, ref: AwsRef, answer: Answer): void {
	const first = answers.get(ref);
	if (answer.kind === "found") answers.set(ref, answer);
	else if (first?.kind === "failed") answers.set(ref, { kind: "failed", error: bothFailed(first.error, answer.error) });
}

function bothFailed(first: ProviderError, second: ProviderError): ProviderError {
	const { code, remedy, legacyText, cause } = first;
	return new ProviderError(code, `${first.message} The failover region did not stand in: ${second.message}`, {
		stage: "read",
		cause,
		...(remedy === undefined ? {} : { remedy }),
		...(legacyText === undefined ? {} : { legacyText }),
	});
}

function isOutage(answer: Answer | undefined): boolean {
	return answer === undefined || (answer.kind === "failed" && answer.error.code === "unreachable");
}

/** The same thing in the second region; undefined for a value whose key is not said to be there too. */
function inSecondRegion(ref: AwsRef, region: string): AwsRef | undefined {
	if (ref.kind === "ciphertext") return inFailoverRegion(ref);
	const { failover } = ref;
	const id = inRegion(failover?.id || ref.id, region);
	if (ref.kind === "parameter") return { ...ref, id, selector: failover?.selector || ref.selector };
	return { ...ref, id, versionId: failover?.versionId || ref.versionId, stage: failover?.selector || ref.stage };
}
