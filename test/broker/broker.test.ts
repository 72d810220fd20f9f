import test, { type ExecutionContext } from "ava";
import { type Answer, Broker } from "../../provider/broker/broker.ts";
import { ProviderError } from "../../provider/errors.ts";
import type { Admission } from "../../provider/plan/admission.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Identity, Outcome, Ref, Session, Store } from "../../provider/stores/store.ts";
import { fakeInstance, fakeSession, fakeStore, plannedStore, planOf } from "../support/fake-store.ts";

const found: Outcome = { kind: "found", value: new Secret("v"), structure: "bytes" };
const denied: Outcome = { kind: "denied", error: new ProviderError("denied", "no right") };

function admissionOf(serviceAccount = "web"): Admission {
	const identity: Identity = { key: serviceAccount, audience: "vault", namespace: "shop", serviceAccount, role: "" };
	return { identity, token: new Secret("token"), tokenExpiresAt: Number.MAX_SAFE_INTEGER, allowsAddress: () => true };
}

/** A broker over a store that counts what it is asked. */
function setUp(
	read: (ref: Ref, signal: AbortSignal, login: number) => Promise<Outcome>,
	options: {
		concurrency?: number;
		expiresAt?: Date;
		maximumAge?: number;
		maximumBytes?: number;
		maximumStale?: number;
		now?: () => number;
		store?: Store;
		endpoints?: readonly string[];
	} = {},
) {
	const counts = { logins: 0, reads: 0, underWay: 0, mostUnderWay: 0 };
	const store = fakeStore(async (_instance, _identity, context): Promise<Session> => {
		counts.logins += 1;
		const login = counts.logins;
		const session = fakeSession((ref, signal) =>
			context.schedule(async () => {
				counts.reads += 1;
				counts.underWay += 1;
				counts.mostUnderWay = Math.max(counts.mostUnderWay, counts.underWay);
				try {
					return await read(ref, signal, login);
				} finally {
					counts.underWay -= 1;
				}
			}),
		);
		return options.expiresAt === undefined ? session : { ...session, expiresAt: options.expiresAt };
	});
	const broker = new Broker({
		concurrency: options.concurrency ?? 16,
		maximumAgeMilliseconds: options.maximumAge ?? 0,
		maximumStaleMilliseconds: options.maximumStale ?? 0,
		maximumBytes: options.maximumBytes ?? 1024 * 1024,
		...(options.now === undefined ? {} : { now: options.now }),
		leases: { log: { info: () => undefined, warn: () => undefined }, onReplaced: () => undefined, onChanged: () => undefined },
		store: async () => options.store ?? store,
		addressGuard: () => () => true,
	});
	const planned = plannedStore({ instance: fakeInstance(options.endpoints === undefined ? {} : { endpoints: options.endpoints }) });
	const ask = (objects: readonly string[], signal = new AbortController().signal, admission = admissionOf()) =>
		broker.fetch({ plan: planOf([planned], objects), admissions: [admission], credentials: new Map(), podUid: "pod", signal });
	const fetch = async (...parameters: Parameters<typeof ask>) => outcomesOf(await ask(...parameters));
	return { counts, fetch, ask, broker, planned };
}

function outcomesOf(answers: ReadonlyMap<string, Answer>): ReadonlyMap<string, Answer["outcome"]> {
	return new Map([...answers].map(([name, { outcome }]) => [name, outcome]));
}

function kindsOf(outcomes: ReadonlyMap<string, { readonly kind: string }>): readonly string[] {
	return [...outcomes.values()].map((outcome) => outcome.kind);
}

/** Reads that end when the test says so. */
function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
	const { promise, resolve } = Promise.withResolvers<void>();
	return { open: resolve, opened: promise };
}

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

test("in an outage the last known good value of the same identity stands in, with its age, and nobody else gets it", async (t) => {
	let down = false;
	const { ask } = setUp(
		async () => {
			if (down) throw new ProviderError("unreachable", "down");
			return foundText("v");
		},
		{ maximumStale: 60_000 },
	);
	t.is((await ask(["a"])).get("a")?.staleSeconds, undefined);
	down = true;
	const stale = (await ask(["a"])).get("a");
	t.is(textOf(stale?.outcome), "v");
	t.true((stale?.staleSeconds ?? -1) >= 0);
	t.is((await ask(["never-read"])).get("never-read")?.outcome.kind, "failed");
	t.is((await ask(["a"], undefined, admissionOf("other"))).get("a")?.outcome.kind, "failed");
	down = false;
	t.is((await ask(["a"])).get("a")?.staleSeconds, undefined);
});

