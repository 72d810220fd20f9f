import { randomBytes, X509Certificate } from "node:crypto";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { LeaseKeeper } from "../../../provider/broker/leases/lease-keeper.ts";
import type { LeaseSource } from "../../../provider/broker/leases/snapshot.ts";
import { ProviderError } from "../../../provider/errors.ts";
import { SealedFile } from "../../../provider/shared/sealed-file.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import type { Lease, Outcome, Ref, Session } from "../../../provider/stores/store.ts";
import { module } from "../../../provider/stores/vault/index.ts";
import { isLikelyLeased, readLease } from "../../../provider/stores/vault/lease.ts";
import { type LatencyProxy, startLatencyProxy } from "../../servers/latency-proxy.ts";
import { type Account, type PostgresqlServer, startPostgresql } from "../../servers/postgresql.ts";
import { enableJwt, enablePki, startVault, type VaultServer, writeJwtRole, writePolicy } from "../../servers/vault/vault.ts";
import { plannedStore } from "../../support/fake-store.ts";
import { makePod } from "../../support/pods.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { createTokenIssuer, type TokenIssuer } from "../../support/token-issuer.ts";
import { Contexts, fieldsOf, makeIdentity, makeRequest } from "./harness.ts";

let vault: VaultServer;
let database: PostgresqlServer;
let issuer: TokenIssuer;

test.before(async () => {
	[vault, database, issuer] = await Promise.all([startVault(undefined), startPostgresql(undefined), createTokenIssuer()]);
	await Promise.all([enableJwt(vault, issuer), enablePki(vault), enableDatabase()]);
	await writePolicy(vault, "shop", { "database/creds/*": ["read"], "pki/issue/web": ["create", "update"] });
	await writeJwtRole(vault, { name: "shop", policies: ["shop"], fields: { token_ttl: "12s", token_max_ttl: "1h" } });
	await writeJwtRole(vault, { name: "short", policies: ["shop"], fields: { token_ttl: "6s", token_max_ttl: "7s" } });
	await writeJwtRole(vault, { name: "batch", policies: ["shop"], fields: { token_ttl: "1h", token_type: "batch" } });
});
test.after.always(async () => {
	await vault?.stop();
	await database?.stop();
});

async function enableDatabase(): Promise<void> {
	const { port, superuser } = database;
	await vault.api("POST", "sys/mounts/database", { type: "database" });
	await vault.api("POST", "database/config/shop", {
		plugin_name: "postgresql-database-plugin",
		allowed_roles: "*",
		connection_url: `postgresql://{{username}}:{{password}}@127.0.0.1:${port}/postgres?sslmode=disable`,
		...superuser,
	});
	const creation = `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`;
	const lives: Readonly<Record<string, object>> = {
		steady: { default_ttl: "10s", max_ttl: "1h" },
		truncated: { default_ttl: "6s", max_ttl: "8s" },
		refused: { default_ttl: "5s", max_ttl: "1h" },
		caller: { default_ttl: "6s", max_ttl: "1h" },
	};
	for (const [name, life] of Object.entries(lives))
		await vault.api("POST", `database/roles/${name}`, { db_name: "shop", creation_statements: [creation], ...life });
}

/** The node's part: a keeper in front of Vault, with a proxy between that counts. */
class Bench {
	readonly proxy: LatencyProxy;
	readonly source: LeaseSource;
	readonly replaced: string[] = [];
	readonly #contexts = new Contexts();
	readonly #file: SealedFile;
	readonly #token: string;
	keeper: LeaseKeeper;

	constructor(proxy: LatencyProxy, source: LeaseSource, token: string, file: SealedFile) {
		this.proxy = proxy;
		this.source = source;
		this.#token = token;
		this.#file = file;
		this.keeper = this.#keeper();
	}

