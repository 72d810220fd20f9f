import test, { type ExecutionContext } from "ava";
import { Broker } from "../../provider/broker/broker.ts";
import { ProviderError } from "../../provider/errors.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Outcome } from "../../provider/stores/store.ts";
import { fakeInstance, fakeSession, fakeStore, plannedStore, planOf } from "../support/fake-store.ts";
import { admissionOf, denied, foundText, gate, kindsOf, outcomesOf, setUp, textOf } from "./broker-support.ts";

const found: Outcome = { kind: "found", value: new Secret("v"), structure: "bytes" };

test("ten objects of one identity take one login, and the next mounts take none", async (t) => {
	const { counts, fetch } = setUp(async () => found);
	const names = Array.from({ length: 10 }, (_, index) => `o${index}`);
	t.deepEqual(new Set(kindsOf(await fetch(names))), new Set(["found"]));
	t.deepEqual({ logins: counts.logins, reads: counts.reads }, { logins: 1, reads: 10 });
	await fetch(names);
	t.is(counts.logins, 1);
});

test("refs are read side by side, up to the limit of the store instance", async (t) => {
	const { open, opened } = gate();
	const { counts, fetch } = setUp(async () => opened.then(() => found), { concurrency: 4 });
	const fetched = fetch(Array.from({ length: 10 }, (_, index) => `o${index}`));
	await until(t, () => counts.underWay === 4);
	open();
	await fetched;
	t.is(counts.mostUnderWay, 4);
});

test("a hundred callers that want one object at once share one read, and each identity asks for itself", async (t) => {
	const { open, opened } = gate();
	const { counts, fetch } = setUp(async () => opened.then(() => found));
	const callers = Array.from({ length: 100 }, () => fetch(["o"]));
	const stranger = fetch(["o"], new AbortController().signal, admissionOf("other"));
	await until(t, () => counts.reads === 2);
	open();
	await Promise.all([...callers, stranger]);
	t.deepEqual({ logins: counts.logins, reads: counts.reads }, { logins: 2, reads: 2 });
});

test("followers outlive a leader that gives up", async (t) => {
	const { open, opened } = gate();
	const { counts, fetch } = setUp(async (_ref, signal) => Promise.race([opened.then(() => found), aborted(signal)]));
	const leader = new AbortController();
	const [first, second] = [fetch(["o"], leader.signal), fetch(["o"])];
	await until(t, () => counts.reads === 1);
	leader.abort(new ProviderError("stopped", "gone"));
	t.deepEqual(kindsOf(await first), ["failed"]);
	open();
	t.deepEqual(kindsOf(await second), ["found"]);
	t.is(counts.reads, 1);
});

test("a read that nobody waits for any more is aborted, and the next caller starts anew", async (t) => {
	const signals: AbortSignal[] = [];
	const { counts, fetch } = setUp(async (_ref, signal) => {
		signals.push(signal);
		return signals.length === 1 ? aborted(signal) : found;
	});
	const caller = new AbortController();
	const first = fetch(["o"], caller.signal);
	await until(t, () => counts.reads === 1);
	caller.abort(new ProviderError("stopped", "gone"));
	await first;
	t.true(signals[0]?.aborted);
	t.deepEqual(kindsOf(await fetch(["o"])), ["found"]);
});

test("a login that the store has ended is renewed once, and the read is tried again", async (t) => {
	let ended = false;
	const { counts, fetch } = setUp(async (_ref, _signal, login) => (ended && login === 1 ? denied : found));
	await fetch(["a", "b"]);
	ended = true;
	t.deepEqual(kindsOf(await fetch(["a", "b"])), ["found", "found"]);
	t.is(counts.logins, 2);
});

test("a denial that a fresh login meets too is believed, and costs no further logins", async (t) => {
	const { counts, fetch } = setUp(async () => denied);
	for (let round = 0; round < 10; round += 1) t.deepEqual(kindsOf(await fetch(["o"])), ["denied"]);
	t.true(counts.logins <= 2, `${counts.logins} logins`);
});

test("a session about to end is not used again", async (t) => {
	const { counts, fetch } = setUp(async () => found, { expiresAt: new Date(Date.now() + 5_000) });
	await fetch(["o"]);
	await fetch(["o"]);
	t.is(counts.logins, 2);
});

test("one object's outage leaves the others' outcomes, and whatever a store throws becomes a failure", async (t) => {
	const thrown: Record<string, unknown> = {
		outage: new ProviderError("unreachable", "down"),
		text: "a text",
		nothing: undefined,
		type: new TypeError("x of undefined"),
	};
	const { fetch } = setUp(async (ref) => {
		if (ref.key in thrown) throw thrown[ref.key];
		return found;
	});
	const outcomes = await fetch(["good", ...Object.keys(thrown)]);
	t.is(outcomes.get("good")?.kind, "found");
	const codes = Object.keys(thrown).map((name) => {
		const outcome = outcomes.get(name);
		return outcome?.kind === "failed" ? outcome.error.code : outcome?.kind;
	});
	t.deepEqual(codes, ["unreachable", "internal", "internal", "internal"]);
});

