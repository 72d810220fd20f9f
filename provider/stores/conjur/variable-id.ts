/** A variable by its full name. */
export interface VariableId {
	readonly account: string;
	/** Without account and kind. */
	readonly id: string;
}

export interface VariableProblem {
	/** A clause, such as `names no variable`. */
	readonly problem: string;
}

const longestId = 2000;

/**
 * Reads how somebody names a variable: `db/password`, `variable:db/password` or `acme:variable:db/password`. Any other
 * colon belongs to the id.
 *
 * @param account of a variable that is named without one
 */
export function readVariableId(text: string, account: string): VariableId | VariableProblem {
	const found = split(text, account);
	// Encoded or not, whoever is on the way may take these for steps of a path.
	if (found.id.trim() === "" || [found.id, found.account].some((name) => /^\.{1,2}$/.test(name))) return { problem: "names no variable" };
	if (text.length > longestId) return { problem: `is longer than ${longestId} characters` };
	if (/\p{Cc}/u.test(text) || !text.isWellFormed()) return { problem: "holds characters that no name has" };
	return found;
}

function split(text: string, account: string): VariableId {
	const [first = "", second, ...rest] = text.split(":");
	if (first === "variable" && second !== undefined) return { account, id: text.slice("variable:".length) };
	if (second === "variable" && first !== "" && rest.length > 0) return { account: first, id: rest.join(":") };
	return { account, id: text };
}

/** As batches name it. */
export function fullId({ account, id }: VariableId): string {
	return `${account}:variable:${id}`;
}
