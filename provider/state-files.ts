import { rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { ProviderError } from "./errors.ts";
import type { ServeOptions } from "./options.ts";
import { SealedFile } from "./shared/sealed-file.ts";
import { describeCause, type Logger } from "./telemetry/log.ts";

/** What outlives the process; the name is the file's. */
export type StateName = "leases" | "deliveries" | "values";

/** Something that can be saved, and taken up again by a later process. */
export interface Kept {
	snapshot(): unknown;
	/** @returns false when it is nothing that this version has saved */
	restore(kept: unknown): boolean | Promise<void>;
}

/**
 * The sealed files of `--state-dir`; none without it. A file opens on the node where it was written, for the purpose
 * it was written for, and nowhere else.
 *
 * @throws ProviderError `invalid` when no key outlives the process, or values are to be kept nowhere
 */
export function openStateFiles(options: ServeOptions, key: Buffer, log: Logger): StateFiles {
	const { stateDirectory: directory, keepsValues, versionKeyFile, versionKeySecret, nodeName } = options;
	if (directory === undefined) {
		if (keepsValues)
			throw new ProviderError("invalid", "--keep-values on needs --state-dir.", { remedy: "Name the folder that keeps them." });
		return new StateFiles(new Map(), log);
	}
	if (versionKeyFile === undefined && versionKeySecret === undefined)
		throw new ProviderError("invalid", "--state-dir needs a key that outlives the process.", {
			remedy: "Add --version-key or --version-key-secret.",
		});
	const names: readonly StateName[] = keepsValues ? ["leases", "deliveries", "values"] : ["leases", "deliveries"];
	if (!keepsValues) removeValues(join(directory, "values"), log);
	const files = names.map((name) => {
		const purpose = `${name} of node ${nodeName ?? hostname()}`;
		const warn = (reason: string, cause?: unknown) =>
			log.warn({ event: "state_unreadable", reason, ...describeCause(cause) }, `the ${name} kept in --state-dir`);
		return [name, new SealedFile({ path: join(directory, name), key, purpose, warn })] as const;
	});
	return new StateFiles(new Map(files), log);
}

/** Reads each file once, before anything is served, and replaces it whenever what it keeps has changed. */
export class StateFiles {
	readonly #files: ReadonlyMap<StateName, SealedFile>;
	readonly #log: Logger;
	readonly #kept = new Map<StateName, Kept>();

	constructor(files: ReadonlyMap<StateName, SealedFile>, log: Logger) {
		this.#files = files;
		this.#log = log;
	}

	/** Goes on with what the last process kept. What has become of it, such as what is too old by now, is saved at once. */
	async restore(parts: Readonly<Record<StateName, Kept>>): Promise<void> {
		for (const [name, file] of this.#files) {
			const kept = await file.read();
			if (kept !== undefined && (await parts[name].restore(kept)) === false)
				this.#log.warn({ event: "state_unreadable", reason: "it is of another version" }, `the ${name} kept in --state-dir`);
			// Not before now: a save of what is only half restored would lose the rest.
			this.#kept.set(name, parts[name]);
			this.saveSoon(name);
		}
	}

	/** Saves at once or within a second; nothing where the name is not kept, or not restored yet. */
	saveSoon(name: StateName): void {
		const kept = this.#kept.get(name);
		if (kept !== undefined) this.#files.get(name)?.saveSoon(() => kept.snapshot());
	}

	/** Saves everything a last time. */
	async flush(): Promise<void> {
		for (const name of this.#kept.keys()) this.saveSoon(name);
		await Promise.all([...this.#files.values()].map((file) => file.flush()));
	}
}

/** Who switches the keeping off does not expect to find an old file there. */
function removeValues(path: string, log: Logger): void {
	try {
		rmSync(path, { force: true });
	} catch (cause) {
		log.warn({ event: "state_not_removed", reason: "it cannot be removed", ...describeCause(cause) }, "the values kept in --state-dir");
	}
}
