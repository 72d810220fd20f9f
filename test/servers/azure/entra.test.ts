import test from "ava";
import { decodeJwt } from "jose";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer, type TokenIssuer, type TokenOptions } from "../../support/token-issuer.ts";
import { type AzureServers, startAzure } from "./azure.ts";
import { bindingAudience, defaultTenant, exchangeAudience } from "./entra/directory.ts";
import { type Answer, problemCodes, TestClient } from "./test-client.ts";
import { tokenProxyName } from "./world.ts";

let azure: AzureServers;
let issuer: TokenIssuer;

test.before(async () => {
	[azure, issuer] = await Promise.all([startAzure(undefined), createTokenIssuer()]);
	azure.directory.federate({ client: "app", issuer, subject: "system:serviceaccount:shop:web" });
	azure.directory.federate({ client: "app", issuer, subject: "system:serviceaccount:shop:job" });
	azure.directory.federate({ client: "bound", issuer, subject: "system:serviceaccount:shop:web", audience: bindingAudience });
	azure.directory.addClientSecret({ client: "app", secret: "right" });
	azure.directory.addClientSecret({ client: "app", secret: "old", expiresAt: new Date(Date.now() - 1000) });
});

test.after.always(() => azure?.stop());

const web = makePod();

function assertion(options: TokenOptions = {}, pod = web, signer = issuer): Promise<string> {
	return signer.token(pod, { audience: exchangeAudience, ...options });
}

test("each federated service account gets a token of its own, for the vaults' audience", async (t) => {
	const client = new TestClient(t, azure);
	for (const serviceAccount of ["web", "job"]) {
		const proof = await assertion({}, makePod({ serviceAccount }));
		const { status, body } = await client.askToken(azure.authority, { client_id: "app", client_assertion: proof });
		t.is(status, 200);
		t.like(body, { token_type: "Bearer", expires_in: 3600 });
		const claims = decodeJwt(String(body?.["access_token"]));
		t.like(claims, { aud: "https://vault.azure.net", appid: "app", tid: defaultTenant, iss: `https://sts.windows.net/${defaultTenant}/` });
		t.is((claims.exp ?? 0) - (claims.iat ?? 0), 3600);
	}
});

test("a client that is not the federated one is refused, by what is wrong with it", async (t) => {
	const client = new TestClient(t, azure);
	const [forger, stranger] = await Promise.all([createTokenIssuer(issuer.issuer), createTokenIssuer("https://elsewhere.test")]);
	const good = await assertion();
	const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${good.split(".")[1]}.`;
	const cases: Readonly<Record<string, readonly [client: string, proof: string, status: number, code: number]>> = {
		"signed with another key": ["app", await assertion({}, web, forger), 401, 700027],
		"changed after it was signed": ["app", `${good.slice(0, -8)}AAAAAAAA`, 401, 700027],
		"from another issuer": ["app", await assertion({}, web, stranger), 401, 700211],
		"for another audience": ["app", await assertion({ audience: "vault" }), 401, 700212],
		"for the token proxy": ["app", await assertion({ audience: bindingAudience }), 401, 700212],
		"of another service account": ["app", await assertion({}, makePod({ serviceAccount: "other" })), 401, 700213],
		"of another namespace": ["app", await assertion({}, makePod({ namespace: "bank" })), 401, 700213],
		"of an account that differs in case": ["app", await assertion({}, makePod({ serviceAccount: "Web" })), 401, 700213],
		ended: ["app", await assertion({ lifetime: -10 }), 401, 700024],
		"no token": ["app", "hunter2", 400, 50027],
		"without a signature": ["app", unsigned, 400, 50027],
		"for an application that is not there": ["other", good, 400, 700016],
		"of an identity binding, past the token proxy": ["bound", await assertion({ audience: bindingAudience }), 401, 700211],
	};
	for (const [name, [id, proof, status, code]] of Object.entries(cases)) {
		const answer = await client.askToken(azure.authority, { client_id: id, client_assertion: proof });
		t.deepEqual([answer.status, problemCodes(answer)], [status, [code]], name);
		t.true(String(answer.body?.["error_description"]).startsWith(`AADSTS${code}: `), name);
	}
});

test("a request that is not made as it should be is refused", async (t) => {
	const client = new TestClient(t, azure);
	const proof = await assertion();
	const usual = { client_id: "app", client_assertion: proof };
	const cases: Readonly<Record<string, readonly [fields: Readonly<Record<string, string | undefined>>, status: number, code: number]>> = {
		"no grant type": [{ ...usual, grant_type: undefined }, 400, 900144],
		"another grant type": [{ ...usual, grant_type: "password" }, 400, 70003],
		"no client": [{ ...usual, client_id: undefined }, 400, 900144],
		"no scope": [{ ...usual, scope: undefined }, 400, 900144],
		"a scope that is not the default one": [{ ...usual, scope: "https://vault.azure.net/read" }, 400, 1002012],
		"the vault of another cloud": [{ ...usual, scope: "https://vault.azure.cn/.default" }, 400, 500011],
		"no proof": [{ client_id: "app" }, 401, 7000218],
		"a proof of no type": [{ ...usual, client_assertion_type: undefined }, 401, 7000218],
		"the wrong client secret": [{ client_id: "app", client_secret: "wrong" }, 401, 7000215],
		"a client secret that has ended": [{ client_id: "app", client_secret: "old" }, 401, 7000222],
	};
	for (const [name, [fields, status, code]] of Object.entries(cases)) {
		const answer = await client.askToken(azure.authority, fields);
		t.deepEqual([answer.status, problemCodes(answer)], [status, [code]], name);
	}
	t.is((await client.askToken(azure.authority, { client_id: "app", client_secret: "right" })).status, 200);
});

test("a tenant is known in its own cloud only", async (t) => {
	const client = new TestClient(t, azure);
	const fields = { client_id: "app", client_secret: "right" };
	for (const [authority, tenant] of [
		[azure.authority, "00000000-0000-4000-8000-00000000dead"],
		["https://login.microsoftonline.us", defaultTenant],
	] as const)
		t.deepEqual(problemCodes(await client.askToken(authority, fields, tenant)), [90002], authority);
});

test("instance discovery knows the public clouds and not a company's own", async (t) => {
	const client = new TestClient(t, azure);
	const discover = (host: string) => {
		const endpoint = encodeURIComponent(`https://${host}/${defaultTenant}/oauth2/v2.0/authorize`);
		return client.ask(`${azure.authority}/common/discovery/instance?api-version=1.1&authorization_endpoint=${endpoint}`);
	};
	const found = await discover("login.chinacloudapi.cn");
	t.is(found.body?.["tenant_discovery_endpoint"], `https://login.chinacloudapi.cn/${defaultTenant}/v2.0/.well-known/openid-configuration`);
	const refused = await discover("login.stack.test");
	t.deepEqual([refused.status, refused.body?.["error"]], [400, "invalid_instance"]);
	const configuration = await client.ask(String(found.body?.["tenant_discovery_endpoint"]));
	t.is(configuration.body?.["token_endpoint"], `https://login.chinacloudapi.cn/${defaultTenant}/oauth2/v2.0/token`);
});

