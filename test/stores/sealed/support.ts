import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { sealValue } from "../../../provider/sealing/sealed-value.ts";
import { readPublicKey, type SealingKey } from "../../../provider/sealing/sealing-key.ts";
import type { SealedFor } from "../../../provider/sealing/workload.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** An installation: the directory of its private keys, and who may seal for it. */
export class Installation {
	readonly directory: string;
	readonly #publicKeys = new Map<string, SealingKey>();

	constructor(t: ExecutionContext<unknown>) {
		this.directory = join(temporaryDirectory(t), "sealing");
		mkdirSync(this.directory);
	}

	/** Makes a key pair; the private half goes to the directory. */
	addKey(name: string): SealingKey {
		const { publicKey, privateKey } = generateKeyPairSync("x25519");
		writeFileSync(this.#file(name), privateKey.export({ type: "pkcs8", format: "pem" }));
		const key = readPublicKey(publicKey.export({ type: "spki", format: "pem" }).toString());
		if (typeof key === "string") throw new Error(key);
		this.#publicKeys.set(name, key);
		return key;
	}

	removeKey(name: string): void {
		rmSync(this.#file(name));
	}

	async seal(name: string, value: Buffer | string, sealedFor: SealedFor): Promise<string> {
		return sealValue(Buffer.from(value), this.#publicKeys.get(name) ?? this.addKey(name), sealedFor);
	}

	policy(options = ""): string {
		return `profile: strict\nstores:\n  main: {type: sealed, keyDirectory: ${this.directory}${options}}\n`;
	}

	#file(name: string): string {
		return join(this.directory, `${name}.pem`);
	}
}
