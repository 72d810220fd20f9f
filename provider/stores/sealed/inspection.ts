import { ProviderError } from "../../errors.ts";
import { KeyDirectory, type KeyFile } from "../../sealing/key-directory.ts";
import type { Holder, ObjectRemark } from "../module.ts";
import type { SealedInstance } from "./instance.ts";
import { ageProblem, holderProblem, type Problem, scopeProblem, unknownKey } from "./problems.ts";
import type { SealedRef } from "./ref.ts";

/** By instance, so that the objects of a class share what is read. */
const directories = new WeakMap<SealedInstance, KeyDirectory>();

/**
 * What can be said of a value without opening it. Nothing is said of its key where the keys are not at hand, as on the
 * machine of who writes the class.
 *
 * @param instance undefined: what the administrator has written is not known
 */
export function inspect(
	{ sealed }: SealedRef,
	{ namespace, serviceAccount }: Holder,
	instance: SealedInstance | undefined,
): readonly ObjectRemark[] {
	const keys = instance === undefined ? undefined : keysOf(instance);
	const isUnknown = keys !== undefined && !keys.some(({ key }) => key.id === sealed.keyId);
	const errors = [
		namespace === undefined ? undefined : holderProblem(sealed, { namespace, serviceAccount }),
		instance === undefined ? undefined : scopeProblem(sealed, instance),
		isUnknown ? unknownKey(sealed) : undefined,
	];
	const age = keys === undefined || isUnknown ? undefined : ageProblem(sealed, keys);
	return [...errors.flatMap((problem) => remark("error", problem)), ...remark("warning", age)];
}

function remark(severity: ObjectRemark["severity"], problem: Problem | undefined): readonly ObjectRemark[] {
	return problem === undefined ? [] : [{ severity, field: "sealed", ...problem }];
}

function keysOf(instance: SealedInstance): readonly KeyFile[] | undefined {
	const directory = directories.get(instance) ?? new KeyDirectory(instance.keyDirectory);
	directories.set(instance, directory);
	try {
		return directory.keys();
	} catch (error) {
		if (error instanceof ProviderError) return undefined;
		throw error;
	}
}