test("a value older than the bound stands in for nothing", async (t) => {
	let down = false;
	const { fetch } = setUp(
		async () => {
			if (down) throw new ProviderError("unreachable", "down");
			return foundText("v");
		},
		{ maximumStale: 5 },
	);
	await fetch(["a"]);
	down = true;
	await new Promise((resolve) => setTimeout(resolve, 10));
	t.deepEqual(kindsOf(await fetch(["a"])), ["failed"]);
});

test("through an hour's outage known identities go on, unknown ones fail, and its end brings one read per ref", async (t) => {
	let [down, clock] = [false, 0];
	const { ask, counts } = setUp(
		async () => {
			if (down) throw new ProviderError("unreachable", "down");
			return foundText("v");
		},
		{ maximumAge: 60_000, maximumStale: 12 * 3_600_000, now: () => clock },
	);
	const identities = Array.from({ length: 20 }, (_, index) => admissionOf(`account-${index}`));
	const round = () => Promise.all(identities.map((admission) => ask(["a", "b"], undefined, admission)));
	await round();
	down = true;
	for (let minute = 1; minute <= 60; minute += 1) {
		clock = minute * 60_000 + 1;
		const answers = await round();
		t.true(answers.every((answer) => textOf(answer.get("a")?.outcome) === "v"));
		t.is(Math.round(answers[0]?.get("a")?.staleSeconds ?? 0), minute * 60);
		t.is((await ask(["a"], undefined, admissionOf("newcomer"))).get("a")?.outcome.kind, "failed");
	}
	down = false;
	clock += 60_000;
	counts.reads = 0;
	const back = await Promise.all([round(), round(), round()]);
	t.true(back.flat().every((answer) => answer.get("a")?.staleSeconds === undefined));
	t.is(counts.reads, 40);
	clock += 12 * 3_600_000;
	down = true;
	t.deepEqual(kindsOf(outcomesOf(await ask(["a"], undefined, identities[0]))), ["failed"], "older than it may be");
});

test("nothing stands in after the store has said no, and the last value can be had for those who keep it", async (t) => {
	let outcome: Outcome | undefined = foundText("v");
	const { ask, broker, planned } = setUp(
		async () => {
			if (outcome === undefined) throw new ProviderError("unreachable", "down");
			return outcome;
		},
		{ maximumStale: 60_000 },
	);
	await ask(["a"]);
	outcome = denied;
	t.is((await ask(["a"])).get("a")?.outcome.kind, "denied");
	outcome = undefined;
	t.is((await ask(["a"])).get("a")?.outcome.kind, "failed");
	const asked = (account: string) => ({ store: planned, admission: admissionOf(account), credentials: new Map(), podUid: "pod" });
	t.is(textOf(broker.withdrawn(asked("web"), { key: "a" })), "v");
	t.is(broker.withdrawn(asked("other"), { key: "a" }), undefined);
});

test("nothing stands in after a login was refused", async (t) => {
	let login: "works" | "refused" | "down" = "works";
	const store = fakeStore(async () => {
		if (login === "works") return { ...fakeSession(async () => foundText("v")), expiresAt: new Date(Date.now() + 10_050) };
		throw new ProviderError(login === "refused" ? "denied" : "unreachable", login);
	});
	const { ask } = setUp(async () => foundText("v"), { maximumStale: 60_000, store });
	t.is(textOf((await ask(["a"])).get("a")?.outcome), "v");
	await new Promise((resolve) => setTimeout(resolve, 60));
	login = "refused";
	const refused = (await ask(["a"])).get("a")?.outcome;
	t.is(refused?.kind === "failed" ? refused.error.code : refused?.kind, "denied");
	login = "down";
	t.is((await ask(["a"])).get("a")?.outcome.kind, "failed");
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

function foundText(text: string): Outcome {
	return { kind: "found", value: new Secret(text), structure: "bytes" };
}

function textOf(outcome: Outcome | Answer["outcome"] | undefined): string | undefined {
	return outcome?.kind === "found" ? outcome.value.reveal().toString() : undefined;
}

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
