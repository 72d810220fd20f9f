import type { MountPlan, RenderedFile } from "./plan/mount-plan.ts";
import type { Found } from "./stores/store.ts";

/** What a volume is given while none of its values changes. */
export interface KeptAnswer {
	readonly files: readonly RenderedFile[];
	readonly versions: ReadonlyMap<string, string>;
}

/** What the cache of values reserves for each beside its bytes, so that kept answers stay within its bound. */
const bytesPerValue = 4096;

/**
 * The last answer of each plan: files depend on nothing but the plan and the values, so replicas and remounts get the very
 * same ones, rendered, checked and encoded once.
 */
export class KeptAnswers {
	#answers = new WeakMap<MountPlan, { readonly values: readonly Found[]; readonly answer: KeptAnswer }>();

	/** @param values in the order of the plan's objects */
	get(plan: MountPlan, values: readonly Found[]): KeptAnswer | undefined {
		const kept = this.#answers.get(plan);
		return kept?.values.every((value, index) => value === values[index]) === true ? kept.answer : undefined;
	}

	/** @returns whether it is kept: large ones are not, nor those of one pod alone */
	keep(plan: MountPlan, values: readonly Found[], answer: KeptAnswer): boolean {
		if (values.some(({ lease }) => lease !== undefined)) return false;
		const bytes = answer.files.reduce((sum, { contents }) => sum + contents.length, 0);
		if (bytes > bytesPerValue * values.length) return false;
		this.#answers.set(plan, { values, answer });
		return true;
	}

	/** Lets go of everything that was made of secrets; called when any value is overwritten, which is rare beside Mounts. */
	clear(): void {
		this.#answers = new WeakMap();
	}
}
