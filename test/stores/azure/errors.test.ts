import test, { type ExecutionContext } from "ava";
import type { ErrorCode } from "../../../provider/errors.ts";
import { startAzure } from "../../servers/azure/azure.ts";
import { defaultTenant } from "../../servers/azure/entra/directory.ts";
import { garbage, throttled } from "../../servers/azure/faults.ts";
import {
	type Bench,
	connect,
	failureOf,
	issuer,
	makeAccount,
	makeInstance,
	openBench,
	read,
	refOf,
	type SessionOptions,
	told,
	vault,
} from "./harness.ts";

const otherTenant = "9b1d5a52-7c0e-4d0a-9a55-0d3c1f6a0002";

/** One thing that goes wrong between a pod and the secret `db`. */
interface Trouble {
	/** Makes it happen at the servers. */
	arrange?(bench: Bench): unknown;
	/** What is different about how the pod logs in. */
	login?(account: SessionOptions): Promise<Partial<SessionOptions>> | Partial<SessionOptions>;
	readonly instance?: Readonly<Record<string, unknown>>;
	/** Default: the newest. */
	readonly version?: string;
	readonly code: ErrorCode;
	readonly stage: "login" | "read";
	readonly says: RegExp;
	readonly remedy: RegExp;
}

const troubles: Readonly<Record<string, Trouble>> = {
	"a secret that was never there": {
		arrange: ({ azure }) => azure.vaults.purge(vault, "secrets", "db"),
		code: "absent",
		stage: "read",
		says: /^Key Vault kv-main has no secret "db" \(status 404, SecretNotFound\)\.$/,
		remedy: /az keyvault secret list-versions --vault-name kv-main --name db/,
	},
	"a secret that is deleted and can be recovered": {
		arrange: ({ azure }) => azure.vaults.delete(vault, "secrets", "db"),
		code: "absent",
		stage: "read",
		says: /secret "db" in Key Vault kv-main is deleted, and can still be recovered/,
		remedy: /az keyvault secret recover --vault-name kv-main --name db/,
	},
	"a disabled secret": {
		arrange: ({ azure }) => azure.vaults.change(vault, "secrets", "db", { enabled: false }),
		code: "denied",
		stage: "read",
		says: /is disabled, and given to nobody \(status 403, Forbidden, SecretDisabled\)/,
		remedy: /set-attributes --enabled true/,
	},
	"a client without the permission": {
		arrange: ({ azure }) => azure.vaults.allow("client-of-web", vault, { secrets: ["list"] }),
		code: "denied",
		stage: "read",
		says: /denies the secret "db" to the client client-of-web of service account shop\/web \(status 403, Forbidden, AccessDenied\)/,
		remedy: /"Key Vault Secrets User".*set-policy --name kv-main --spn client-of-web --secret-permissions get/,
	},
	"an access token that was ended": {
		arrange: ({ azure }) =>
			void azure.faults.add({ operation: "secrets/get", behaviour: challenge(defaultTenant, "https://vault.azure.net") }),
		code: "unreachable",
		stage: "read",
		says: /does not accept the session's access token any more/,
		remedy: /logs in anew/,
	},
	"a vault of another tenant": {
		arrange: ({ azure }) => azure.vaults.add(vault, { tenant: otherTenant }),
		code: "denied",
		stage: "login",
		says: new RegExp(`belongs to the tenant ${otherTenant}, and takes no tokens of the tenant ${defaultTenant}`),
		remedy: new RegExp(`tenantID.*${otherTenant}`),
	},
	"a vault of another cloud": {
		arrange: ({ azure }) => azure.faults.add({ operation: "secrets/get", behaviour: challenge(defaultTenant, "https://vault.azure.cn") }),
		code: "invalid",
		stage: "login",
		says: /takes tokens for https:\/\/vault\.azure\.cn, and not for https:\/\/vault\.azure\.net/,
		remedy: /cloudName/,
	},
	"something that answers 401 and is no vault": {
		arrange: ({ azure }) => azure.faults.add({ operation: "secrets/get", behaviour: { kind: "status", status: 401 } }),
		code: "unreachable",
		stage: "read",
		says: /gave no usable answer \(status 401\)/,
		remedy: /proxy's page/,
	},
	"a page in the place of an answer": {
		arrange: ({ azure }) => azure.faults.add({ operation: "secrets/get", behaviour: garbage }),
		code: "unreachable",
		stage: "read",
		says: /gave no usable answer to the request for the secret "db"/,
		remedy: /proxy's page/,
	},
	"a 404 that is not the vault's": {
		arrange: ({ azure }) => azure.faults.add({ operation: "secrets/get", behaviour: { kind: "status", status: 404, body: "Not here" } }),
		code: "unreachable",
		stage: "read",
		says: /gave no usable answer.*\(status 404\)/,
		remedy: /proxy's page/,
	},
	"an answer without an end": {
		arrange: ({ azure }) => azure.faults.add({ operation: "secrets/get", behaviour: { kind: "endless" } }),
		code: "too-large",
		stage: "read",
		says: /more than 1048576 bytes/,
		remedy: /smaller values/,
	},
	"a vault that limits requests for longer than anybody waits": {
		arrange: ({ azure }) => azure.faults.add({ operation: "secrets/get", behaviour: throttled(60) }),
		code: "unreachable",
		stage: "read",
		says: /limits the rate of requests/,
		remedy: /poll-interval/,
	},
	"a token of the pod that has expired": {
		login: async ({ pod }) => ({ token: await issuer.token(pod, { audience: "api://AzureADTokenExchange", lifetime: -60 }) }),
		code: "unidentified",
		stage: "login",
		says: /pod's token has expired or is not valid yet, and refuses the client client-of-web of service account shop\/web \(status 401, AADSTS700024\)/,
		remedy: /fresh token/,
	},
	"a client that is federated with another account": {
		login: ({ pod }) => ({ pod: { ...pod, serviceAccount: "other" } }),
		code: "denied",
		stage: "login",
		says: /no federated credential.*AADSTS700213/,
		remedy:
			/issuer https:\/\/kubernetes\.default\.svc\.cluster\.local, subject system:serviceaccount:shop:other, audience api:\/\/AzureADTokenExchange/,
	},
	"a token for another audience": {
		login: async ({ pod }) => ({ token: await issuer.token(pod, { audience: "vault" }) }),
		code: "denied",
		stage: "login",
		says: /no federated credential.*AADSTS700212/,
		remedy: /audience api:\/\/AzureADTokenExchange/,
	},
	"a client that nobody has registered": {
		login: () => ({ role: "nobody" }),
		code: "denied",
		stage: "login",
		says: /finds nobody of that id in the tenant .* AADSTS700016/,
		remedy: /az ad sp show --id nobody/,
	},
	"a tenant that does not exist": {
		instance: { tenant: otherTenant },
		code: "denied",
		stage: "login",
		says: new RegExp(`knows no tenant ${otherTenant}.*AADSTS90002`),
		remedy: /tenantID/,
	},
	"a client secret that is wrong": {
		arrange: ({ azure }) => azure.directory.addClientSecret({ client: "principal", secret: "right" }),
		login: () => ({ role: "", credentials: { ClientId: "principal", clientSecret: "wrong" } }),
		instance: { identity: "principal" },
		code: "denied",
		stage: "login",
		says: /does not take the client secret of.*principal.*AADSTS7000215/,
		remedy: /az ad app credential reset --id principal/,
	},
	"a client secret that has expired": {
		arrange: ({ azure }) => azure.directory.addClientSecret({ client: "principal", secret: "old", expiresAt: new Date(0) }),
		login: () => ({ role: "", credentials: { clientid: "principal", clientsecret: "old" } }),
		instance: { identity: "principal" },
		code: "denied",
		stage: "login",
		says: /says that the client secret has expired of the client principal.*AADSTS7000222/,
		remedy: /az ad app credential reset/,
	},
	"a disabled version": {
		arrange({ azure }) {
			azure.vaults.putSecret(vault, "db", "newer");
			azure.vaults.change(vault, "secrets", "db", { enabled: false }, "0123456789abcdef0123456789abcdef");
		},
		version: "0123456789abcdef0123456789abcdef",
		code: "denied",
		stage: "read",
		says: /secret "db" \(version "0123456789abcdef0123456789abcdef"\) in Key Vault kv-main is disabled/,
		remedy: /set-attributes --enabled true --vault-name kv-main --name db --version 0123456789abcdef0123456789abcdef/,
	},
	"a version that was never there": {
		version: "ffffffffffffffffffffffffffffffff",
		code: "absent",
		stage: "read",
		says: /has no secret "db" \(version "f{32}"\)/,
		remedy: /list-versions --vault-name kv-main --name db$/,
	},
	"a client secret that is missing": {
		login: () => ({ role: "", credentials: { clientid: "principal" } }),
		instance: { identity: "principal" },
		code: "unidentified",
		stage: "login",
		says: /nodePublishSecretRef, and it has no clientsecret/,
		remedy: /clientid and clientsecret/,
	},
	"an authority that fails": {
		arrange: ({ azure }) => azure.faults.add({ operation: "token", behaviour: { kind: "status", status: 503 } }),
		code: "unreachable",
		stage: "login",
		says: /Entra ID could not log in the client client-of-web.*status 503/,
		remedy: /asked again/,
	},
	"an authority that cuts the connection": {
		arrange: ({ azure }) => azure.faults.add({ operation: "token", behaviour: { kind: "reset" } }),
		code: "unreachable",
		stage: "login",
		says: /login at Entra ID failed: 127\.0\.0\.1:\d+ is unreachable: the connection was cut/,
		remedy: /^$/,
	},
	"a page in the place of a token": {
		arrange: ({ azure }) => azure.faults.add({ operation: "token", behaviour: garbage }),
		code: "unreachable",
		stage: "login",
		says: /gave no usable answer to the login/,
		remedy: /proxy's page/,
	},
	"a node without an instance metadata service": {
		instance: { identity: "vm", metadata: "http://127.0.0.1:1", managedIdentity: { namespaces: ["shop"] } },
		code: "unreachable",
		stage: "login",
		says: /instance metadata service gave no answer: 127\.0\.0\.1:1 is unreachable: the connection was refused/,
		remedy: /169\.254\.169\.254/,
	},
	"a namespace that may not use the node's identities": {
		instance: { identity: "vm", metadata: "http://127.0.0.1:1", managedIdentity: { namespaces: ["platform"] } },
		code: "refused",
		stage: "login",
		says: /node's identities are not for pods of the namespace shop/,
		remedy: /workload identity/,
	},
};

