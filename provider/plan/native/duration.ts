const secondsOf: ReadonlyMap<string, number> = new Map([
	["s", 1],
	["m", 60],
	["h", 3_600],
	["d", 86_400],
]);
const longest = 365 * 86_400;

export const durationRemedy = "Write a number and s, m, h or d, such as 30s or 12h.";

/** Seconds of a text such as `30s`, `5m`, `12h` or `7d`: at least one second, at most a year. Anything else is undefined. */
export function parseDuration(text: string): number | undefined {
	const [, digits, unit] = /^(\d{1,8})([smhd])$/.exec(text) ?? [];
	const seconds = Number(digits) * (secondsOf.get(unit ?? "") ?? Number.NaN);
	return seconds >= 1 && seconds <= longest ? seconds : undefined;
}
