import { once } from "node:events";
import { request } from "node:http";
import type { Socket } from "node:net";
import { connect } from "node:tls";
import test from "ava";
import { waitUntil } from "../../support/wait-until.ts";
import { ask } from "./requests.ts";
import { batchOf, full, host, openStocked, read } from "./stocked.ts";

test("a URL may be so long and no longer", async (t) => {
	const conjur = await openStocked(t);
	const path = `/secrets?variable_ids=${batchOf("db/user")}`;
	const filled = (length: number) => `${path}&filler=`.padEnd(length, "x");
	t.is((await read(conjur, filled(8192))).status, 200);
	t.is((await read(conjur, filled(8193))).status, 414);
	conjur.longestUrl = path.length;
	t.is((await read(conjur, path)).status, 200);
	conjur.longestUrl = path.length - 1;
	t.is((await read(conjur, path)).status, 414);
	t.is((await read(conjur, filled(20_000))).status, 414);
});

const mediaType = "application/x.secretsmgr.v2beta+json";
const ids = (count: number) => Array.from({ length: count }, () => "db/user");
for (const { name, body, accept = mediaType, status, statuses } of [
	{ name: "values", body: { ids: ["db/user", "db/password"] }, status: 200, statuses: [200, 200] },
	{
		name: "all kinds",
		body: { ids: ["db/user", "none", "seen", "unseen", "valueless"] },
		status: 207,
		statuses: [200, 404, 403, 403, 204],
	},
	{ name: "full ids", body: { ids: [full("db/user")] }, status: 207, statuses: [404] },
	{ name: "no ids", body: { ids: [] }, status: 422 },
	{ name: "250 ids", body: { ids: ids(250) }, status: 200 },
	{ name: "251 ids", body: { ids: ids(251) }, status: 422 },
	{ name: "no Accept", body: { ids: ["db/user"] }, accept: "*/*", status: 400 },
	{ name: "no JSON", body: "x", status: 400 },
]) {
	test(`the Cloud's batch with ${name}: ${status}`, async (t) => {
		const conjur = await openStocked(t, { cloud: true });
		const text = typeof body === "string" ? body : JSON.stringify(body);
		const answer = await read(conjur, "/secrets/values", { body: text, headers: { accept } });
		t.is(answer.status, status);
		if (statuses === undefined) return;
		const { secrets } = JSON.parse(answer.body.toString()) as { secrets: { status: number; value?: string }[] };
		t.deepEqual(
			secrets.map((secret) => secret.status),
			statuses,
		);
		for (const secret of secrets) t.is(secret.value !== undefined, secret.status === 200);
	});
}

test("only the Cloud has its batch, and it has nothing outside of /api", async (t) => {
	const [own, cloud] = [await openStocked(t), await openStocked(t, { cloud: true })];
	const body = '{"ids":["db/user"]}';
	t.is((await read(own, "/secrets/values", { body, headers: { accept: mediaType } })).status, 404);
	t.is((await read(cloud, `/secrets?variable_ids=${batchOf("db/user")}`)).status, 200);
	const { origin: address } = new URL(cloud.address);
	t.is((await ask({ ...cloud, address }, { path: "/whoami", token: cloud.tokens.issue(host) })).status, 404);
});

test("a proxy leads to the Cloud by the names of its tenants, and nowhere else", async (t) => {
	const conjur = await openStocked(t, { cloud: true });
	const open = (target: string) =>
		new Promise<{ readonly status: number; readonly socket: Socket }>((resolve, reject) => {
			const asked = request(conjur.proxy.address, { method: "CONNECT", path: target, signal: AbortSignal.timeout(10_000) });
			asked.once("connect", ({ statusCode: status = 0 }, socket) => resolve({ status, socket }));
			asked.once("error", reject);
			asked.end();
			t.teardown(() => asked.destroy());
		});
	const host = "acme.secretsmgr.cyberark.cloud";
	const { status, socket } = await open(`${host}:443`);
	t.is(status, 200);
	const secure = connect({ socket, servername: host, ca: conjur.authority });
	await once(secure, "secureConnect");
	t.true(secure.authorized);
	secure.destroy();
	for (const other of [`${host}:80`, "elsewhere.example:443"]) t.is((await open(other)).status, 502);
});

test("a server without TLS serves as well, and one with TLS is trusted by its own authority alone", async (t) => {
	const [plain, secure] = [await openStocked(t, { plain: true }), await openStocked(t)];
	t.is((await read(plain, "/whoami")).status, 200);
	await t.throwsAsync(fetch(secure.address), { message: "fetch failed" });
	t.is((await read(secure, "/whoami")).status, 200);
});

test("faults meet the requests that they are meant for, and requests are counted", async (t) => {
	const conjur = await openStocked(t);
	const whoami = (signal = AbortSignal.timeout(10_000)) =>
		read(conjur, "/whoami", { signal }).then(
			({ status }) => status,
			(error: Error) => error.name,
		);
	conjur.faults.add({ kind: "status", status: 429, headers: { "retry-after": "1" } }, { operation: "whoami", caller: host, times: 1 });
	t.is((await ask(conjur, { path: "/" })).status, 200);
	t.is(await whoami(), 429);
	t.is(await whoami(), 200);
	const end = conjur.faults.add({ kind: "reset" });
	t.is(await whoami(), "Error");
	end();
	conjur.faults.add({ kind: "hang" }, { operation: "whoami" });
	const patience = new AbortController();
	const hanging = whoami(patience.signal);
	await waitUntil(() => conjur.openRequests() === 1);
	patience.abort();
	t.is(await hanging, "AbortError");
	await waitUntil(() => conjur.openRequests() === 0);
	t.deepEqual(conjur.counts(), { root: 1, whoami: 4 });
	t.deepEqual(
		conjur.calls("whoami").map(({ status }) => status),
		[429, 200, 0, 0],
	);
	conjur.reset();
	conjur.latencyMilliseconds = 50;
	const started = performance.now();
	t.is(await whoami(), 200);
	t.true(performance.now() - started >= 50);
});
