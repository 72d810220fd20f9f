import type { GetParametersCommandOutput, Parameter } from "@aws-sdk/client-ssm";
import { isWord, toldError } from "../../aws/error-kinds.ts";
import { Secret } from "../../shared/secret.ts";
import type { Failed, Outcome } from "../store.ts";
import { type FailedRead, nonsense, readOutcome } from "./failures.ts";
import type { Place } from "./place.ts";
import type { ParameterRef } from "./ref.ts";

/** Systems Manager API reference, GetParameters. */
const batchSize = 10;

type Answer = Outcome | Failed;

/** Reads parameters, one answer each, in order, in as few calls as AWS allows, side by side. */
export async function readParameters(refs: readonly ParameterRef[], place: Place, signal: AbortSignal): Promise<readonly Answer[]> {
	const answers = new Map<ParameterRef, Answer>();
	await Promise.all(
		groups(refs, place.lessons.alone).map(async (group) => {
			for (const [ref, answer] of await readGroup(group, place, signal)) answers.set(ref, answer);
		}),
	);
	return refs.map((ref) => answers.get(ref) ?? nonsense(failedRead(ref, place), "it does not say whether the parameter exists"));
}

/**
 * Calls of ten. No call asks for two versions of one parameter, because the answer need not say which one it means;
 * what AWS has refused a whole call for is asked for alone.
 */
function groups(refs: readonly ParameterRef[], alone: ReadonlySet<string>): readonly (readonly ParameterRef[])[] {
	const open: { readonly names: Set<string>; readonly refs: ParameterRef[] }[] = [];
	for (const ref of refs.filter(({ key }) => !alone.has(key))) {
		const name = plainName(ref.id);
		const group = open.find((one) => one.refs.length < batchSize && !one.names.has(name));
		group?.names.add(name);
		group?.refs.push(ref);
		if (group === undefined) open.push({ names: new Set([name]), refs: [ref] });
	}
	return [...open.map((group) => group.refs), ...refs.filter(({ key }) => alone.has(key)).map((ref) => [ref])];
}

async function readGroup(
	group: readonly ParameterRef[],
	place: Place,
	signal: AbortSignal,
): Promise<readonly (readonly [ParameterRef, Answer])[]> {
	const { GetParametersCommand } = await import("@aws-sdk/client-ssm");
	const input = { Names: group.map(requestedName), WithDecryption: true };
	try {
		const page = await place.caller.send("ssm", place.region, signal, (client, abortSignal) =>
			client.send(new GetParametersCommand(input), { abortSignal }),
		);
		return group.map((ref) => [ref, readFrom(page, ref, place)]);
	} catch (error) {
		if (group.length === 1 || !isWord(error)) return group.map((ref) => [ref, readOutcome(error, failedRead(ref, place))]);
		return readSingly(group, place, signal);
	}
}

/** AWS refuses a call as a whole for one parameter that is denied or malformed: the others must not suffer for it. */
async function readSingly(
	group: readonly ParameterRef[],
	place: Place,
	signal: AbortSignal,
): Promise<readonly (readonly [ParameterRef, Answer])[]> {
	const answers = (await Promise.all(group.map((ref) => readGroup([ref], place, signal)))).flat();
	for (const [ref, { kind }] of answers) if (kind === "denied" || kind === "failed") place.lessons.alone.add(ref.key);
	return answers;
}

function readFrom(page: GetParametersCommandOutput, ref: ParameterRef, place: Place): Answer {
	const named = page.Parameters?.filter(({ Name, ARN }) => Name === ref.id || ARN === ref.id) ?? [];
	const parameter = named.find((one) => isSelected(one, ref.selector)) ?? named[0];
	if (parameter?.Value !== undefined) return { kind: "found", value: new Secret(parameter.Value), structure: "bytes" };
	const invalid = page.InvalidParameters ?? [];
	if (!invalid.includes(requestedName(ref))) return nonsense(failedRead(ref, place), "it does not say whether the parameter exists");
	const error = toldError("ParameterNotFound", "");
	const legacyText = `400: ${place.region}: invalid parameters: ${[...new Set(invalid)].join(", ")}`;
	return readOutcome(error, { ...failedRead(ref, place), id: requestedName(ref), legacyText });
}

function isSelected({ Selector, Version }: Parameter, selector: string): boolean {
	return selector === "" ? Selector === undefined || Selector === "" : Selector === `:${selector}` || String(Version) === selector;
}

/** A name or ARN with the version or label that is wanted. */
function requestedName({ id, selector }: ParameterRef): string {
	return selector === "" ? id : `${id}:${selector}`;
}

/** What a parameter is called by name and ARN alike: ARNs do not tell a name from the same one below the root. */
function plainName(id: string): string {
	return id.replace(/^arn:[^/]*:parameter\//, "").replace(/^\//, "");
}

function failedRead({ id }: ParameterRef, { region, identity, confidential }: Place): FailedRead {
	return { service: "ssm", operation: "GetParameters", region, id, identity, confidential };
}
