import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { goBinary } from "../servers/go-binary.ts";

/** What `mountload` prints; times in milliseconds. */
export interface LoadResult {
	readonly calls: number;
	readonly failed: number;
	readonly failures: Readonly<Record<string, number>>;
	readonly attempts: number;
	readonly failedAttempts: number;
	readonly perSecond: number;
	readonly p50: number;
	readonly p99: number;
	readonly maximum: number;
	readonly files: number;
}

export interface LoadOptions {
	readonly socket: string;
	/** JSON with the attributes of one pod, or an array of them. */
	readonly attributesFile: string;
	readonly concurrency: number;
	readonly seconds: number;
	/** Calls a second, by all callers together; absent: as many as there can be. */
	readonly rate?: number;
	/** Retry as the driver does. */
	readonly retry?: boolean;
}

/** Calls Mount from so many callers for so long. */
export async function putLoad(options: LoadOptions): Promise<LoadResult> {
	const { socket, attributesFile, concurrency, seconds, rate, retry = false } = options;
	const parameters = ["-socket", socket, "-attributes", attributesFile, "-concurrency", `${concurrency}`, "-seconds", `${seconds}`];
	if (rate !== undefined) parameters.push("-rate", `${rate}`);
	if (retry) parameters.push("-retry");
	const { stdout } = await promisify(execFile)(await goBinary("mountload"), parameters);
	return JSON.parse(stdout) as LoadResult;
}