	async restart(): Promise<void> {
		await this.keeper.stop();
		await this.#file.flush();
		this.keeper = this.#keeper();
		await this.keeper.restore(await this.#file.read());
	}

	ref(text: string): Ref {
		return module.store.ref(fieldsOf(text), this.source.store.instance, makeRequest({}));
	}

	connect(signal: AbortSignal): Promise<Session> {
		const { store, identity } = this.source;
		return module.store.connect(store.instance, identity, this.#contexts.make(store.instance, { token: this.#token, signal }));
	}

	async mount(podUid: string, text: string): Promise<Outcome> {
		const connect = (signal: AbortSignal) => this.connect(signal);
		return this.keeper.read({ podUid, source: this.source, ref: this.ref(text), connect, signal: AbortSignal.timeout(30_000) });
	}

	/** How often a path was asked for. */
	count(path: string): number {
		return this.proxy.counts.get(`/v1/${path}`) ?? 0;
	}

	#keeper(): LeaseKeeper {
		return new LeaseKeeper({
			log: { info: () => undefined, warn: () => undefined },
			onReplaced: ({ podUid }) => void this.replaced.push(podUid),
			onChanged: () => this.#file.saveSoon(() => this.keeper.snapshot()),
			resume: async ({ store }, state) => {
				const session = await module.store.resume?.(store.instance, state, this.#contexts.make(store.instance, { token: "" }));
				if (session === undefined) throw new Error("the store resumes nothing");
				return session;
			},
		});
	}
}

async function openBench(t: ExecutionContext, role = "shop"): Promise<Bench> {
	const proxy = await startLatencyProxy(t, { target: vault.address });
	const pod = makePod({ namespace: "shop", serviceAccount: "web" });
	const instance = module.store.instance("main", fieldsOf(`{address: ${proxy.address}, authMount: jwt}`));
	const source: LeaseSource = { store: plannedStore({ instance, role }), identity: makeIdentity(pod, "vault", role) };
	const path = join(temporaryDirectory(t), "leases");
	const file = new SealedFile({ path, key: randomBytes(32), purpose: "leases", warn: (reason) => t.fail(reason) });
	const bench = new Bench(proxy, source, await issuer.token(pod), file);
	t.teardown(async () => {
		await bench.keeper.stop();
		await file.flush();
	});
	return bench;
}

const databaseRef = (role: string) => `{path: database/creds/${role}}`;

function bytesOf(outcome: Outcome): string {
	if (outcome.kind !== "found") throw new Error(outcome.error.text);
	return outcome.value.reveal().toString();
}

function accountOf(outcome: Outcome): Account {
	return JSON.parse(bytesOf(outcome)) as Account;
}

async function canLogIn(account: Account): Promise<boolean> {
	const rows = await database.query("select current_user", account).catch(() => []);
	return rows[0] === account.username;
}

async function roleExists({ username }: Account): Promise<boolean> {
	return (await database.query(`select 1 from pg_roles where rolname = '${username}'`)).length === 1;
}

test("a database credential of 10 s lives through 30 remounts and a restart as one lease, and ends with the pod", async (t) => {
	const bench = await openBench(t);
	const first = await bench.mount("pod", databaseRef("steady"));
	const account = accountOf(first);
	for (let remount = 0; remount < 30; remount += 1) {
		await pause(800);
		if (remount === 12) await bench.restart();
		t.is(bytesOf(await bench.mount("pod", databaseRef("steady"))), bytesOf(first));
	}
	t.true(await canLogIn(account), "the password works beyond the life that it began with");
	t.deepEqual([bench.count("auth/jwt/login"), bench.count("database/creds/steady")], [1, 1]);
	const renewals = [bench.count("sys/leases/renew"), bench.count("auth/token/renew-self")];
	t.true(
		renewals.every((count) => count >= 2 && count <= 5),
		`${renewals}`,
	);
	t.deepEqual(bench.replaced, []);
	t.log(`24 s, 30 remounts: 1 login, 1 credential, ${renewals[0]} renewals of it and ${renewals[1]} of the login`);
	await bench.restart();
	await bench.keeper.release("pod");
	const releasedAt = Date.now();
	await until(t, async () => !(await roleExists(account)));
	t.log(`role dropped ${Date.now() - releasedAt} ms after the pod's end`);
	t.is(bench.count("auth/token/revoke-self"), 1);
	t.is(bench.count("sys/leases/revoke"), 0);
});

test("two pods of one service account have two credentials, and the end of one leaves the other", async (t) => {
	const bench = await openBench(t);
	const [one, other] = await Promise.all(["a", "b"].map((podUid) => bench.mount(podUid, databaseRef("steady"))));
	if (one === undefined || other === undefined) return t.fail();
	t.not(accountOf(one).username, accountOf(other).username);
	await bench.keeper.release("a");
	await until(t, async () => !(await roleExists(accountOf(one))));
	t.true(await canLogIn(accountOf(other)));
});

const replacements: readonly {
	readonly title: string;
	readonly role: string;
	readonly login?: string;
	readonly prepare?: (outcome: Outcome) => Promise<unknown>;
}[] = [
	{ title: "is truncated by the role's max_ttl", role: "truncated" },
	{
		title: "was revoked by an administrator",
		role: "refused",
		prepare: async (outcome) => vault.api("PUT", "sys/leases/revoke", { lease_id: leaseOf(outcome)?.id }),
	},
	{ title: "hangs on a login that reached its max_ttl", role: "caller", login: "short" },
];

for (const { title, role, login, prepare } of replacements) {
	test(`a credential that ${title} is replaced, and the new one works`, async (t) => {
		const bench = await openBench(t, login);
		const first = await bench.mount("pod", databaseRef(role));
		await prepare?.(first);
		await until(t, async () => bench.replaced.length > 0);
		const second = await bench.mount("pod", databaseRef(role));
		t.not(accountOf(first).username, accountOf(second).username);
		t.true(await canLogIn(accountOf(second)));
		t.is(bench.count(`database/creds/${role}`), 2);
		await bench.keeper.release("pod");
		await until(t, async () => !(await roleExists(accountOf(first))) && !(await roleExists(accountOf(second))));
	});
}

test("a certificate is replaced before its end, without a lease of the server's", async (t) => {
	const bench = await openBench(t);
	const text = "{path: pki/issue/web, method: PUT, args: {common_name: shop.example.test, ttl: 15s}}";
	const first = await bench.mount("pod", text);
	const end = certificateOf(first).validToDate.getTime();
	t.is(leaseOf(first)?.id, "");
	t.is(leaseOf(first)?.expiresAt.getTime(), end);
	await bench.restart();
	t.is(bytesOf(await bench.mount("pod", text)), bytesOf(first));
	await until(t, async () => bench.replaced.length === 1);
	t.true(Date.now() < end - 2000, `${end - Date.now()} ms before its end`);
	const second = await bench.mount("pod", text);
	t.true(certificateOf(second).validToDate.getTime() > end);
	t.is(bench.count("pki/issue/web"), 2);
});

test("a batch login cannot be ended, so its leases are revoked one by one where the policy allows it", async (t) => {
	await writePolicy(vault, "revoker", { "database/creds/*": ["read"], "sys/leases/revoke": ["update"] });
	await writeJwtRole(vault, { name: "revoker", policies: ["revoker"], fields: { token_ttl: "1h", token_type: "batch" } });
	const bench = await openBench(t, "revoker");
	const account = accountOf(await bench.mount("pod", databaseRef("steady")));
	await bench.keeper.release("pod");
	await until(t, async () => !(await roleExists(account)));
	t.deepEqual([bench.count("sys/leases/revoke"), bench.count("auth/token/revoke-self")], [1, 0]);
	const other = await openBench(t, "batch");
	await other.mount("pod", databaseRef("steady"));
	await t.notThrowsAsync(other.keeper.release("pod"), "without the right, the lease is left to its end");
});

test("refusals and outages of renewals are told apart", async (t) => {
	const bench = await openBench(t);
	const session = await bench.connect(AbortSignal.timeout(10_000));
	const lease: Lease = { id: "database/creds/steady/none", durationSeconds: 10, renewable: true, expiresAt: new Date() };
	const signal = () => AbortSignal.timeout(10_000);
	const calls = [() => session.renew?.(lease, signal()), () => session.renewLogin?.(signal()), () => session.close?.()];
	await t.throwsAsync(async () => calls[0]?.(), { code: "invalid", message: /lease not found/ });
	bench.proxy.misbehave({ kind: "status", status: 503, body: '{"errors":["Vault is sealed"]}' });
	for (const call of calls) await t.throwsAsync(async () => call(), { instanceOf: ProviderError, code: "unreachable" });
	bench.proxy.misbehave({ kind: "status", status: 200, body: "<html>" });
	for (const call of calls.slice(0, 2)) await t.throwsAsync(async () => call(), { code: "unreachable", message: /no usable answer/ });
	bench.proxy.misbehave(undefined);
	await session.close?.();
	for (const call of calls) await t.throwsAsync(async () => call(), { code: "denied" });
});

test("a kept login of another shape is refused", async (t) => {
	const bench = await openBench(t);
	for (const state of ["", "{}", '{"token":"a\\nb","expiresAt":null}', '{"token":"x","expiresAt":"soon"}'])
		await t.throwsAsync(
			async () =>
				module.store.resume?.(
					bench.source.store.instance,
					new Secret(state),
					new Contexts().make(bench.source.store.instance, { token: "" }),
				),
			{ instanceOf: ProviderError, code: "invalid" },
		);
});

const guesses: readonly (readonly [method: string, path: string, leased: boolean])[] = [
	["GET", "/database/creds/shop", true],
	["GET", "/team/db/creds/shop?x=1", true],
	["GET", "/data/creds/shop", true],
	["GET", "/aws/sts/deploy", true],
	["GET", "/gcp/roleset/reader/token", true],
	["PUT", "/pki/issue/web", true],
	["post", "/kubernetes/creds/reader", true],
	["GET", "/secret/data/app", false],
	["GET", "/secret/data/creds/shop", false],
	["GET", "/creds/shop", false],
	["LIST", "/secret/metadata", false],
	["GET", "/database/static-creds/shop", false],
];

test("what makes something new at a read is guessed from method and path", (t) => {
	for (const [method, path, leased] of guesses) t.is(isLikelyLeased(method, path), leased, `${method} ${path}`);
});

test("an end without a lease is believed only where something new was made", (t) => {
	const askedAt = Date.UTC(2026, 0, 1);
	const data = { expiration: askedAt / 1000 + 60 };
	t.like(readLease({ data }, true, askedAt), { id: "", durationSeconds: 60, renewable: false });
	t.like(readLease({ data: { expires_at_seconds: askedAt / 1000 + 60 } }, true, askedAt), { durationSeconds: 60 });
	t.is(readLease({ data }, false, askedAt), undefined);
	t.is(readLease({ data: { expiration: askedAt / 1000 - 60 } }, true, askedAt), undefined);
	t.is(readLease({ data: { certificate: "no certificate" } }, true, askedAt), undefined);
	t.is(readLease({ lease_id: "", lease_duration: 2_764_800, data: {} }, true, askedAt), undefined);
	t.is(readLease({ lease_id: "x", lease_duration: 0, data: {} }, true, askedAt), undefined);
});

function leaseOf(outcome: Outcome): Lease | undefined {
	return outcome.kind === "found" ? outcome.lease : undefined;
}

function certificateOf(outcome: Outcome): X509Certificate {
	const { certificate } = JSON.parse(bytesOf(outcome)) as { certificate: string };
	return new X509Certificate(certificate);
}

/** Here time itself is what is tested. */
function pause(milliseconds: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function until(t: ExecutionContext, condition: () => Promise<boolean>): Promise<void> {
	const end = Date.now() + 30_000;
	while (!(await condition())) {
		if (Date.now() > end) return t.fail("the condition was not met within 30 s");
		await pause(50);
	}
}
