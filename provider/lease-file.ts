import { join } from "node:path";
import type { LeaseKeeper } from "./broker/leases/lease-keeper.ts";
import { ProviderError } from "./errors.ts";
import type { ServeOptions } from "./options.ts";
import { SealedFile } from "./shared/sealed-file.ts";
import { describeCause, type Logger } from "./telemetry/log.ts";

/** Where leases outlive the process; undefined when nobody named a place. */
export function openLeaseFile(options: ServeOptions, key: Buffer, log: Logger): SealedFile | undefined {
	const { stateDirectory, versionKeyFile, versionKeySecret } = options;
	if (stateDirectory === undefined) return undefined;
	if (versionKeyFile === undefined && versionKeySecret === undefined)
		throw new ProviderError("invalid", "--state-dir needs a key that outlives the process.", {
			remedy: "Add --version-key or --version-key-secret.",
		});
	return new SealedFile({
		path: join(stateDirectory, "leases"),
		key,
		purpose: "leases",
		warn: (reason, cause) => log.warn({ reason, ...describeCause(cause) }, "the leases kept in --state-dir"),
	});
}

/** Goes on with the leases of the last process. */
export async function restoreLeases(file: SealedFile | undefined, leases: LeaseKeeper): Promise<void> {
	const kept = await file?.read();
	if (kept !== undefined) await leases.restore(kept);
}
