import { randomUUID } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { ProviderError } from "../../errors.ts";
import type { Pod } from "../../plan/mount-request.ts";
import { Secret } from "../../shared/secret.ts";
import { type PodVolume, readPodVolume, readSecretProviderClass } from "./manifests.ts";
import type { MountOptions } from "./options.ts";
import { buildDriverRequest, type DriverRequest } from "./request.ts";

/**
 * Reads the files that the options name and makes the request of them.
 *
 * @param stdin where a token comes from whose file is `-`
 * @throws ProviderError `invalid`, or an error of the file system
 */
export async function readRequest(options: MountOptions, stdin: Readable): Promise<{ request: DriverRequest; provider: string }> {
	const podText = options.podFile === undefined ? undefined : readText(options.podFile);
	const podVolume = podText === undefined ? undefined : readPodVolume(podText, options.podFile ?? "", options.className);
	const className = options.className ?? podVolume?.attributes.get("secretProviderClass");
	const providerClass = readSecretProviderClass(readText(options.classFile), options.classFile, className);
	const request = buildDriverRequest({
		parameters: providerClass.parameters,
		volumeAttributes: podVolume?.attributes ?? new Map([["secretProviderClass", providerClass.name]]),
		pod: podOf(options, podVolume),
		tokens: await readTokens(options.tokenFiles, stdin),
		secrets: options.secretsFile === undefined ? undefined : readSecrets(options.secretsFile),
		permission: options.permission,
		targetPath: options.target,
	});
	return { request, provider: providerClass.provider };
}

function podOf({ pod }: MountOptions, manifest: PodVolume | undefined): Pod {
	const name = pod.name ?? manifest?.name;
	const namespace = pod.namespace ?? manifest?.namespace;
	if (name === undefined || namespace === undefined) {
		const missing = name === undefined ? "name" : "namespace";
		throw new ProviderError("invalid", `The pod has no ${missing}.`, {
			remedy: `Give it with ${name === undefined ? "--pod" : "--namespace"} or in the manifest of --pod-file.`,
		});
	}
	return {
		name,
		namespace,
		uid: pod.uid ?? manifest?.uid ?? randomUUID(),
		serviceAccount: pod.serviceAccount ?? manifest?.serviceAccount ?? "default",
	};
}

async function readTokens(files: ReadonlyMap<string, string>, stdin: Readable): Promise<ReadonlyMap<string, Secret>> {
	const tokens = new Map<string, Secret>();
	for (const [audience, file] of files) {
		const text = file === "-" ? (await buffer(stdin)).toString("utf8") : readText(file);
		if (text.trim() === "") throw new ProviderError("invalid", `The token for ${JSON.stringify(audience)} in ${file} is empty.`);
		tokens.set(audience, new Secret(text.trim()));
	}
	return tokens;
}

function readSecrets(file: string): ReadonlyMap<string, Secret> {
	const malformed = new ProviderError("invalid", `${file} is not a JSON object of texts.`, {
		remedy: 'Write the Secret\'s decoded data, such as {"token": "…"}.',
	});
	let data: unknown;
	try {
		data = JSON.parse(readText(file));
	} catch (error) {
		// The parser's own message quotes the text, which holds secrets.
		throw error instanceof SyntaxError ? malformed : error;
	}
	if (typeof data !== "object" || data === null || Array.isArray(data)) throw malformed;
	return new Map(
		Object.entries(data).map(([key, value]: [string, unknown]) => {
			if (typeof value !== "string") throw malformed;
			return [key, new Secret(value)];
		}),
	);
}

function readText(file: string): string {
	return readFileSync(file, "utf8");
}

/** The longest path that fits into a socket's address on Linux, in bytes. */
const longestSocketPath = 107;

/**
 * Where the provider listens.
 *
 * @throws ProviderError `unreachable` when there is no socket
 */
export function socketPath(socket: MountOptions["socket"], provider: string): string {
	const path = "file" in socket ? socket.file : join(socket.directory, `${provider}.sock`);
	if (Buffer.byteLength(path) > longestSocketPath) {
		throw new ProviderError("invalid", `The socket's path ${path} is longer than ${longestSocketPath} bytes.`, {
			remedy: "Reach the socket by a shorter path, such as a symbolic link to its directory.",
		});
	}
	if (statSync(path, { throwIfNoEntry: false })?.isSocket() !== true) {
		throw new ProviderError("unreachable", `There is no socket ${path}.`, {
			remedy: `Start the provider with ${JSON.stringify(provider)} among its --providers, or name another socket.`,
		});
	}
	return path;
}
