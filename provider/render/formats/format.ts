import type { Content } from "../content.ts";

/** One name and its value in a file of many. */
export interface Entry {
	readonly name: string;
	readonly content: Content;
}

/** A file format for names and values. */
export interface Format {
	/** Why a name cannot stand in such a file, as a clause; undefined when it can. */
	nameProblem(name: string): string | undefined;
	/**
	 * The file's text, entries in their order. A standard reader of the format gets exactly the values back.
	 *
	 * @throws ProviderError `invalid` for a value that the format cannot hold
	 */
	encode(entries: readonly Entry[]): string;
}

/** What a program may call an environment variable (POSIX, 8.1 and 3.216). */
export function environmentNameProblem(name: string): string | undefined {
	if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return undefined;
	return "is no name of an environment variable, which are letters, digits and _, not starting with a digit";
}