test("a login refused is tried anew by the next mount", async (t) => {
	let refuse = true;
	const store = fakeStore(async () => {
		if (refuse) throw new ProviderError("denied", "role unknown");
		return fakeSession(async () => found);
	});
	const broker = new Broker({
		concurrency: 4,
		maximumAgeMilliseconds: 0,
		maximumStaleMilliseconds: 0,
		maximumBytes: 1024,
		leases: { log: { info: () => undefined, warn: () => undefined }, onReplaced: () => undefined, onChanged: () => undefined },
		store: async () => store,
		addressGuard: () => () => true,
	});
	const fetch = async () =>
		outcomesOf(
			await broker.fetch({
				plan: planOf([plannedStore({ instance: fakeInstance() })], ["o"]),
				admissions: [admissionOf()],
				credentials: new Map(),
				podUid: "pod",
				signal: new AbortController().signal,
			}),
		);
	t.deepEqual(kindsOf(await fetch()), ["failed"]);
	refuse = false;
	t.deepEqual(kindsOf(await fetch()), ["found"]);
});

test("a value young enough is not asked for again, and one identity's value is never another's", async (t) => {
	const { counts, fetch } = setUp(async () => foundText("v"), { maximumAge: 60_000 });
	for (let round = 0; round < 10; round += 1) t.is(textOf((await fetch(["a", "b"])).get("a")), "v");
	t.is(counts.reads, 2);
	await fetch(["a"], undefined, admissionOf("other"));
	t.is(counts.reads, 3);
});

test("a value past its age is asked for again", async (t) => {
	let content = "one";
	const { fetch } = setUp(async () => foundText(content), { maximumAge: 5 });
	t.is(textOf((await fetch(["a"])).get("a")), "one");
	content = "two";
	await new Promise((resolve) => setTimeout(resolve, 10));
	t.is(textOf((await fetch(["a"])).get("a")), "two");
});

test("equal content read again stays the same object, so that nothing is made of it twice", async (t) => {
	const { fetch } = setUp(async () => foundText("v"));
	const first = (await fetch(["a"])).get("a");
	t.is((await fetch(["a"])).get("a"), first);
});

test("an absence is remembered for seconds only", async (t) => {
	const { counts, fetch } = setUp(async () => ({ kind: "absent", error: new ProviderError("absent", "nothing") }), { maximumAge: 60_000 });
	await Promise.all([fetch(["a"]), fetch(["a"])]);
	await fetch(["a"]);
	t.is(counts.reads, 1);
});

test("what a store inside the process says is never kept", async (t) => {
	const { counts, fetch } = setUp(async () => foundText("v"), { maximumAge: 60_000, endpoints: [] });
	await fetch(["a"]);
	await fetch(["a"]);
	t.is(counts.reads, 2);
});

test("values beyond the bound of bytes are dropped and overwritten, and no caller ever gets an overwritten one", async (t) => {
	const all: Secret[] = [];
	const slow = gate();
	const { fetch } = setUp(
		async (ref) => {
			if (ref.key === "slow") await slow.opened;
			const value = new Secret("x".repeat(1000));
			all.push(value);
			return { kind: "found", value, structure: "bytes" };
		},
		{ maximumAge: 60_000, maximumBytes: 50_000 },
	);
	const waiting = fetch(["early", "slow"]);
	for (let round = 0; round < 40; round += 1) {
		t.is(textOf((await fetch([`o${round}`])).get(`o${round}`)), "x".repeat(1000));
		await new Promise((resolve) => setImmediate(resolve));
	}
	slow.open();
	const outcomes = await waiting;
	t.is(textOf(outcomes.get("early")), "x".repeat(1000), "its first value was evicted while the slow one was waited for");
	await new Promise((resolve) => setImmediate(resolve));
	const wiped = all.filter((value) => value.reveal().every((byte) => byte === 0));
	t.true(wiped.length >= 30, `${wiped.length} of ${all.length} were overwritten`);
});

test("a refresh asks whatever the age, and what it brings is the next mount's answer", async (t) => {
	let content = "one";
	const { fetch, broker, planned } = setUp(async () => foundText(content), { maximumAge: 60_000 });
	await fetch(["a"]);
	content = "two";
	t.is(textOf((await fetch(["a"])).get("a")), "one");
	const asked = { store: planned, admission: admissionOf(), credentials: new Map(), podUid: "pod" };
	t.is(textOf(await broker.refresh(asked, { key: "a" }, new AbortController().signal)), "two");
	t.is(textOf((await fetch(["a"])).get("a")), "two");
});

function aborted(signal: AbortSignal): Promise<never> {
	return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

async function until(t: ExecutionContext, condition: () => boolean): Promise<void> {
	for (let turn = 0; turn < 1000; turn += 1) {
		if (condition()) return;
		await new Promise((resolve) => setImmediate(resolve));
	}
	t.fail("the condition was never met");
}
