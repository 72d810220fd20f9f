import { readFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:tls";
import test, { type ExecutionContext } from "ava";
import { waitUntil } from "../../support/wait-until.ts";
import { ask } from "./client.ts";
import type { Fault } from "./faults.ts";
import { startGcp } from "./gcp.ts";
import { openSite, tokenOf, verdict } from "./servers-support.ts";

const global = "secretmanager.googleapis.com";
const regional = "secretmanager.us-central1.rep.googleapis.com";
const db = "projects/my-proj/secrets/db";
const access = (version: string, secret = db) => `/v1/${secret}/versions/${version}:access`;

/** The stand-ins with one secret, and an account that may read it. */
async function openReadable(t: ExecutionContext<unknown>) {
	const { gcp, app } = await openSite(t);
	gcp.iam.allow(`serviceAccount:${app}`, "roles/secretmanager.secretAccessor", "projects/my-proj");
	gcp.secrets.add(db, "one");
	return { gcp, app };
}

test.serial("a quota is kept by project and window, and says when to come again", async (t) => {
	const { gcp, app } = await openReadable(t);
	gcp.quotas.limit("secrets.access", { requests: 2, windowSeconds: 2, retryAfterSeconds: 1, retryDelay: "0.5s" });
	const read = () => ask(gcp, { host: global, path: access("1"), token: tokenOf(gcp, app) });
	t.is(verdict(await read()), "200");
	t.is(verdict(await read()), "200");
	const refused = await read();
	t.regex(verdict(refused), /^429 RESOURCE_EXHAUSTED: Quota exceeded/);
	t.is(refused.headers["retry-after"], "1");
	t.true(JSON.stringify(refused.body).includes('"retryDelay":"0.5s"'));
	await waitUntil(async () => (await read()).status === 200);
});

const noAnswer = /^(Timeout|Abort)Error/;
const faults: readonly { readonly fault: Fault; readonly expected: RegExp }[] = [
	{ fault: { kind: "error", status: "UNAVAILABLE", retryAfterSeconds: 2 }, expected: /^503 UNAVAILABLE/ },
	{ fault: { kind: "error", status: "RESOURCE_EXHAUSTED", retryDelay: "1s" }, expected: /^429 RESOURCE_EXHAUSTED/ },
	{ fault: { kind: "status", status: 502, body: "<html>" }, expected: /^502 undefined/ },
	{ fault: { kind: "redirect", location: "https://elsewhere.example" }, expected: /^302 undefined/ },
	{ fault: { kind: "reset" }, expected: /^Error: (socket hang up|read ECONNRESET)$/ },
	{ fault: { kind: "truncate" }, expected: /^Error: aborted$/ },
	{ fault: { kind: "hang" }, expected: noAnswer },
	{ fault: { kind: "drip" }, expected: noAnswer },
	{ fault: { kind: "endless" }, expected: noAnswer },
	{ fault: { kind: "delay", milliseconds: 5000 }, expected: noAnswer },
];

test.serial("faults hit the requests that they are meant for, as often as they say", async (t) => {
	const { gcp, app } = await openReadable(t);
	gcp.secrets.add(`${db}2`, "one");
	const read = (secret = db, token = tokenOf(gcp, app), patience = 10_000) =>
		ask(gcp, { host: global, path: access("1", secret), token, signal: AbortSignal.timeout(patience) }).then(verdict, String);
	for (const { fault, expected } of faults) {
		gcp.faults.add(fault, { operation: "secrets.access", host: global, resource: /db\/versions/, times: 1 });
		t.is(await read(`${db}2`), "200", "another resource");
		t.regex(await read(db, undefined, expected === noAnswer ? 300 : undefined), expected, fault.kind);
		t.is(await read(), "200", "the next one");
	}
	gcp.iam.allow("serviceAccount:other", "roles/secretmanager.secretAccessor", "projects/my-proj");
	const end = gcp.faults.add({ kind: "error", status: "INTERNAL" }, { principal: `serviceAccount:${app}` });
	t.is(await read(db, tokenOf(gcp, "other")), "200", "another principal");
	t.regex(await read(), /^500 INTERNAL/);
	end();
	t.is(await read(), "200");
	await waitUntil(() => gcp.openRequests() === 0);
});

test("an answer may be altered, as by a broken wire", async (t) => {
	const { gcp, app } = await openReadable(t);
	gcp.faults.add({ kind: "alter", alter: (body) => ({ ...body, payload: { data: "AAAA", dataCrc32c: "1" } }) });
	t.like(await ask(gcp, { host: global, path: access("1"), token: tokenOf(gcp, app) }), {
		status: 200,
		body: { payload: { data: "AAAA" } },
	});
});

test.serial("requests are counted as they come in, and answers may take their time", async (t) => {
	const { gcp, app } = await openReadable(t);
	gcp.latencyMilliseconds = 50;
	const started = performance.now();
	const reading = ask(gcp, { host: global, path: access("latest"), token: tokenOf(gcp, app) });
	await waitUntil(() => gcp.calls().length === 1);
	t.is(gcp.openRequests(), 1);
	t.is(gcp.calls("secrets.access")[0]?.status, 0);
	t.is((await reading).status, 200);
	t.true(performance.now() - started >= 50);
	const resource = `${db}/versions/latest`;
	t.deepEqual(gcp.calls(), [
		{ operation: "secrets.access", host: global, resource, principal: `serviceAccount:${app}`, status: 200, connection: 1 },
	]);
	gcp.tokens.revokeAll();
	gcp.reset();
	t.deepEqual(gcp.counts(), {});
});

test("the certificate is good for Google's names, and by our authority alone", async (t) => {
	const gcp = await startGcp(t);
	const { port } = new URL(await gcp.address(global));
	const shake = (options: object) =>
		new Promise<string>((resolve) => {
			const socket = connect({ host: "127.0.0.1", port: Number(port), ...options }, () => resolve("good"));
			socket.once("error", ({ message }) => resolve(message));
			t.teardown(() => socket.destroy());
		});
	t.regex(await shake({ servername: global }), /unable to (verify|get)|self.signed/);
	const ca = readFileSync(gcp.caFile);
	t.is(await shake({ ca, servername: global }), "good");
	t.is(await shake({ ca, servername: regional }), "good");
	t.regex(await shake({ ca, servername: "elsewhere.example" }), /does not match certificate/);
});

test.serial("the proxy opens tunnels to Google's hosts, and can refuse or say nothing", async (t) => {
	const gcp = await startGcp(t);
	const open = (target: string, patience = 10_000) =>
		new Promise<number | string>((resolve) => {
			const asked = request(gcp.proxy.address, { method: "CONNECT", path: target, signal: AbortSignal.timeout(patience) });
			asked.once("connect", ({ statusCode = 0 }, socket) => {
				socket.destroy();
				resolve(statusCode);
			});
			asked.once("error", ({ name }) => resolve(name));
			asked.end();
		});
	t.is(await open(`${regional}:443`), 200);
	t.is(await open("secretmanager.nowhere1.rep.googleapis.com:443"), 502);
	t.is(await open("elsewhere.example:443"), 502);
	t.is(await open(`${global}:80`), 502);
	gcp.proxy.conduct = "refuse";
	t.is(await open(`${global}:443`), 403);
	gcp.proxy.conduct = "hang";
	t.regex(String(await open(`${global}:443`, 300)), noAnswer);
	t.is(gcp.proxy.targets.length, 6);
});
