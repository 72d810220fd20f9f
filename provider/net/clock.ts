import { type Finding, failed, ok, warning } from "../shared/finding.ts";

/** When a request went out and its answer's headers were there, in milliseconds since 1970 by our own clock. */
export interface RequestTimes {
	readonly sentAt: number;
	readonly answeredAt: number;
}

/** Tokens are believed this long beyond their end; a clock further off refuses good tokens, or takes old ones. */
const tolerableSeconds = 10;
const noticeableSeconds = 3;
const secondsInHeader = 0.5;

const remedy = "Set the clock by NTP. On the node: timedatectl status; chronyc tracking; systemctl restart chronyd";

/**
 * Compares our clock with the header Date of an answer (RFC 9110 §6.6.1), which counts whole seconds. What the way
 * of the request took is in the server's favour: only a difference that it does not explain counts.
 *
 * @returns undefined when the header is missing or no date
 */
export function clockFinding(server: string, date: string | undefined, times: RequestTimes): Finding | undefined {
	const said = date === undefined ? Number.NaN : Date.parse(date) / 1000 + secondsInHeader;
	if (Number.isNaN(said)) return undefined;
	const { sentAt, answeredAt } = times;
	const difference = (sentAt + answeredAt) / 2000 - said;
	const uncertain = (answeredAt - sentAt) / 2000 + secondsInHeader;
	const certain = Math.max(0, Math.abs(difference) - uncertain);
	if (certain < noticeableSeconds) return ok("clock", `This clock and that of ${server} agree within ${Math.ceil(uncertain + certain)} s.`);
	const seconds = Math.round(Math.abs(difference));
	const message = `This clock is ${seconds} s ${difference > 0 ? "ahead of" : "behind"} that of ${server}.`;
	if (certain < tolerableSeconds) return warning("clock", message, remedy);
	return failed("clock", `${message} Tokens and certificates are then refused as too old or not valid yet.`, remedy);
}
