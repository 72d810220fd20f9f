import { readFile } from "node:fs/promises";
import { ProviderError } from "../../errors.ts";
import { readPublicKey, type SealingKey } from "../../sealing/sealing-key.ts";
import { errorCodeOf } from "../../shared/error-code.ts";

const remedy = 'Name the file with what "claviger seal keys" printed.';

/** @throws ProviderError `invalid` when the file holds no public key of an installation */
export async function readPublicKeyFile(file: string): Promise<SealingKey> {
	const key = readPublicKey(await read(file));
	if (typeof key === "string") throw new ProviderError("invalid", `The file of --public-key ${key}.`, { remedy });
	return key;
}

async function read(file: string): Promise<string> {
	try {
		return await readFile(file, "utf8");
	} catch (cause) {
		const code = errorCodeOf(cause) ?? "no reason given";
		throw new ProviderError("invalid", `The file of --public-key cannot be read (${code}).`, { remedy, cause });
	}
}
