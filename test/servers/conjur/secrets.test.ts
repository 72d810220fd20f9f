import test from "ava";
import type { Conjur } from "./conjur.ts";
import { ask } from "./requests.ts";
import { batchOf, binary, full, host, openStocked, parsed, read } from "./stocked.ts";

const inBase64 = { "accept-encoding": "base64" };

const batches: readonly { readonly name: string; readonly ids: string; readonly status: number; readonly says?: RegExp }[] = [
	{ name: "values", ids: batchOf("db/user", "db/password"), status: 200, says: /"acme:variable:db\/user":"of db\/user"/ },
	{ name: "an id with signs", ids: batchOf("a b+c?d%/e"), status: 200, says: /of a b\+c\?d%\/e/ },
	{ name: "trailing commas", ids: `${batchOf("db/user")},,`, status: 200 },
	{ name: "no ids", ids: "", status: 422, says: /"message":"variable_ids"/ },
	{ name: "a comma alone", ids: ",", status: 422 },
	{ name: "an empty id", ids: `,${batchOf("db/user")}`, status: 422 },
	{ name: "a blank id", ids: `${batchOf("db/user")},%20,${batchOf("binary")}`, status: 422 },
	{ name: "eleven dynamic ids", ids: batchOf(...Array.from({ length: 11 }, (_, index) => `data/dynamic/${index}`)), status: 422 },
	{
		name: "a missing one",
		ids: batchOf("db/user", "none", "none2"),
		status: 404,
		says: /CONJ00076E Variable acme:variable:none is empty or not found\./,
	},
	{ name: "one without a value", ids: batchOf("valueless"), status: 404, says: /CONJ00076E Variable acme:variable:valueless/ },
	{ name: "one twice", ids: batchOf("db/user", "db/user"), status: 404 },
	{ name: "one of another account", ids: "other%3Avariable%3Adb%2Fuser", status: 404 },
	{ name: "one without account and kind", ids: "db%2Fuser", status: 404 },
	{ name: "one that may not be read", ids: batchOf("db/user", "seen"), status: 403, says: /^$/ },
	{ name: "one that may not be seen", ids: batchOf("db/user", "unseen"), status: 403, says: /^$/ },
	{ name: "one that may not be read after a missing one", ids: batchOf("none", "seen"), status: 403 },
	{ name: "a binary value", ids: batchOf("binary"), status: 406, says: /CONJ00074E/ },
];

for (const { name, ids, status, says = /^/ } of batches) {
	test(`a batch with ${name}: ${status}`, async (t) => {
		const conjur = await openStocked(t);
		for (const slash of ["", "/"]) {
			const answer = await read(conjur, `/secrets${slash}?variable_ids=${ids}`);
			t.is(answer.status, status);
			t.regex(answer.body.toString(), says);
			t.is(answer.headers["content-encoding"], undefined);
		}
	});
}

test("some releases tell of a missing variable first", async (t) => {
	const conjur = await openStocked(t);
	conjur.secrets.tellsMissingFirst = true;
	t.is((await read(conjur, `/secrets?variable_ids=${batchOf("none", "seen")}`)).status, 404);
	t.is((await read(conjur, `/secrets?variable_ids=${batchOf("seen", "valueless")}`)).status, 403);
});

test("base64 comes in lines of sixty, and only to who accepts nothing else", async (t) => {
	const conjur = await openStocked(t);
	const path = `/secrets/?variable_ids=${batchOf("binary", "db/user")}`;
	const answer = await read(conjur, path, { headers: inBase64 });
	t.is(answer.headers["content-encoding"], "base64");
	const text = parsed(answer)[full("binary")] ?? "";
	t.deepEqual(
		text.split("\n").map(({ length }) => length),
		[60, 60, 20, 0],
	);
	t.deepEqual(Buffer.from(text, "base64"), binary);
	t.is((await read(conjur, path, { headers: { "accept-encoding": "BASE64" } })).status, 200);
	t.is((await read(conjur, path, { headers: { "accept-encoding": "base64, gzip" } })).status, 406);
	t.is((await read(conjur, `/secrets?variable_ids=${batchOf("valueless")}`, { headers: inBase64 })).status, 404);
});

const singles: readonly { readonly path: string; readonly status: number; readonly stranger?: number }[] = [
	{ path: "/secrets/acme/variable/db%2Fuser", status: 200 },
	{ path: "/secrets/acme/variable/db/user", status: 200 },
	{ path: "/secrets/acme/variable/a%20b%2Bc%3Fd%25%2Fe", status: 200 },
	{ path: "/secrets/acme/variable/binary", status: 200 },
	{ path: "/secrets/acme/variable/db%2Fuser?version=1", status: 200 },
	{ path: "/secrets/acme/variable/db%2Fuser?version=2", status: 404 },
	{ path: "/secrets/acme/variable/db%2Fuser?version=x", status: 422 },
	{ path: "/secrets/acme/variable/none", status: 404 },
	{ path: "/secrets/acme/variable/valueless", status: 404 },
	{ path: "/secrets/acme/variable/unseen", status: 404 },
	{ path: "/secrets/acme/variable/seen", status: 403 },
	{ path: "/secrets/other/variable/db%2Fuser", status: 404 },
	{ path: "/secrets/acme/host/db%2Fuser", status: 404, stranger: 404 },
	{ path: "/resources/acme/variable/seen", status: 200 },
	{ path: "/resources/acme/variable/valueless", status: 200 },
	{ path: "/resources/acme/variable/unseen", status: 404 },
	{ path: "/resources/acme/variable/none", status: 404 },
	{ path: "/nothing", status: 404, stranger: 404 },
];

