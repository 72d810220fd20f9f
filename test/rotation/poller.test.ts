import test from "ava";
import type { Broker } from "../../provider/broker/broker.ts";
import type { Admission } from "../../provider/plan/admission.ts";
import { Poller } from "../../provider/rotation/poller.ts";
import type { Wanted } from "../../provider/rotation/wanted.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Outcome } from "../../provider/stores/store.ts";
import { plannedStore } from "../support/fake-store.ts";
import { waitUntil } from "../support/wait-until.ts";

const refreshMilliseconds = 100_000;
const found: Outcome = { kind: "found", value: new Secret("v"), structure: "bytes" };

/** Refs of two identities whose values are as old as the test says, and what a round asks for. */
function setUp(batchSize: number, ages: Readonly<Record<string, number>>, parts: Iterator<number>) {
	const asked: string[] = [];
	let underWay = 0;
	let most = 0;
	const wanted = Object.keys(ages).map(
		(key) => ({ key, ref: { key }, refreshMilliseconds, asked: askedAs(key.split("/")[0] ?? "") }) as unknown as Wanted,
	);
	const broker = {
		session: () => ({ batchSize }),
		known: (_: unknown, { key }: { key: string }) => ({ outcome: found, askedAt: -(ages[key] ?? 0) * refreshMilliseconds }),
		async refresh(_: unknown, { key }: { key: string }) {
			asked.push(key);
			underWay += 1;
			most = Math.max(most, underWay);
			await new Promise((resolve) => setImmediate(resolve));
			underWay -= 1;
			return found;
		},
	} as unknown as Broker;
	const poller = new Poller({
		broker,
		wanted: () => wanted,
		looked: () => undefined,
		refreshed: () => undefined,
		failed: () => undefined,
		now: () => 0,
		random: () => parts.next().value ?? 0,
	});
	return { poller, asked, most: () => most };
}

function askedAs(identity: string): Wanted["asked"] {
	const admission = { identity: { key: identity }, tokenExpiresAt: Number.POSITIVE_INFINITY } as Admission;
	return { store: plannedStore(), admission, credentials: new Map(), podUid: "" };
}

/** A ref is due at 0.75 of its time plus a fifth of what chance gives. */
const chances = (...given: number[]) => given[Symbol.iterator]();

test("where a store has batches, what is nearly due goes along with what is due, of the same identity alone", async (t) => {
	const ages = { "one/due": 0.8, "one/nearly": 0.8, "one/young": 0.5, "two/nearly": 0.8 };
	const batched = setUp(20, ages, chances(0, 1, 1, 1));
	await batched.poller.tick();
	t.deepEqual(batched.asked.sort(), ["one/due", "one/nearly"]);
	const single = setUp(1, ages, chances(0, 1, 1, 1));
	await single.poller.tick();
	t.deepEqual(single.asked, ["one/due"]);
});

test("as many refs are under way at once as a batch holds, and few where there are none", async (t) => {
	const ages = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`one/${index}`, 1]));
	const batched = setUp(20, ages, chances());
	await batched.poller.tick();
	t.is(batched.most(), 20);
	const single = setUp(1, ages, chances());
	await single.poller.tick();
	t.is(single.most(), 8);
});

test("what a store tells of while a round goes on is asked for as soon as that is over", async (t) => {
	const ages = { "one/due": 1, "one/young": 0 };
	const { poller, asked } = setUp(1, ages, chances());
	const round = poller.tick();
	ages["one/due"] = 0;
	// The tick of this very moment finds the store busy.
	poller.hurry("one/young");
	await poller.tick();
	await round;
	t.deepEqual(asked, ["one/due"], "a store is asked in one round at a time");
	await waitUntil(() => asked.length > 1);
	t.deepEqual(asked, ["one/due", "one/young"]);
});