function challenge(tenant: string, resource: string) {
	const header = `Bearer authorization="https://login.microsoftonline.com/${tenant}", resource="${resource}"`;
	return { kind: "status", status: 401, headers: { "www-authenticate": header } } as const;
}

for (const [name, trouble] of Object.entries(troubles)) {
	test.serial(`${name}: ${trouble.code}, at the stage ${trouble.stage}, in seconds`, async (t) => {
		const bench = await openBench(t);
		const account = makeAccount(bench, "web");
		bench.azure.vaults.putSecret(vault, "db", "hunter2", { version: "0123456789abcdef0123456789abcdef" });
		trouble.arrange?.(bench);
		const changes = (await trouble.login?.(account)) ?? {};
		const began = performance.now();
		const error = await failureOf(
			bench.instance(trouble.instance),
			{ ...account, ...changes },
			refOf("db", { version: trouble.version ?? "" }),
		);
		t.true(performance.now() - began < 5_000);
		t.is(error.code, trouble.code, error.text);
		t.is(error.stage, trouble.stage, error.text);
		t.regex(error.message, trouble.says);
		t.regex(error.remedy ?? "", trouble.remedy);
		t.notRegex(error.text, /eyJ|hunter2|wrong"|Trace ID|appid=|Welcome/, "no token, no value, nothing of a body");
	});
}

test.serial("an instance metadata service that says nothing is given up within seconds", async (t) => {
	const bench = await openBench(t);
	const metadata = await bench.azure.listenAsMetadata();
	bench.azure.faults.add({ operation: "imds", behaviour: { kind: "hang" } });
	const instance = bench.instance({ identity: "vm", metadata, managedIdentity: { namespaces: ["shop"] } });
	const began = performance.now();
	const error = await failureOf(instance, makeAccount(bench, "web"));
	t.true(performance.now() - began < 5_000);
	t.regex(error.text, /instance metadata service gave no answer: .* did not finish within 3 s/);
});

const certificates = {
	expired: /its certificate has expired in the TLS handshake/,
	foreign: /comes from a certificate authority that is not trusted in the TLS handshake/,
	"other-name": /is made for other names \(DNS:elsewhere\.test\)/,
} as const;

for (const [certificate, says] of Object.entries(certificates)) {
	test.serial(`a certificate that is ${certificate} ends the login, naming the fact`, async (t) => {
		const bench = await openBench(t, { certificate: certificate as keyof typeof certificates });
		const error = await failureOf(bench.instance(), makeAccount(bench, "web"));
		t.is(error.code, "unreachable");
		t.is(error.stage, "login");
		t.regex(error.message, says);
	});
}

test.serial("a proxy that refuses CONNECT, or says nothing, is named as what is in the way", async (t) => {
	const azure = await startAzure(t);
	const account = makeAccount({ azure, instance: makeInstance }, "web");
	for (const [name, value] of Object.entries(azure.environment)) withVariable(t, name, value);
	azure.proxy.refuseWith = 403;
	const instance = makeInstance({ vault, tenant: defaultTenant });
	const refused = await failureOf(instance, account);
	t.is(refused.code, "unreachable");
	t.is(refused.stage, "login");
	t.regex(refused.message, /login\.microsoftonline\.com:443 is unreachable: the proxy did not open the way/);
	azure.proxy.refuseWith = undefined;
	azure.vaults.putSecret(vault, "db", "hunter2");
	const [outcome] = await read(await connect(instance, account), refOf("db"));
	t.is(told(outcome), "hunter2");
	t.deepEqual(azure.proxy.tunnels.slice(-2), ["login.microsoftonline.com:443", "kv-main.vault.azure.net:443"], "one tunnel to each");
});

function withVariable(t: ExecutionContext<unknown>, name: string, value: string): void {
	const before = process.env[name];
	process.env[name] = value;
	t.teardown(() => {
		if (before === undefined) delete process.env[name];
		else process.env[name] = before;
	});
}
