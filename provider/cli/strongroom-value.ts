import { randomBytes, randomInt } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { ProviderError } from "../errors.ts";
import { errorCodeOf } from "../shared/error-code.ts";
import { maximumValueLength } from "../strongroom/write.ts";
import { type Call, UsageError } from "./strongroom-command.ts";
import { isTerminal, readValue, withoutNewline } from "./value-input.ts";

const passwordAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** 190 bits of entropy. */
const passwordLength = 32;
const maximumGenerated = 4096;

/** How to get the value: from a file, from standard input, or made here. */
export type ValueSource =
	| { readonly kind: "file"; readonly path: string }
	| { readonly kind: "stdin" }
	| { readonly kind: "password" }
	| { readonly kind: "bytes"; readonly length: number };

/** @throws UsageError when the options contradict each other */
export function valueSource(call: Call): ValueSource {
	const path = call.texts.get("from-file");
	const recipe = call.texts.get("generate");
	if (path !== undefined && recipe !== undefined) throw new UsageError("--from-file and --generate exclude each other.");
	if (path !== undefined) return { kind: "file", path };
	if (recipe === undefined) return { kind: "stdin" };
	if (recipe === "password") return { kind: "password" };
	const length = /^bytes:([1-9][0-9]{0,3})$/.exec(recipe)?.[1];
	if (length === undefined || Number(length) > maximumGenerated) {
		throw new UsageError(`--generate needs \`password\` or \`bytes:N\` with N from 1 to ${maximumGenerated}.`);
	}
	return { kind: "bytes", length: Number(length) };
}

/**
 * Gets the value. The caller overwrites it after use.
 *
 * @throws ProviderError `invalid` when it is too long or cannot be read
 */
export async function obtainValue(source: ValueSource, call: Call): Promise<Buffer> {
	if (source.kind === "bytes") return randomBytes(source.length);
	if (source.kind === "password") return makePassword();
	const value = source.kind === "file" ? await readFileValue(source.path) : await readInput(call.io.stdin);
	return call.switches.has("trim-newline") ? withoutNewline(value) : value;
}

function makePassword(): Buffer {
	const value = Buffer.alloc(passwordLength);
	for (let index = 0; index < passwordLength; index += 1) value[index] = passwordAlphabet.charCodeAt(randomInt(passwordAlphabet.length));
	return value;
}

async function readFileValue(path: string): Promise<Buffer> {
	try {
		return await readValue(createReadStream(path), maximumValueLength);
	} catch (error) {
		if (error instanceof ProviderError) throw error;
		throw new ProviderError("invalid", `The file of --from-file cannot be read (${errorCodeOf(error) ?? "unknown error"}).`, {
			cause: error,
		});
	}
}

async function readInput(stdin: Readable): Promise<Buffer> {
	if (isTerminal(stdin)) {
		throw new UsageError("The value would be typed in the clear: pipe it in, or use --from-file or --generate.");
	}
	return readValue(stdin, maximumValueLength);
}
