import { constants, generateKeyPairSync, publicEncrypt, randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { type AzureServers, startAzure } from "./azure.ts";
import { managementResource } from "./clouds.ts";
import { defaultTenant } from "./entra/directory.ts";
import { type AskOptions, TestClient, vaultProblem } from "./test-client.ts";
import type { Permissions } from "./vault/vault.ts";

let azure: AzureServers;

test.before(async () => {
	azure = await startAzure(undefined);
});

test.after.always(() => azure?.stop());

/** A vault of the test's own, with one client and its token. */
async function open(t: ExecutionContext<unknown>, permissions: Permissions) {
	const vault = `kv-${randomUUID().slice(0, 8)}`;
	const client = randomUUID();
	const { token } = await azure.tokens.issue({ tenant: defaultTenant, client, audience: "https://vault.azure.net" });
	azure.vaults.allow(client, vault, permissions);
	const tester = new TestClient(t, azure);
	const ask = (path: string, options: AskOptions = {}) => tester.askVault(azure.vaultUrl(vault), path, { token, ...options });
	return { vault, client, token, tester, ask, vaults: azure.vaults };
}

test("a token is looked at closely before a vault says anything", async (t) => {
	const { vault, client, ask } = await open(t, { secrets: ["get"] });
	azure.vaults.putSecret(vault, "db", "hunter2");
	const grant = { tenant: defaultTenant, client, audience: "https://vault.azure.net" };
	const { token: good } = await azure.tokens.issue(grant);
	const other = await startAzure(t);
	const cases: Readonly<Record<string, readonly [token: string, message: RegExp]>> = {
		"no token": ["", /AKV10000/],
		"not a token": ["hunter2", /BearerReadAccessTokenFailed/],
		"changed after it was signed": [`${good.slice(0, -8)}AAAAAAAA`, /BearerReadAccessTokenFailed/],
		"signed by somebody else": [(await other.tokens.issue(grant)).token, /BearerReadAccessTokenFailed/],
		"of another tenant": [(await azure.tokens.issue({ ...grant, tenant: randomUUID() })).token, /AKV10032: Invalid issuer/],
		"for another service": [(await azure.tokens.issue({ ...grant, audience: managementResource })).token, /AKV10022: Invalid audience/],
		"for the vaults of another cloud": [(await azure.tokens.issue({ ...grant, audience: "https://vault.azure.cn" })).token, /AKV10022/],
	};
	for (const [name, [token, message]] of Object.entries(cases)) {
		const answer = await ask("secrets/db", { token });
		t.is(answer.status, 401, name);
		t.regex(vaultProblem(answer).message ?? "", message, name);
		const challenge = `Bearer authorization="https://login.microsoftonline.com/${defaultTenant}", resource="https://vault.azure.net"`;
		t.is(answer.headers["www-authenticate"], challenge, name);
	}
	t.is((await ask("secrets/db", { token: good })).status, 200);
});

test("a token ends when its time is over, and when all are ended", async (t) => {
	const servers = await startAzure(t);
	const tester = new TestClient(t, servers);
	servers.vaults.putSecret("kv-main", "db", "hunter2");
	servers.vaults.allow("app", "kv-main", { secrets: ["get"] });
	const grant = { tenant: defaultTenant, client: "app", audience: "https://vault.azure.net" };
	const ask = (token: string) => tester.askVault(servers.vaultUrl("kv-main"), "secrets/db", { token });
	servers.tokens.lifetimeSeconds = -1;
	const late = await servers.tokens.issue(grant);
	servers.tokens.lifetimeSeconds = 600;
	const { token, expiresAt, issuedAt } = await servers.tokens.issue(grant);
	t.is(expiresAt - issuedAt, 600);
	t.regex(vaultProblem(await ask(late.token)).message ?? "", /TokenExpired/);
	t.is((await ask(token)).status, 200);
	servers.tokens.endAll();
	t.regex(vaultProblem(await ask(token)).message ?? "", /TokenExpired/);
});

test("each operation takes its own permission", async (t) => {
	const cases: readonly (readonly [path: string, needed: Permissions, method?: "POST"])[] = [
		["secrets/thing", { secrets: ["get"] }],
		["secrets", { secrets: ["list"] }],
		["secrets/thing/versions", { secrets: ["list"] }],
		["keys/thing", { keys: ["get"] }],
		["keys", { keys: ["list"] }],
		["keys/thing/versions", { keys: ["list"] }],
		["keys/thing//encrypt", { keys: ["encrypt"] }, "POST"],
		["keys/thing//wrapkey", { keys: ["wrapKey"] }, "POST"],
		["certificates/thing", { certificates: ["get"] }],
		["certificates", { certificates: ["list"] }],
	];
	const all: Permissions = {
		secrets: ["get", "list"],
		keys: ["get", "list", "encrypt", "decrypt", "wrapKey", "unwrapKey"],
		certificates: ["get", "list"],
	};
	const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
	for (const [path, needed, method] of cases) {
		const { vault, client, ask, vaults } = await open(t, needed);
		vaults.putSecret(vault, "thing", "hunter2");
		await vaults.putKey(vault, "thing", { privateKey });
		const options = method === undefined ? {} : { body: { alg: "RSA-OAEP-256", value: "aHVudGVyMg" } };
		const answer = await ask(path, options);
		t.true([200, 404].includes(answer.status), path);
		vaults.allow(client, vault, without(all, needed));
		const refused = await ask(path, options);
		t.is(refused.status, 403, path);
		t.like(vaultProblem(refused), { code: "Forbidden", inner: "AccessDenied" }, path);
		t.true(vaultProblem(refused).message?.includes(`appid=${client};`), path);
	}
});

function without(all: Permissions, taken: Permissions): Permissions {
	const left = Object.entries(all).map(([kind, actions]) => {
		const gone: readonly string[] = taken[kind as keyof Permissions] ?? [];
		return [kind, actions.filter((action: string) => !gone.includes(action))];
	});
	return Object.fromEntries(left) as Permissions;
}

test("a vault with roles refuses in the words of roles", async (t) => {
	const { client, token, tester } = await open(t, {});
	azure.vaults.add("kv-roles", { authorization: "roles" });
	azure.vaults.putSecret("kv-roles", "db", "hunter2");
	const answer = await tester.askVault(azure.vaultUrl("kv-roles"), "secrets/db", { token });
	t.is(answer.status, 403);
	t.is(vaultProblem(answer).inner, "ForbiddenByRbac");
	t.true(vaultProblem(answer).message?.includes(`Caller: appid=${client};`));
});

test("a secret is given unless it is disabled or deleted, whatever its dates say", async (t) => {
	const { vault, ask, vaults } = await open(t, { secrets: ["get", "list"] });
	const [past, future] = [new Date(Date.now() - 1000), new Date(Date.now() + 3_600_000)];
	const first = vaults.putSecret(vault, "db", "hunter1");
	vaults.putSecret(vault, "db", "hunter2", { expires: past });
	t.is((await ask("secrets/db")).body?.["value"], "hunter2");
	t.like((await ask("secrets/DB/")).body, { attributes: { exp: Math.floor(past.getTime() / 1000) } }, "names are the same in any case");
	vaults.change(vault, "secrets", "db", { notBefore: future });
	t.is((await ask("secrets/db")).body?.["value"], "hunter2");
	vaults.change(vault, "secrets", "db", { enabled: false });
	const disabled = await ask("secrets/db");
	t.is(disabled.status, 403);
	t.like(vaultProblem(disabled), { code: "Forbidden", inner: "SecretDisabled" }, "the version before does not stand in");
	t.is((await ask(`secrets/db/${first}`)).body?.["value"], "hunter1");
	t.is((await ask("secrets/db/latest")).status, 404);
	vaults.delete(vault, "secrets", "db");
	t.like(vaultProblem(await ask(`secrets/db/${first}`)), { code: "SecretNotFound" });
	t.deepEqual((await ask("secrets")).body?.["value"], []);
	t.deepEqual((await ask("secrets/db/versions")).body?.["value"], []);
	const deleted = await ask("deletedsecrets/db");
	t.is(deleted.body?.["recoveryId"], `${azure.vaultUrl(vault)}/deletedsecrets/db`);
	t.is(deleted.body?.["value"], undefined);
	t.throws(() => vaults.putSecret(vault, "db", "again"), { message: /deleted/ });
	vaults.recover(vault, "secrets", "db");
	t.is((await ask("deletedsecrets/db")).status, 404);
	t.is((await ask(`secrets/db/${first}`)).status, 200);
	vaults.purge(vault, "secrets", "db");
	t.is((await ask(`secrets/db/${first}`)).status, 404);
});

test("lists go on from page to page until all is told once", async (t) => {
	const { vault, ask, vaults } = await open(t, { secrets: ["list"] });
	const names = Array.from({ length: 60 }, (_, index) => `s${String(index).padStart(2, "0")}`);
	for (const name of names) vaults.putSecret(vault, name, name);
	const found: string[] = [];
	const pages: number[] = [];
	let path: string | undefined = "secrets";
	while (path !== undefined) {
		const { body } = await ask(path);
		const items = body?.["value"] as readonly { id: string; value?: string }[];
		t.true(items.every(({ value }) => value === undefined));
		found.push(...items.map(({ id }) => id.split("/").at(-1) ?? ""));
		pages.push(items.length);
		const next = body?.["nextLink"] as string | null;
		path = next === null ? undefined : next.slice(`${azure.vaultUrl(vault)}/`.length);
	}
	t.deepEqual([found, pages], [names, [25, 25, 10]]);
	const seven = await ask("secrets?maxresults=7");
	t.deepEqual(
		(seven.body?.["value"] as readonly { id: string }[] | undefined)?.map(({ id }) => id.split("/").at(-1)),
		names.slice(0, 7),
	);
	for (const query of ["maxresults=0", "maxresults=26", "maxresults=many", "$skiptoken=bmV4dDo5OTk", "$skiptoken=hunter2"])
		t.is((await ask(`secrets?${query}`)).status, 400, query);
});

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" } as const;

test("a key undoes what was done with its public part, and nothing else", async (t) => {
	const { vault, ask, vaults } = await open(t, { keys: ["decrypt", "unwrapKey", "encrypt", "wrapKey"] });
	const { publicKey: key, version } = await vaults.putKey(vault, "rsa");
	if (key === undefined) throw new Error("an RSA key has a public part");
	const value = publicEncrypt({ key, ...oaep }, Buffer.from("hunter2")).toString("base64url");
	const decrypt = (body: object, path = "keys/rsa//decrypt") => ask(path, { body });
	const right = await decrypt({ alg: "RSA-OAEP-256", value });
	t.is(Buffer.from(String(right.body?.["value"]), "base64url").toString(), "hunter2");
	t.is(right.body?.["kid"], `${azure.vaultUrl(vault)}/keys/rsa/${version}`);
	t.is((await decrypt({ alg: "RSA-OAEP-256", value }, `keys/rsa/${version}/unwrapkey`)).status, 200);
	const cases = {
		"another hash": await decrypt({ alg: "RSA-OAEP", value }),
		"an algorithm of no RSA key": await decrypt({ alg: "A256GCM", value }),
		"a flipped bit": await decrypt({ alg: "RSA-OAEP-256", value: flip(value) }),
		"a value that is cut": await decrypt({ alg: "RSA-OAEP-256", value: value.slice(4) }),
		"no base64url": await decrypt({ alg: "RSA-OAEP-256", value: "a+b/c=" }),
		"no algorithm": await decrypt({ value }),
	};
	for (const [name, answer] of Object.entries(cases)) {
		t.is(answer.status, 400, name);
		t.is(vaultProblem(answer).code, "BadParameter", name);
	}
	t.is((await decrypt({ alg: "RSA-OAEP-256", value }, "keys/none//decrypt")).status, 404);
});

function flip(value: string): string {
	const bytes = Buffer.from(value, "base64url");
	bytes[100] = (bytes[100] ?? 0) ^ 1;
	return bytes.toString("base64url");
}

test("a key that has expired still decrypts; one that is disabled, or not meant to, does not", async (t) => {
	const { vault, ask, vaults } = await open(t, { keys: ["get", "decrypt", "encrypt"] });
	const past = new Date(Date.now() - 1000);
	const { publicKey: key } = await vaults.putKey(vault, "rsa", { expires: past });
	await vaults.putKey(vault, "signing", { operations: ["sign", "verify"] });
	await vaults.putKey(vault, "curve", { type: "EC", operations: ["decrypt"] });
	if (key === undefined) throw new Error("an RSA key has a public part");
	const value = publicEncrypt({ key, ...oaep }, Buffer.from("hunter2")).toString("base64url");
	const body = { alg: "RSA-OAEP-256", value };
	t.is((await ask("keys/rsa//decrypt", { body })).status, 200);
	t.is(vaultProblem(await ask("keys/rsa//encrypt", { body })).inner, "KeyExpired");
	vaults.change(vault, "keys", "rsa", { notBefore: new Date(Date.now() + 60_000), enabled: true });
	t.is((await ask("keys/rsa//decrypt", { body })).status, 200);
	vaults.change(vault, "keys", "rsa", { enabled: false });
	t.is(vaultProblem(await ask("keys/rsa//decrypt", { body })).inner, "KeyDisabled");
	t.is(vaultProblem(await ask("keys/rsa")).inner, "KeyDisabled");
	t.is(vaultProblem(await ask("keys/signing//decrypt", { body })).inner, "KeyOperationForbidden");
	t.is((await ask("keys/curve//decrypt", { body })).status, 400);
});

test("a vault answers so many requests in a time, and says when the next may come", async (t) => {
	const { vault, ask, vaults } = await open(t, { secrets: ["get"] });
	vaults.putSecret(vault, "db", "hunter2");
	vaults.limit(vault, { requests: 2, milliseconds: 60_000 });
	t.is((await ask("secrets/db", { token: "" })).status, 401, "which does not count");
	const statuses = [await ask("secrets/db"), await ask("secrets/db"), await ask("secrets/db")].map(({ status }) => status);
	t.deepEqual(statuses, [200, 200, 429]);
	const refused = await ask("secrets/db");
	t.is(vaultProblem(refused).code, "Throttled");
	t.true(Number(refused.headers["retry-after"]) > 50);
	vaults.limit(vault, undefined);
	t.is((await ask("secrets/db")).status, 200);
});

test("what Key Vault does not have, it does not take", async (t) => {
	const { vault, token, tester, ask, vaults } = await open(t, { secrets: ["get"] });
	t.throws(() => vaults.putSecret(vault, "a_b", "v"), { message: /no name/ });
	t.throws(() => vaults.putSecret(vault, "a", "x".repeat(25 * 1024 + 1)), { message: /at most 25600/ });
	t.throws(() => vaults.add("kv"), { message: /no name of a vault/ });
	vaults.putSecret(vault, "db", "x".repeat(25 * 1024));
	t.is((await tester.ask(`${azure.vaultUrl(vault)}/secrets/db`, { token })).status, 400, "without a version of the API");
	t.is((await ask("secrets/db", { method: "DELETE" })).status, 400);
	t.is((await ask("storage/db")).status, 400);
});
