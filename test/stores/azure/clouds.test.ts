import test, { type ExecutionContext } from "ava";
import type { Finding } from "../../../provider/shared/finding.ts";
import { clouds } from "../../../provider/stores/azure/clouds.ts";
import { module } from "../../../provider/stores/azure/index.ts";
import type { AzureInstance } from "../../../provider/stores/azure/instance.ts";
import { startAzure } from "../../servers/azure/azure.ts";
import { defaultTenant } from "../../servers/azure/entra/directory.ts";
import { makePod } from "../../support/pods.ts";
import { setEnvironment } from "./fixture.ts";
import { connect, everything, fieldsOf, issuer, makeInstance, openBench, read, refOf, told, vault } from "./harness.ts";

const stack = { authority: "https://login.stack.test", vaultSuffix: "vault.stack.test" };
const tenant = "9b1d5a52-7c0e-4d0a-9a55-0d3c1f6a0003";

for (const [cloud, options, hosts] of [
	["AzurePublicCloud", {}, ["login.microsoftonline.com", "kv-main.vault.azure.net"]],
	["AzureUSGovernmentCloud", {}, ["login.microsoftonline.us", "kv-main.vault.usgovcloudapi.net"]],
	["AzureChinaCloud", {}, ["login.chinacloudapi.cn", "kv-main.vault.azure.cn"]],
	["AzureStackCloud", stack, ["login.stack.test", "kv-main.vault.stack.test"]],
] as const) {
	test.serial(`${cloud}: its own authority and vault are asked, and nobody else`, async (t) => {
		const azure = await startAzure(t);
		setEnvironment(t, azure.environment);
		azure.directory.addTenant(tenant, cloud);
		azure.directory.federate({ tenant, client: "web", issuer, subject: "system:serviceaccount:shop:web" });
		azure.vaults.add(vault, { tenant, cloud });
		azure.vaults.allow("web", vault, everything);
		azure.vaults.putSecret(vault, "db", "hunter2");
		// Capitals in the name are today's habit, and no other vault.
		const instance = makeInstance({ vault: "KV-Main", tenant, cloud, ...options });
		const [outcome] = await read(await connect(instance, { pod: makePod(), role: "web" }), refOf("db"));
		t.is(told(outcome), "hunter2");
		t.deepEqual(
			azure.proxy.tunnels,
			hosts.map((host) => `${host}:443`),
		);
		const derived = hosts.filter((host) => host !== "login.stack.test").map((host) => `https://${host}`);
		t.deepEqual(instance.derivedEndpoints?.toSorted(), derived.toSorted(), "an authority that the administrator wrote is none");
	});
}

test.serial("a token that is made for another domain than the vault's goes to no vault", async (t) => {
	const azure = await startAzure(t);
	setEnvironment(t, azure.environment);
	azure.directory.federate({ client: "web", issuer, subject: "system:serviceaccount:shop:web" });
	azure.vaults.allow("web", vault, everything);
	azure.vaults.putSecret(vault, "db", "hunter2");
	const instance = makeInstance({ vault, tenant: defaultTenant, resource: "https://management.azure.com" });
	const session = await connect(instance, { pod: makePod(), role: "web" });
	t.is(told((await read(session, refOf("db")))[0]), "unreachable");
	t.deepEqual(azure.calls({ vault }), [], "the SDK compares the two before it sends the token");
});