test("a company's own cloud issues tokens for its own vaults", async (t) => {
	const client = new TestClient(t, azure);
	azure.directory.addTenant("adfs", "AzureStackCloud");
	azure.directory.addClientSecret({ tenant: "adfs", client: "app", secret: "right" });
	azure.vaults.add("kv-stack", { tenant: "adfs", cloud: "AzureStackCloud" });
	azure.vaults.allow("app", "kv-stack", { secrets: ["get"] });
	azure.vaults.putSecret("kv-stack", "db", "hunter2");
	const fields = { client_id: "app", client_secret: "right", scope: "https://vault.stack.test/.default" };
	const { body } = await client.askToken("https://login.stack.test", fields, "adfs");
	const answer = await client.askVault(azure.vaultUrl("kv-stack"), "secrets/db", { token: String(body?.["access_token"]) });
	t.is(answer.body?.["value"], "hunter2");
});

test("the token proxy takes tokens of identity bindings, from clients that name it in the handshake", async (t) => {
	const client = new TestClient(t, azure);
	const address = await azure.listenAsTokenProxy();
	const ask = async (id: string, audience: string, serverName?: string): Promise<Answer> => {
		const fields = { client_id: id, client_assertion: await assertion({ audience }) };
		return client.askToken(address, fields, defaultTenant, serverName === undefined ? {} : { serverName });
	};
	t.is((await ask("bound", bindingAudience, tokenProxyName)).status, 200);
	t.deepEqual(problemCodes(await ask("bound", exchangeAudience, tokenProxyName)), [700212]);
	t.deepEqual(problemCodes(await ask("app", exchangeAudience, tokenProxyName)), [700211]);
	await t.throwsAsync(ask("bound", bindingAudience), { code: "ECONNRESET" }, "without the name");
	await t.throwsAsync(ask("bound", bindingAudience, "kv-main.vault.azure.net"), { code: "ECONNRESET" }, "with another name");
});

test("the metadata service gives the node's identities to callers with its header", async (t) => {
	const address = await azure.listenAsMetadata();
	azure.nodeIdentities.ofNode.push({ client: "node", systemAssigned: true }, { client: "assigned" });
	const ask = async (query: string, headers: Readonly<Record<string, string>> = { metadata: "true" }) => {
		const answer = await fetch(`${address}/metadata/identity/oauth2/token?${query}`, { headers });
		return { status: answer.status, body: (await answer.json()) as Readonly<Record<string, string>> };
	};
	const right = "api-version=2018-02-01&resource=https://vault.azure.net";
	t.is((await ask(right)).body["client_id"], "node");
	const assigned = await ask(`${right}&client_id=assigned`);
	t.is(decodeJwt(assigned.body["access_token"] ?? "")["appid"], "assigned");
	t.is(Number(assigned.body["expires_on"]) - Number(assigned.body["not_before"]), 3600);
	const cases = {
		"without the header": await ask(right, {}),
		forwarded: await ask(right, { metadata: "true", "x-forwarded-for": "10.0.0.1" }),
		"without a version": await ask("resource=https://vault.azure.net"),
		"for an unknown resource": await ask("api-version=2018-02-01&resource=https://example.test"),
		"for an unknown client": await ask(`${right}&client_id=other`),
	};
	for (const [name, { status, body }] of Object.entries(cases)) {
		t.is(status, 400, name);
		t.is(body["access_token"], undefined, name);
	}
});

test("the node managed identity service gives a pod's identity by the pod's name", async (t) => {
	const address = await azure.listenAsPodIdentity();
	azure.nodeIdentities.ofPods.push({ client: "pod-app", podName: "web-0", podNamespace: "shop" });
	const ask = async (headers: Readonly<Record<string, string>>) => {
		const answer = await fetch(`${address}/host/token/?resource=https://vault.azure.net`, { headers });
		return { status: answer.status, body: (await answer.json()) as { clientid?: string } };
	};
	t.is((await ask({ podname: "web-0", podns: "shop" })).body.clientid, "pod-app");
	t.is((await ask({ podname: "web-0", podns: "bank" })).status, 404);
	t.is((await ask({})).status, 400);
});
