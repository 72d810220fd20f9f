import test from "ava";
import { Tokens, validityOf } from "../../../provider/stores/confidant/kmsauth.ts";
import { type Confidant, startConfidant } from "../../servers/confidant/confidant.ts";
import { addRole, connect, entryAt, makeInstance, told } from "./harness.ts";

let confidant: Confidant;

test.before(async () => {
	confidant = await startConfidant(undefined);
});
test.after.always(() => confidant?.stop());

const minutes = 60_000;

test("a token begins three minutes early, and is renewed three minutes before its end", (t) => {
	const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
	const { plaintext, renewAt } = validityOf(now, 600);
	t.is(plaintext, '{"not_before":"20260102T030105Z","not_after":"20260102T031105Z"}');
	t.is(renewAt, now + 4 * minutes);
});

test("a token is made once, by whoever is first, and again when it is due or forgotten", async (t) => {
	let now = Date.UTC(2026, 0, 2);
	let made = 0;
	const encrypt = async () => {
		made += 1;
		return Buffer.from(`sealed ${made}`);
	};
	const instance = { to: "confidant", tokenVersion: 2, tokenSeconds: 600 } as const;
	const tokens = new Tokens({ instance, from: "web", encrypt, now: () => now });
	const signal = new AbortController().signal;
	const [first, second] = await Promise.all([tokens.current(signal), tokens.current(signal)]);
	t.is(first.token, second.token);
	t.is(first.token.user, "2/service/web");
	t.is(Buffer.from(first.token.token.reveal().toString(), "base64").toString(), "sealed 1");
	now += 4 * minutes - 1;
	t.deepEqual(await tokens.current(signal), { token: first.token, isKept: true });
	now += 1;
	const { token: renewed } = await tokens.current(signal);
	t.not(renewed, first.token);
	tokens.forget(first.token);
	t.is((await tokens.current(signal)).token, renewed, "what is forgotten is the token that was refused");
	tokens.forget(renewed);
	t.false((await tokens.current(signal)).isKept);
	t.is(made, 3);
});

test("a call that fails leaves the next one to try again", async (t) => {
	let isBroken = true;
	const encrypt = async () => {
		if (isBroken) throw new Error("broken");
		return Buffer.from("sealed");
	};
	const tokens = new Tokens({ instance: { to: "confidant", tokenVersion: 1, tokenSeconds: 600 }, from: "web", encrypt });
	const signal = new AbortController().signal;
	await t.throwsAsync(tokens.current(signal), { message: "broken" });
	isBroken = false;
	t.is((await tokens.current(signal)).token.user, "web");
});

for (const [service, what, options] of [
	["v2", "of version 2", {}],
	["v1", "of version 1", { tokenVersion: "1" }],
	["long", "of an hour", { tokenLifetime: "60m" }],
	["short", "of seven minutes", { tokenLifetime: "7m" }],
	["a+b=c,d.e@f-g_h", "for a role of every character", {}],
] as const) {
	test(`the server takes a token ${what}, and gives the service of the role's name`, async (t) => {
		const role = addRole(confidant, service, "app");
		await confidant.putService(service, [await confidant.createCredential(`db of ${service}`, { password: service })]);
		const session = await connect(makeInstance(entryAt(confidant, options)), { role, serviceAccount: "app" });
		t.deepEqual(await told(session, `db of ${service}`), [JSON.stringify({ password: service })]);
	});
}
