import { Agent } from "node:https";
import test from "ava";
import fc from "fast-check";
import { waitUntil } from "../../support/wait-until.ts";
import type { ClientCertificate } from "./certificates.ts";
import { ask, type PlainRequest, verdict } from "./requests.ts";
import { appId, openSite, type Site, safe } from "./site.ts";

const query = `AppID=${appId}&Safe=${safe}&Object=pg-prod`;

async function read({ ccp, shop }: Site, further = "", options = {}): Promise<Readonly<Record<string, unknown>>> {
	const answer = await ask(ccp, { query: `${query}${further}`, certificate: shop, options });
	return answer.status === 200 ? (JSON.parse(answer.text) as Record<string, unknown>) : { verdict: verdict(answer) };
}

test("an answer holds what the account has, as text, and nothing else", async (t) => {
	const site = await openSite(t);
	const expected = { Content: "hunter2", UserName: "app", Address: "db.example", PolicyID: "PostgreSQL" };
	t.deepEqual(await read(site), { ...expected, Safe: "DB", Folder: "Root", Name: "pg-prod", PasswordChangeInProcess: "False" });
	site.ccp.accounts.put({ safe, name: "pg-prod", content: "x", properties: { Port: "5432" } });
	t.deepEqual(await read(site), {
		...{ Port: "5432", Content: "x", Safe: "DB", Folder: "Root", Name: "pg-prod", PasswordChangeInProcess: "False" },
	});
});

test("content of every kind arrives as it is, and so do names", async (t) => {
	const site = await openSite(t);
	const { ccp, shop } = site;
	const name = fc
		.string({ unit: "grapheme", minLength: 1, maxLength: 20 })
		.filter((text) => !/[&%;]|\p{Cc}/u.test(text) && text.isWellFormed());
	const content = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom('"\\\n\t&%+;é€𝄞\u0000', "x".repeat(5000)));
	await fc.assert(
		fc.asyncProperty(name, content, async (object, value) => {
			ccp.accounts.put({ safe, name: object, content: value });
			const answer = await ask(ccp, { query: `AppID=${appId}&Safe=${safe}&Object=${encodeURIComponent(object)}`, certificate: shop });
			ccp.accounts.remove({ safe, name: object });
			t.is(answer.status, 200);
			t.is((JSON.parse(answer.text) as { Content: string }).Content, value);
		}),
		{ numRuns: 40 },
	);
});

test("a password that is being changed is told in both forms, or refused to who wants that", async (t) => {
	const site = await openSite(t);
	const at = { safe, name: "pg-prod" };
	site.ccp.accounts.change(at, { isChanging: true });
	t.like(await read(site), { Content: "hunter2", PasswordChangeInProcess: "True" });
	site.ccp.vault.usesBooleans = true;
	t.like(await read(site, "&FailRequestOnPasswordChange=False"), { Content: "hunter2", PasswordChangeInProcess: true });
	t.like(await read(site, "&failRequestOnPasswordChange=true"), { verdict: "500 APPAP282E" });
	site.ccp.accounts.change(at, { isChanging: false, content: "hunter3" });
	t.like(await read(site, "&FailRequestOnPasswordChange=true"), { Content: "hunter3", PasswordChangeInProcess: false });
});

test("a safe may demand reasons, and the log has them", async (t) => {
	const site = await openSite(t);
	const { ccp, shop } = site;
	ccp.safes.add(safe, { members: [appId], demandsReason: true });
	t.deepEqual(await read(site), { verdict: "403 APPAP999E" });
	ccp.vault.missingReason = { status: 400, code: "APPAP081E" };
	t.deepEqual(await read(site, "&Reason="), { verdict: "400 APPAP081E" });
	t.like(await read(site, "&Reason=mount%20shop/web"), { Content: "hunter2" });
	await ask(ccp, { query: query.replace("pg-prod", "none"), certificate: shop });
	await ask(ccp, { query });
	const found = {
		webService: "AIMWebService",
		appId,
		address: "127.0.0.1",
		serial: shop.serial,
		subject: "CN=shop",
		safe,
		object: "pg-prod",
	};
	t.deepEqual(ccp.log, [
		{ ...found, reason: "", status: 403, errorCode: "APPAP999E" },
		{ ...found, reason: "", status: 400, errorCode: "APPAP081E" },
		{ ...found, reason: "mount shop/web", status: 200, errorCode: "" },
		{ ...found, safe: "", object: "", reason: "", status: 404, errorCode: "APPAP004E" },
	]);
	t.is(ccp.calls("accounts.get").at(-1)?.status, 403, "who does not get past IIS is counted, but not in the log");
});

test("a member may be let in and out while the server runs", async (t) => {
	const site = await openSite(t);
	site.ccp.safes.revoke(safe, appId);
	t.deepEqual(await read(site), { verdict: "404 APPAP004E" });
	site.ccp.safes.permit(safe, appId);
	t.like(await read(site), { Content: "hunter2" });
});

