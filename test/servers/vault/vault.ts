import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import type { TokenIssuer } from "../../support/token-issuer.ts";
import { goBinary } from "../go-binary.ts";
import { startGuarded } from "../guarded-process.ts";

/** A real Vault on loopback, empty and unsealed. */
export interface VaultServer {
	readonly address: string;
	readonly rootToken: string;
	/** Calls the API below `/v1/` as root unless a token is given; answers of 400 and above are errors. */
	api(method: string, path: string, body?: object, token?: string): Promise<VaultAnswer>;
	stop(): Promise<void>;
}

/** The parsed answer; `{}` for an empty one. */
export type VaultAnswer = Readonly<Record<string, unknown>>;

export interface VaultServerOptions {
	/** PEM files; with them the server speaks TLS and asks for client certificates. */
	readonly tlsCertificate?: string;
	readonly tlsKey?: string;
	/** Keeps the storage here, so that another start finds it. */
	readonly data?: string;
	/** Where to listen; any free port unless given. */
	readonly port?: number;
	/** Go durations, such as `1h`. */
	readonly defaultLeaseTtl?: string;
	readonly maximumLeaseTtl?: string;
}

const rootToken = "root";

/** Starts a server; it stops with the test, or by `stop()` where `t` is undefined because many tests share it. */
export async function startVault(t: ExecutionContext<unknown> | undefined, options: VaultServerOptions = {}): Promise<VaultServer> {
	const directory = mkdtempSync(join(tmpdir(), "clv-vault-"));
	const logFile = join(directory, "log");
	const server = startGuarded(await goBinary("vault-server"), flags(options), { logFile });
	const stop = async () => {
		await server.stop();
		rmSync(directory, { recursive: true, force: true });
	};
	t?.teardown(stop);
	const listening = await listeningAddress(logFile, () => server.alive);
	const scheme = options.tlsCertificate === undefined ? "http" : "https";
	const address = `${scheme}://${listening}`;
	return { address, rootToken, stop, api: (method, path, body, token = rootToken) => callApi(address, { method, path, body, token }) };
}

function flags(options: VaultServerOptions): readonly string[] {
	const pairs = {
		"-addr": `127.0.0.1:${options.port ?? 0}`,
		"-root-token": rootToken,
		"-tls-cert": options.tlsCertificate,
		"-tls-key": options.tlsKey,
		"-data": options.data,
		"-default-lease-ttl": options.defaultLeaseTtl,
		"-max-lease-ttl": options.maximumLeaseTtl,
	};
	return Object.entries(pairs).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
}

async function listeningAddress(logFile: string, alive: () => boolean): Promise<string> {
	const end = Date.now() + 30_000;
	while (Date.now() < end) {
		const log = readFileSync(logFile, "utf8");
		const address = /^listening on (\S+)$/m.exec(log)?.[1];
		if (address !== undefined) return address;
		if (!alive()) throw new Error(`the Vault server ended: ${log}`);
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
	throw new Error("the Vault server did not start within 30 s");
}

interface ApiCall {
	readonly method: string;
	readonly path: string;
	readonly body: object | undefined;
	readonly token: string;
}

async function callApi(address: string, { method, path, body, token }: ApiCall): Promise<VaultAnswer> {
	const response = await fetch(`${address}/v1/${path}`, {
		method,
		headers: { "X-Vault-Token": token },
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	});
	const text = await response.text();
	if (response.status >= 400) throw new Error(`${method} ${path}: ${response.status} ${text}`);
	return text === "" ? {} : (JSON.parse(text) as VaultAnswer);
}

/** Mounts a KV engine. Version 2 needs a moment to set itself up, which is waited for. */
export async function enableKv(vault: VaultServer, mount: string, version: 1 | 2): Promise<void> {
	await vault.api("POST", `sys/mounts/${mount}`, { type: "kv", options: { version: String(version) } });
	if (version === 1) return;
	const end = Date.now() + 10_000;
	for (;;) {
		try {
			await vault.api("POST", `${mount}/data/ready`, { data: {} });
			await vault.api("DELETE", `${mount}/metadata/ready`);
			return;
		} catch (error) {
			if (Date.now() > end) throw error;
		}
	}
}

/** Mounts the auth method jwt so that it trusts an issuer's tokens. */
export async function enableJwt(vault: VaultServer, issuer: TokenIssuer, mount = "jwt"): Promise<void> {
	await vault.api("POST", `sys/auth/${mount}`, { type: "jwt" });
	await vault.api("POST", `auth/${mount}/config`, { jwt_validation_pubkeys: [issuer.publicKeyPem], bound_issuer: issuer.issuer });
}

export interface JwtRole {
	/** Default `jwt`. */
	readonly mount?: string;
	readonly name: string;
	readonly policies: readonly string[];
	/** Default `vault`. */
	readonly audiences?: readonly string[];
	/** Who may log in; anybody with the audience unless given. */
	readonly account?: Pick<Pod, "namespace" | "serviceAccount">;
	/** Further fields, such as `token_ttl`. */
	readonly fields?: Readonly<Record<string, unknown>>;
}

export async function writeJwtRole(vault: VaultServer, role: JwtRole): Promise<void> {
	const { account } = role;
	await vault.api("POST", `auth/${role.mount ?? "jwt"}/role/${role.name}`, {
		role_type: "jwt",
		user_claim: "sub",
		bound_audiences: role.audiences ?? ["vault"],
		token_policies: role.policies,
		...(account === undefined ? {} : { bound_subject: `system:serviceaccount:${account.namespace}:${account.serviceAccount}` }),
		...role.fields,
	});
}

/** Writes a policy that grants capabilities on paths. */
export async function writePolicy(vault: VaultServer, name: string, grants: Readonly<Record<string, readonly string[]>>): Promise<void> {
	const rules = Object.entries(grants).map(([path, capabilities]) => `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }`);
	await vault.api("PUT", `sys/policies/acl/${name}`, { policy: rules.join("\n") });
}

/** Mounts a PKI engine with a root certificate and a role that issues for `example.test`. */
export async function enablePki(vault: VaultServer, mount = "pki", role = "web"): Promise<void> {
	await vault.api("POST", `sys/mounts/${mount}`, { type: "pki" });
	await vault.api("POST", `${mount}/root/generate/internal`, { common_name: "test root", key_type: "ec", ttl: "24h" });
	await vault.api("POST", `${mount}/roles/${role}`, { allowed_domains: ["example.test"], allow_subdomains: true, key_type: "ec" });
}