for (const { path, status, stranger = 401 } of singles) {
	test(`GET ${path}: ${status}`, async (t) => {
		const conjur = await openStocked(t);
		t.is((await read(conjur, path)).status, status);
		t.is((await read(conjur, path, { token: "{}" })).status, stranger);
	});
}

test("a variable has versions, of which the last twenty can be read", async (t) => {
	const conjur = await openStocked(t);
	const { variables } = conjur;
	t.is(variables.set("db/user", "of db/user"), 1, "an equal value is no new version");
	for (let version = 2; version <= 25; version += 1) t.is(variables.set("db/user", `value ${version}`), version);
	const versions = JSON.parse((await read(conjur, "/resources/acme/variable/db%2Fuser")).body.toString()) as {
		secrets: { version: number }[];
	};
	t.deepEqual(
		versions.secrets.map(({ version }) => version),
		Array.from({ length: 20 }, (_, index) => index + 6),
	);
	const path = "/secrets/acme/variable/db%2Fuser";
	t.is((await read(conjur, path)).body.toString(), "value 25");
	t.is((await read(conjur, `${path}?version=6`)).body.toString(), "value 6");
	t.is((await read(conjur, `${path}?version=5`)).status, 404);
	variables.declare("db/user", "application/json");
	t.is((await read(conjur, path)).headers["content-type"], "application/json");
	variables.delete("db/user");
	t.is((await read(conjur, path)).status, 404);
	t.is(variables.set("db/user", "new"), 1);
});

const issued = (login: string, seconds?: number) => (conjur: Conjur) => conjur.tokens.issue(login, seconds);
const header = (form: (encoded: string) => string) => (conjur: Conjur) => form(Buffer.from(conjur.tokens.issue(host)).toString("base64"));
const changed = (conjur: Conjur) =>
	conjur.tokens.issue(host).replace(/"payload":"[^"]+"/, `"payload":"${btoa(JSON.stringify({ sub: host, exp: 9_999_999_999, iat: 0 }))}"`);

for (const { name, authorization, token, status } of [
	{ name: "a token", authorization: header((encoded) => `Token token="${encoded}"`), status: 200 },
	{ name: "a token without quotes", authorization: header((encoded) => `Token token=${encoded}`), status: 401 },
	{ name: "a bearer", authorization: header((encoded) => `Bearer ${encoded}`), status: 401 },
	{ name: "a token in base64url", authorization: () => 'Token token="-_-_"', status: 401 },
	{ name: "a token that is no JSON", authorization: () => `Token token="${btoa("x")}"`, status: 401 },
	{ name: "an expired token", token: issued(host, -1), status: 401 },
	{ name: "a token with other claims", token: changed, status: 401 },
	{ name: "a token of a role that is gone", token: issued("host/gone"), status: 401 },
	{ name: "a token that was revoked", token: (conjur: Conjur) => revoked(conjur), status: 401 },
	{ name: "nothing", status: 401 },
]) {
	test(`who shows ${name}: ${status}`, async (t) => {
		const conjur = await openStocked(t);
		const headers = authorization === undefined ? {} : { authorization: authorization(conjur) };
		const given = token === undefined ? {} : { token: token(conjur) };
		for (const path of ["/whoami", `/secrets?variable_ids=${batchOf("db/user")}`, "/resources/acme/variable/db%2Fuser"])
			t.is((await ask(conjur, { path, headers, ...given })).status, status);
		t.is((await ask(conjur, { path: "/" })).status, 200, "the root needs no token");
	});
}

function revoked(conjur: Conjur): string {
	const old = conjur.tokens.issue(host);
	conjur.tokens.revokeAll();
	return old;
}

test("a right can be taken away while a token lives", async (t) => {
	const conjur = await openStocked(t);
	const path = "/secrets/acme/variable/db%2Fuser";
	conjur.policy.revoke(host, "variable:db/user");
	t.is((await read(conjur, path)).status, 404);
	conjur.policy.permit(host, ["read"], "variable:db/user");
	t.is((await read(conjur, path)).status, 403);
	conjur.policy.permit(host, ["execute"], "variable:db/user");
	t.is((await read(conjur, path)).status, 200);
	conjur.policy.revoke(host);
	t.is((await read(conjur, path)).status, 404);
});