for (const [name, options, fault] of [
	["no vault", { tenant }, "stores.main.vault is missing"],
	["no tenant", { vault }, "stores.main.tenant is missing"],
	["a vault that ends the host's name", { vault: "evil.example/", tenant }, "which is no name of a vault"],
	["a vault that is too short", { vault: "kv", tenant }, "which is no name of a vault"],
	["a tenant that walks", { vault, tenant: "../common" }, "which is no tenant"],
	["a cloud of its own without its places", { vault, tenant, cloud: "AzureStackCloud" }, "stores.main.authority is missing"],
	["a suffix that ends the host's name", { vault, tenant, vaultSuffix: "evil.example/x" }, "which is no domain"],
	["an authority in plain HTTP", { vault, tenant, authority: "http://login.example" }, "has the scheme http"],
	["an address that is a socket", { vault, tenant, address: "unix:///run/vault.sock" }, "has the scheme unix"],
	["a binding without its proxy", { vault, tenant, identity: "binding" }, "stores.main.tokenProxy has no address"],
	["pod identity", { vault, tenant, identity: "pod" }, "is not maintained any more"],
	["a client that is none", { vault, tenant, client: "a b" }, "which is no client id"],
] as const) {
	test(`${name} is a fault`, (t) => {
		const fields = fieldsOf({ type: "azure", ...options });
		fields.node("type");
		module.store.instance("main", fields);
		module.store.role(fields);
		const faults = fields.faults.list.map(({ path, message }) => `${path} ${message}`);
		t.true(
			faults.some((text) => text.includes(fault)),
			faults.join("\n"),
		);
	});
}

test("instances that differ in anything are kept apart", (t) => {
	const usual = { vault, tenant: defaultTenant };
	const all = [
		{},
		{ tenant },
		{ vault: "kv-other" },
		{ cloud: "AzureChinaCloud" },
		{ identity: "principal" },
		{ identity: "vm" },
		{ identity: "vm", managedIdentity: { namespaces: ["shop"] } },
		{ address: "https://127.0.0.1:8443" },
		{ authority: "https://login.example" },
		{ resource: "https://vault.example" },
		{ caFile: "/etc/ca.pem" },
		{ identity: "binding", tokenProxy: { address: "https://proxy.example" } },
		{ identity: "binding", tokenProxy: { address: "https://proxy.example", serverName: "name.example" } },
		{ allowUnboundKms: "true" },
	].map((changes) => makeInstance({ ...usual, ...changes }).key);
	t.is(new Set(all).size, all.length);
	t.is(makeInstance(usual).key, makeInstance({ ...usual, vault: vault.toUpperCase() }).key, "the case of a vault's name means nothing");
	for (const { authority, vaultSuffix, resource } of Object.values(clouds)) {
		t.is(resource, `https://${vaultSuffix}`);
		t.regex(authority, /^https:\/\/login\./);
	}
});

function diagnose(t: ExecutionContext<unknown>, instance: AzureInstance): Promise<readonly Finding[]> {
	t.timeout(30_000);
	return module.diagnose?.(instance, { signal: AbortSignal.timeout(20_000), allowsAddress: () => true }) ?? Promise.resolve([]);
}

test("a diagnosis walks to authority and vault, and tells whose tokens the vault takes", async (t) => {
	const bench = await openBench(t);
	bench.azure.vaults.add(vault, { tenant });
	const wrong = await diagnose(t, bench.instance());
	t.deepEqual(
		wrong.filter(({ status }) => status === "failed").map(({ check, message }) => [check, message]),
		[["Key Vault", `Key Vault kv-main belongs to the tenant ${tenant}, and takes no tokens of the tenant ${defaultTenant}.`]],
	);
	const right = await diagnose(t, bench.instance({ tenant }));
	t.deepEqual(
		right.filter(({ status }) => status === "failed"),
		[],
	);
	t.true(
		right.some(
			({ check, message }) => check === "Key Vault" && message.includes(`takes tokens of https://login.microsoftonline.com/${tenant}`),
		),
	);
	t.true(
		right.some(({ check, status, message }) => check === "tenant" && status === "ok" && message.endsWith(`knows the tenant ${tenant}.`)),
	);
	bench.azure.faults.add({ operation: "openid-configuration", behaviour: { kind: "status", status: 400 }, times: 1 });
	const unknown = await diagnose(t, bench.instance());
	t.true(unknown.some(({ check, status }) => check === "tenant" && status === "failed"));
	const elsewhere = await diagnose(t, bench.instance({ address: bench.instance().authority }));
	t.true(elsewhere.some(({ check, status }) => check === "Key Vault" && status === "failed"));
});
