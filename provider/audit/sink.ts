import { closeSync, openSync, writeSync } from "node:fs";
import { ProviderError } from "../errors.ts";
import type { AuditRecord } from "./record.ts";

/** Where audit records go. */
export interface AuditSink {
	/**
	 * @param make makes the record, if it is kept at all
	 * @throws ProviderError `internal` when it could not be written: then nothing may be delivered
	 */
	record(make: () => AuditRecord): void;
	close(): void;
}

/**
 * Opens a sink: a file (appended to, mode 0600), `stdout`, or `off`. One record is one line of JSON.
 *
 * @throws ProviderError `invalid` when the file cannot be opened
 */
export function openAuditSink(target: string): AuditSink {
	if (target === "off") return { record: () => undefined, close: () => undefined };
	if (target === "stdout") return lineSink(1, () => undefined);
	const file = openFile(target);
	return lineSink(file, () => closeSync(file));
}

function openFile(target: string): number {
	try {
		return openSync(target, "a", 0o600);
	} catch (cause) {
		throw new ProviderError("invalid", `--audit ${target} cannot be opened for writing.`, {
			remedy: "Check the folder and its rights.",
			cause,
		});
	}
}

function lineSink(file: number, close: () => void): AuditSink {
	return {
		record(make) {
			const line = Buffer.from(`${JSON.stringify(make())}\n`, "utf8");
			try {
				// A short write would leave half a record, so the rest follows at once.
				for (let written = 0; written < line.length; ) written += writeSync(file, line, written);
			} catch (cause) {
				throw new ProviderError("internal", "The audit record could not be written, so nothing is delivered.", {
					remedy: "Check the space and rights of the --audit target.",
					cause,
				});
			}
		},
		close,
	};
}
