import type { Fields } from "../../plan/fields.ts";
import type { Ref } from "../store.ts";
import type { ConjurInstance } from "./instance.ts";
import { fullId, readVariableId, type VariableId } from "./variable-id.ts";

/** One value of a variable. */
export interface ConjurRef extends Ref, VariableId {
	/** As batches name it: `account:variable:id`. */
	readonly full: string;
	/** Undefined: the newest. */
	readonly version: number | undefined;
}

export function makeRef(variable: VariableId, version?: number): ConjurRef {
	const full = fullId(variable);
	return { ...variable, full, version, key: JSON.stringify([full, version ?? null]) };
}

/** Reads the place of an object of the native dialect: `path`, `version`. */
export function readRef(fields: Fields, { account }: ConjurInstance): ConjurRef {
	const path = fields.required("path", "Write the variable's id, such as shop/db/password.");
	const found = path === "" ? { account, id: "" } : readVariableId(path, account);
	if ("problem" in found) fields.reject("path", found.problem, "Write the variable's id, such as shop/db/password.");
	const version = fields.text("version") ?? "";
	if (version !== "" && !/^[1-9]\d{0,8}$/.test(version))
		fields.reject("version", "is not a number", "Write the number of one of the variable's versions, or remove it.");
	return makeRef("problem" in found ? { account, id: "" } : found, version === "" ? undefined : Number(version));
}
