import { randomBytes } from "node:crypto";
import { ProviderError } from "../errors.ts";
import type { KubernetesClient } from "./client.ts";

/** The field of the Secret; the same as in the Vault provider's, whose Secret may be named to keep its versions' key. */
const field = "key";

/**
 * Reads the key of the object versions from a Secret, and makes the Secret when there is none. Called
 * once at start: all nodes come to the same key, and no Mount asks the API server.
 *
 * @param name `namespace/name`
 * @throws ProviderError `unreachable` or `denied`
 */
export async function readVersionKey(client: KubernetesClient, name: string, signal: AbortSignal): Promise<Buffer> {
	const [namespace = "", secret = ""] = name.split("/");
	const collection = `/api/v1/namespaces/${namespace}/secrets`;
	const found = await client.call("GET", `${collection}/${secret}`, signal);
	if (found.status === 200) return keyOf(name, found.body);
	if (found.status !== 404) throw refusal(name, "get", found.status);
	const made = await client.call("POST", collection, signal, {
		apiVersion: "v1",
		kind: "Secret",
		metadata: { name: secret, namespace, labels: { "app.kubernetes.io/name": "claviger" } },
		immutable: true,
		data: { [field]: randomBytes(32).toString("base64") },
	});
	if (made.status === 201) return keyOf(name, made.body);
	// 409: another node was faster, so its key is the key.
	if (made.status !== 409) throw refusal(name, "create", made.status);
	const second = await client.call("GET", `${collection}/${secret}`, signal);
	if (second.status !== 200) throw refusal(name, "get", second.status);
	return keyOf(name, second.body);
}

function keyOf(name: string, body: unknown): Buffer {
	const text = (body as { data?: Record<string, unknown> } | undefined)?.data?.[field];
	const key = Buffer.from(typeof text === "string" ? text : "", "base64");
	if (key.length >= 32) return key;
	throw new ProviderError("invalid", `The Secret ${name} holds no ${field} of 32 bytes or more.`, {
		remedy: "Delete it; the provider makes a new one.",
	});
}

function refusal(name: string, verb: string, status: number): ProviderError {
	return new ProviderError(
		status === 403 || status === 401 ? "denied" : "unreachable",
		`The API server answered ${status} to ${verb} of the Secret ${name}.`,
		{
			remedy: `Give the provider's service account ${verb} on this Secret, or name a file with --version-key.`,
		},
	);
}
