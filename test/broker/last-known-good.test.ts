import test from "ava";
import { ProviderError } from "../../provider/errors.ts";
import type { Outcome } from "../../provider/stores/store.ts";
import { fakeSession, fakeStore } from "../support/fake-store.ts";
import { admissionOf, denied, foundText, kindsOf, outcomesOf, setUp, textOf } from "./broker-support.ts";

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
