import test, { type ExecutionContext } from "ava";
import { startAzure } from "../../servers/azure/azure.ts";
import { defaultTenant, exchangeAudience } from "../../servers/azure/entra/directory.ts";
import { throttled } from "../../servers/azure/faults.ts";
import { makePod } from "../../support/pods.ts";
import { setEnvironment } from "./fixture.ts";
import { type Bench, connect, failureOf, issuer, kept, makeAccount, makeInstance, openBench, read, refOf, told, vault } from "./harness.ts";

/** What @azure/identity would do by itself at a login, and must not. */

function statuses({ azure }: Pick<Bench, "azure">): readonly (number | undefined)[] {
	return azure.calls({ operation: "token" }).map(({ status }) => status);
}

test("every login is an exchange of its own, so that an identity is asked for anew when it has lost its rights", async (t) => {
	const bench = await openBench(t);
	const account = makeAccount(bench, "web");
	bench.azure.vaults.putSecret(vault, "db", "hunter2");
	const instance = bench.instance();
	const context = { once: kept() };
	const login = () => connect(instance, { ...account, context });
	const first = await login();
	bench.azure.tokens.endAll();
	t.is(told((await read(first, refOf("db")))[0]), "unreachable");
	t.is(told((await read(await login(), refOf("db")))[0]), "hunter2", "not the token that the vault has refused");
	t.deepEqual(statuses(bench), [200, 200]);
});

test("the pod's newest token is what proves an identity", async (t) => {
	const bench = await openBench(t);
	const account = makeAccount(bench, "web");
	const instance = bench.instance();
	const context = { once: kept() };
	const old = await issuer.token(account.pod, { audience: exchangeAudience, lifetime: -60 });
	t.is((await failureOf(instance, { ...account, context, token: old })).code, "unidentified");
	await connect(instance, { ...account, context });
	t.deepEqual(statuses(bench), [401, 200]);
});

const passing = {
	"that fails for a moment": { kind: "status", status: 503 },
	"that cuts the connection": { kind: "reset" },
	"that limits requests without saying for how long": { kind: "status", status: 429, body: '{"error":"temporarily_unavailable"}' },
	"that wants to be left alone for a second": throttled(1),
} as const;

for (const [name, behaviour] of Object.entries(passing)) {
	test.serial(`an authority ${name} is asked again, as our own retries have it`, async (t) => {
		const bench = await openBench(t);
		const account = makeAccount(bench, "web");
		bench.azure.faults.add({ operation: "token", behaviour, times: 1 });
		const began = performance.now();
		await connect(bench.instance(), account);
		t.is(bench.azure.calls({ operation: "token" }).length, 2);
		if (name.endsWith("second")) t.true(performance.now() - began >= 1_000);
	});
}

const nothingUsable = {
	"no token": { token_type: "Bearer", expires_in: 3600 },
	"a token without a life": { token_type: "Bearer", expires_in: 0, access_token: "eyJhbGciOiJub25lIn0.e30." },
	"a token whose life is no number": { token_type: "Bearer", expires_in: "long", access_token: "eyJhbGciOiJub25lIn0.e30." },
	"a token that no header can carry": { token_type: "Bearer", expires_in: 3600, access_token: "eyJ\r\nx-evil: 1" },
	"an error in the place of a token": { error: "server_error", error_description: "Trace ID: 1" },
} as const;

for (const [name, body] of Object.entries(nothingUsable)) {
	test(`an answer that holds ${name} is an outage, and asked for once`, async (t) => {
		const bench = await openBench(t);
		const headers = { "content-type": "application/json" };
		bench.azure.faults.add({ operation: "token", behaviour: { kind: "status", status: 200, headers, body: JSON.stringify(body) } });
		const error = await failureOf(bench.instance(), makeAccount(bench, "web"));
		t.is(error.code, "unreachable", error.text);
		t.is(error.stage, "login");
		t.regex(error.message, /^Entra ID gave no usable answer to the login of the client client-of-web .*\(status 200\)\.$/);
		t.notRegex(`${error.text} ${error.legacyText}`, /eyJ|Trace ID/);
		t.is(bench.azure.calls({ operation: "token" }).length, 1);
	});
}

for (const tenant of ["common", "organizations", "consumers"]) {
	test(`${tenant} is no tenant that a vault can belong to, and nobody is asked`, async (t) => {
		const bench = await openBench(t);
		const error = await failureOf(bench.instance({ tenant }), makeAccount(bench, "web"));
		t.is(error.code, "invalid", error.text);
		t.is(error.stage, "login");
		t.regex(error.text, new RegExp(`Nobody can log in to the tenant ${tenant}.*tenantID`, "s"));
		t.deepEqual(bench.azure.calls(), []);
	});
}

/** A login at the real names, which only the proxy leads to the stand-ins. */
async function logInAtRealNames(t: ExecutionContext<unknown>, environment: Readonly<Record<string, string>>) {
	const azure = await startAzure(t);
	setEnvironment(t, { ...azure.environment, ...environment });
	const account = makeAccount({ azure, instance: makeInstance }, "web");
	await connect(makeInstance({ vault, tenant: defaultTenant }), account);
	return azure;
}

test.serial("nothing in the environment leads a login elsewhere", async (t) => {
	const azure = await logInAtRealNames(t, {
		AZURE_AUTHORITY_HOST: "https://login.evil.example",
		AZURE_REGIONAL_AUTHORITY_NAME: "westeurope",
		AZURE_TENANT_ID: "evil",
		AZURE_CLIENT_ID: "evil",
		AZURE_CLIENT_SECRET: "evil",
		AZURE_FEDERATED_TOKEN_FILE: "/var/run/secrets/evil",
		AZURE_POD_IDENTITY_AUTHORITY_HOST: "http://evil.example",
		IDENTITY_ENDPOINT: "http://evil.example",
	});
	t.deepEqual(azure.proxy.tunnels, ["login.microsoftonline.com:443"]);
	t.deepEqual(
		azure.calls().map(({ operation, client, status }) => [operation, client, status]),
		[["token", "client-of-web", 200]],
	);
});

test.serial("an authority whose name ends as the tenant's does is asked for that tenant", async (t) => {
	const azure = await startAzure(t);
	setEnvironment(t, azure.environment);
	const tenant = "stack.test";
	azure.directory.addTenant(tenant, "AzureStackCloud");
	azure.directory.federate({ tenant, client: "web", issuer, subject: "system:serviceaccount:shop:web" });
	const stack = { cloud: "AzureStackCloud", authority: "https://login.stack.test", vaultSuffix: "vault.stack.test" };
	await connect(makeInstance({ vault, tenant, ...stack }), { pod: makePod({ namespace: "shop", serviceAccount: "web" }), role: "web" });
	t.deepEqual(statuses({ azure }), [200]);
	t.deepEqual(azure.proxy.tunnels, ["login.stack.test:443"]);
});
