import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { ProviderError } from "./errors.ts";
import type { KubernetesClient } from "./kubernetes/client.ts";
import { readVersionKey } from "./kubernetes/version-key.ts";
import type { ServeOptions } from "./options.ts";
import type { Logger } from "./telemetry/log.ts";
import { needsApi } from "./verification.ts";

const startMilliseconds = 30_000;

/** The key of the object versions: from a file, from a Secret, or for this process alone. */
export async function openVersionKey(options: ServeOptions, kubernetes: KubernetesClient | undefined, log: Logger): Promise<Buffer> {
	if (options.versionKeyFile !== undefined) return readKeyFile(options.versionKeyFile);
	if (options.versionKeySecret !== undefined) {
		if (kubernetes === undefined) throw needsApi("--version-key-secret");
		return readVersionKey(kubernetes, options.versionKeySecret, AbortSignal.timeout(startMilliseconds));
	}
	log.warn(
		{ event: "version_key_missing" },
		"no --version-key and no --version-key-secret: object versions will differ between nodes and after a restart",
	);
	return randomBytes(32);
}

function readKeyFile(file: string): Buffer {
	let key: Buffer;
	try {
		key = readFileSync(file);
	} catch (cause) {
		throw new ProviderError("invalid", `--version-key ${file} cannot be read.`, {
			remedy: "Name a file of 32 random bytes or more.",
			cause,
		});
	}
	if (key.length < 32)
		throw new ProviderError("invalid", `--version-key ${file} holds fewer than 32 bytes.`, { remedy: "Write 32 random bytes into it." });
	return key;
}
