// Stands in for the command line of `vault`, as far as the documents use it: the same calls to a real Vault.
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { noteFailure, variable } from "./call.ts";

interface ApiCall {
	readonly method: string;
	readonly path: string;
	readonly body: Readonly<Record<string, unknown>>;
}

const words = process.argv.slice(2);
const wanted = callOf();
if (wanted === undefined) fail("the documents' tests do not know this command");
else await send(wanted);

function callOf(): ApiCall | undefined {
	const options = Object.fromEntries(words.filter((word) => word.startsWith("-") && word !== "-").map((word) => pair(word.slice(1))));
	const [first, second, ...rest] = words.filter((word) => !word.startsWith("-") || word === "-");
	const [name = ""] = rest;
	if (first === "write" && second !== undefined) return { method: "POST", path: second, body: { ...fields(rest), ...ownAccount(second) } };
	if (first === "secrets" && second === "enable")
		return {
			method: "POST",
			path: `sys/mounts/${options["path"] ?? name}`,
			body: { type: name, options: { version: options["version"] ?? "1" } },
		};
	if (first === "auth" && second === "enable") return { method: "POST", path: `sys/auth/${options["path"] ?? name}`, body: { type: name } };
	if (first === "kv" && second === "put")
		return { method: "POST", path: `${options["mount"]}/data/${name}`, body: { data: fields(rest.slice(1)) } };
	if (first === "policy" && second === "write" && rest[1] === "-")
		return { method: "PUT", path: `sys/policies/acl/${name}`, body: { policy: readFileSync(0, "utf8") } };
	return undefined;
}

/** What a Vault that runs in a pod takes from that pod, and this one has to be told. */
function ownAccount(path: string): Readonly<Record<string, string>> {
	if (!path.endsWith("/config")) return {};
	return {
		kubernetes_ca_cert: readFileSync(variable("DOCS_KUBERNETES_CA"), "utf8"),
		token_reviewer_jwt: variable("DOCS_KUBERNETES_REVIEWER"),
	};
}

function fields(list: readonly string[]): Readonly<Record<string, string>> {
	return Object.fromEntries(list.map(pair));
}

function pair(word: string): readonly [string, string] {
	const [key = "", ...value] = word.split("=");
	return [key, value.join("=")];
}

async function send({ method, path, body }: ApiCall): Promise<void> {
	const end = Date.now() + 10_000;
	for (;;) {
		const headers = { "X-Vault-Token": variable("DOCS_VAULT_TOKEN") };
		const response = await fetch(`${variable("DOCS_VAULT_ADDRESS")}/v1/${path}`, { method, headers, body: JSON.stringify(body) });
		const text = await response.text();
		if (response.ok) return;
		// A KV engine of version 2 needs a moment after it was enabled.
		if (response.status !== 400 || !text.includes("pgrading") || Date.now() > end) return fail(`${response.status} ${text}`);
		await delay(50);
	}
}

function fail(reason: string): void {
	noteFailure(["vault", ...words], reason);
	process.exitCode = 1;
}
