import pino, { type Logger as PinoLogger } from "pino";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** What rooms need of a log. Fields are chosen one by one; no request, error or client object is ever logged whole. */
export interface Logger {
	debug(fields: object, message: string): void;
	info(fields: object, message: string): void;
	warn(fields: object, message: string): void;
	error(fields: object, message: string): void;
}

/**
 * JSON lines on stderr. Written synchronously: a line about the last moment of a process is
 * the one most wanted, and a Mount writes one line at most.
 */
export function createLogger(level: LogLevel): Logger {
	const logger: PinoLogger = pino(
		{ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
		pino.destination({ fd: 2, sync: true }),
	);
	return logger;
}

/**
 * What may be logged of an unknown error: names, system error codes and where it came from. Texts of
 * foreign errors stay out, because client libraries put headers and bodies into them.
 */
export function describeCause(error: unknown): object {
	const causes: object[] = [];
	for (let current = error; current instanceof Error && causes.length < 5; current = current.cause) {
		causes.push({ name: current.name, ...systemCode(current), at: firstFrames(current) });
	}
	return { causes };
}

function systemCode(error: Error): object {
	const { code } = error as { code?: unknown };
	return typeof code === "string" && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? { code } : {};
}

/** Stack frames without the stack's first line, which repeats the message. */
function firstFrames(error: Error): readonly string[] {
	return (error.stack ?? "")
		.split("\n")
		.filter((line) => /^\s+at /.test(line))
		.slice(0, 4)
		.map((line) => line.trim());
}
