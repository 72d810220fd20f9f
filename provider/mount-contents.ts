import type { Answer, Failure } from "./broker/broker.ts";
import { ProviderError } from "./errors.ts";
import type { MountPlan, PlannedObject, RenderedFile } from "./plan/mount-plan.ts";
import type { Verdict } from "./rotation/revocation.ts";
import type { Absent, Denied, Found } from "./stores/store.ts";

/** The driver ignores an answer without files, so a volume whose optional objects are all absent holds this. */
const emptyVolumeMarker: RenderedFile = { path: ".empty", mode: 0o444, contents: Buffer.alloc(0) };
/** And this a volume whose objects have all been revoked, so that the last file does go. */
const revokedVolumeMarker: RenderedFile = { path: ".revoked", mode: 0o444, contents: Buffer.alloc(0) };

/** What a volume is made of. */
export interface MountContents {
	readonly values: ReadonlyMap<string, Found>;
	/** The objects that the store has withdrawn, whether their files go or stay. */
	readonly withdrawn: ReadonlySet<string>;
	/** Those of them whose files go. */
	readonly removed: ReadonlySet<string>;
	readonly staleSeconds: number | undefined;
}

export interface SettleOptions {
	readonly plan: MountPlan;
	readonly answers: ReadonlyMap<string, Answer>;
	/** What becomes of an object that the store has withdrawn; undefined where the volume never held it. */
	judge(object: PlannedObject): Verdict | undefined;
	/** The last value of an object before the store withdrew it. */
	withdrawn(object: PlannedObject): Found | undefined;
}

type Missing = { readonly object: PlannedObject; readonly outcome: Absent | Denied | Failure };

/**
 * Makes of the answers what the volume will hold.
 *
 * @throws ProviderError for the first object that is not there and must be, in the words of the plan's dialect
 */
export function settle({ plan, answers, judge, withdrawn: lastValue }: SettleOptions): MountContents {
	const values = new Map<string, Found>();
	const [withdrawn, removed, missing] = [new Set<string>(), new Set<string>(), [] as Missing[]];
	let staleSeconds: number | undefined;
	for (const object of plan.objects) {
		const answer = answers.get(object.name);
		if (answer === undefined) continue;
		const { outcome } = answer;
		if (answer.staleSeconds !== undefined) staleSeconds = Math.max(staleSeconds ?? 0, answer.staleSeconds);
		if (outcome.kind === "found") {
			values.set(object.name, outcome);
			continue;
		}
		const verdict = isWithdrawal(outcome) ? judge(object) : undefined;
		const kept = verdict === "keep" ? lastValue(object) : undefined;
		if (verdict !== undefined) withdrawn.add(object.name);
		if (kept !== undefined) values.set(object.name, kept);
		else if (verdict === "remove") removed.add(object.name);
		else if (!object.optional || outcome.kind === "failed") missing.push({ object, outcome });
	}
	const first = missing[0];
	if (first !== undefined) throw describeMissing(plan, first, missing.slice(1));
	return { values, withdrawn, removed, staleSeconds };
}

const none: ReadonlySet<string> = new Set();

/** What a volume is made of when every object is there. @param found in the order of the plan's objects */
export function contentsOf(plan: MountPlan, found: readonly Found[]): MountContents {
	const values = new Map<string, Found>();
	for (const [index, value] of found.entries()) values.set(plan.objects[index]?.name ?? "", value);
	return { values, withdrawn: none, removed: none, staleSeconds: undefined };
}

/** The files of a volume; never none. */
export function filesOf(plan: MountPlan, { values, removed }: MountContents): readonly RenderedFile[] {
	const files = plan.files.flatMap((recipe) => (isEmptied(recipe.objects, values, removed) ? [] : recipe.produce(values)));
	if (files.length > 0) return files;
	return [removed.size > 0 ? revokedVolumeMarker : emptyVolumeMarker];
}

/** A file all of whose objects are gone, one of them by revocation, goes too: nothing of it is left to show. */
function isEmptied(objects: readonly string[], values: ReadonlyMap<string, Found>, removed: ReadonlySet<string>): boolean {
	return objects.some((name) => removed.has(name)) && !objects.some((name) => values.has(name));
}

/** Absent and denied are the store's word, and so is a login that it refuses. An outage is not. */
function isWithdrawal(outcome: Absent | Denied | Failure): boolean {
	return outcome.kind !== "failed" || outcome.error.code === "denied";
}

function describeMissing(plan: MountPlan, { object, outcome }: Missing, others: readonly Missing[]): ProviderError {
	const { error } = outcome;
	const own = `${object.path} ${JSON.stringify(object.name)}: ${error.message}`;
	const also =
		others.length === 0 ? "" : ` Also: ${others.map((other) => `${other.object.path} (${other.outcome.error.code})`).join(", ")}.`;
	const legacyText = plan.explain?.(object, error);
	return new ProviderError(error.code, `${own}${also}`, {
		...(error.remedy === undefined ? {} : { remedy: error.remedy }),
		...(legacyText === undefined ? {} : { legacyText }),
		...(error.stage === undefined ? {} : { stage: error.stage }),
		cause: error,
	});
}
