/** The widest mode: no set-user-id, set-group-id or sticky bit ever goes into a volume. */
export const maximumFileMode = 0o777;

/** Parses octal text of three or four digits, such as `400` or `0400`; anything else is undefined. */
export function parseFileMode(text: string): number | undefined {
	if (!/^0?[0-7]{3}$/.test(text)) return undefined;
	return Number.parseInt(text, 8);
}
