import { createPublicKey } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { JSONWebKeySet } from "jose";
import { ProviderError } from "../errors.ts";
import type { KeySource } from "./key-verifier.ts";

/** Public token keys from a file, JWKS or PEM; read again when the file has changed. */
export class KeyFile implements KeySource {
	readonly #file: string;
	#known: { readonly keys: JSONWebKeySet; readonly changed: number } | undefined;

	/** @throws ProviderError `invalid` when the file holds no keys, so that a wrong start ends at once */
	constructor(file: string) {
		this.#file = file;
		this.#read();
	}

	async keys(): Promise<JSONWebKeySet> {
		return this.#read();
	}

	async refresh(): Promise<JSONWebKeySet> {
		return this.#read();
	}

	#read(): JSONWebKeySet {
		try {
			const changed = statSync(this.#file).mtimeMs;
			if (this.#known?.changed === changed) return this.#known.keys;
			const keys = parseKeys(readFileSync(this.#file, "utf8"));
			this.#known = { keys, changed };
			return keys;
		} catch (cause) {
			throw new ProviderError("invalid", `--token-keys ${this.#file} holds no readable public keys.`, {
				remedy: "Give a JWKS file or PEM public keys.",
				cause,
			});
		}
	}
}

function parseKeys(text: string): JSONWebKeySet {
	if (text.trimStart().startsWith("{")) {
		const set = JSON.parse(text) as JSONWebKeySet;
		if (!Array.isArray(set.keys) || set.keys.length === 0) throw new Error("there is no key in the set");
		return set;
	}
	const blocks = text.match(/-----BEGIN (?:RSA )?PUBLIC KEY-----[\s\S]+?-----END (?:RSA )?PUBLIC KEY-----/g) ?? [];
	if (blocks.length === 0) throw new Error("there is no public key");
	return { keys: blocks.map((block) => createPublicKey(block).export({ format: "jwk" }) as JSONWebKeySet["keys"][number]) };
}
