import { readFileSync } from "node:fs";

/** Linux counts a process's time in ticks of 10 ms for user space, on every machine. */
const ticksPerSecond = 100;

/** Seconds of CPU, user and system, that a process has used. */
export function cpuSeconds(pid: number): number {
	// The second field, the program's name in parentheses, may itself hold spaces and parentheses.
	const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
		.replace(/^.*\) /s, "")
		.split(" ");
	// proc(5): utime and stime are fields 14 and 15; the first one left here is field 3.
	return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Resident memory of a process in MiB: now, and the most it ever was. */
export function memory(pid: number): { readonly now: number; readonly peak: number } {
	const status = readFileSync(`/proc/${pid}/status`, "utf8");
	const mebibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
	return { now: mebibytes("VmRSS"), peak: mebibytes("VmHWM") };
}