test("a vault that is down or slower than the request allows is out of reach", async (t) => {
	const site = await openSite(t);
	const { vault } = site.ccp;
	vault.isDown = true;
	t.deepEqual(await read(site), { verdict: "400 APPAP007E" });
	vault.isDown = false;
	vault.delayMilliseconds = 1100;
	t.deepEqual(await read(site, "&ConnectionTimeout=1"), { verdict: "400 APPAP007E" });
	t.like(await read(site, "&ConnectionTimeout=2"), { Content: "hunter2" });
});

test("a strict server ends the handshake without a certificate that it trusts", async (t) => {
	const { ccp, shop } = await openSite(t);
	const shake = async (certificate = shop) => verdict(await ask(ccp, { query, certificate, address: ccp.strictAddress }));
	t.is(await shake(), "200");
	const handshakes = [
		ask(ccp, { query, address: ccp.strictAddress }),
		shake(ccp.certificates.issue("shop", { byStranger: true })),
		shake(ccp.certificates.issue("shop", { days: -1 })),
	];
	for (const handshake of handshakes) await t.throwsAsync(handshake, { message: /alert|ECONNRESET|socket hang up|EPIPE/ });
	t.is(ccp.calls().length, 1);
});

test("a client trusts it by its authority alone, and a locked key opens with its words", async (t) => {
	const { ccp } = await openSite(t);
	const { address } = ccp;
	await t.throwsAsync(ask({ address, authority: "" }, { query }), { message: /unable to (?:verify|get)|self.signed/ });
	const locked = ccp.certificates.issue("locked", { passphrase: "sesame" });
	ccp.applications.add(appId, { serials: [locked.serial] });
	t.is(verdict(await ask(ccp, { query, certificate: locked, options: { passphrase: "sesame" } })), "200");
	await t.throwsAsync(async () => ask(ccp, { query, certificate: locked, options: { passphrase: "open" } }), { message: /decrypt/ });
});

test("the version of TLS may be limited", async (t) => {
	const site = await openSite(t, { tlsMaxVersion: "TLSv1.2" });
	t.like(await read(site), { Content: "hunter2" });
	await t.throwsAsync(read(site, "", { minVersion: "TLSv1.3" }), { message: /alert|protocol version/ });
});

test("where IIS asks late, a certificate comes by a second handshake of TLS 1.2, and with 1.3 there is none", async (t) => {
	const { ccp, shop } = await openSite(t);
	const late = async (options: NonNullable<PlainRequest["options"]>, certificate?: ClientCertificate) =>
		verdict(await ask(ccp, { query, address: ccp.lateAddress, options, ...(certificate === undefined ? {} : { certificate }) }));
	const old = { maxVersion: "TLSv1.2" } as const;
	t.is(await late({}, shop), "403 403.7 - Client certificate required");
	t.is(await late(old, shop), "200");
	t.is(await late(old), "403 403.7 - Client certificate required");
	t.is(await late(old, ccp.certificates.issue("shop", { byStranger: true })), "403 403.16 - Client certificate is not trusted");
	const agent = new Agent({ keepAlive: true, ...old });
	t.teardown(() => agent.destroy());
	for (let time = 0; time < 2; time += 1) t.is(await late({ agent }, shop), "200");
	t.is(ccp.calls().at(-1)?.connection, ccp.calls().at(-2)?.connection, "one connection, which is asked once");
	ccp.webServices.set("AIMWebService", { demandsCertificate: false });
	t.is(await late(old, shop), "403 APPAP306E", "where none is demanded, none is asked for");
});

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
	test(`a connection that resumes a session of ${maxVersion} still shows its certificate`, async (t) => {
		const site = await openSite(t);
		const agent = new Agent({ keepAlive: false, maxVersion });
		t.teardown(() => agent.destroy());
		for (let time = 0; time < 3; time += 1) t.like(await read(site, "", { agent }), { Content: "hunter2" });
		t.deepEqual(
			site.ccp.calls().map(({ connection }) => connection),
			[1, 2, 3],
		);
	});
}

test("faults meet the requests that they are meant for, and requests are counted", async (t) => {
	const site = await openSite(t);
	const { ccp, shop } = site;
	ccp.faults.add({ kind: "status", status: 503, headers: { "content-type": "text/html" }, body: "<p>" }, { resource: /^DB\/pg/, times: 1 });
	t.is(verdict(await ask(ccp, { path: "/AIMWebService/v1.1/AIM.asmx", certificate: shop })), "200");
	t.deepEqual(await read(site), { verdict: "503 " });
	ccp.faults.add({ kind: "hang" }, { operation: "accounts.get", caller: appId });
	const patience = new AbortController();
	const hanging = read(site, "", { signal: patience.signal });
	await waitUntil(() => ccp.openRequests() === 1);
	patience.abort();
	await t.throwsAsync(hanging, { name: "AbortError" });
	await waitUntil(() => ccp.openRequests() === 0);
	t.deepEqual(ccp.counts(), { liveness: 1, "accounts.get": 2 });
	ccp.reset();
	ccp.latencyMilliseconds = 50;
	const started = performance.now();
	t.like(await read(site), { Content: "hunter2" });
	t.true(performance.now() - started >= 50);
	t.is(ccp.log.length, 1);
});
