import test from "ava";
import { Holdings } from "../../provider/rotation/holdings.ts";
import { Secret } from "../../provider/shared/secret.ts";
import { plannedStore, planOf, requestOf } from "../support/fake-store.ts";
import { makePod } from "../support/pods.ts";

const minute = 60_000;
const pod = makePod({ uid: "uid-a" });
const plan = planOf([plannedStore()], ["o"]);

function open(now: () => number = () => 0, changed = (): void => undefined): Holdings {
	return new Holdings(5 * minute, now, changed);
}

function deliver(holdings: Holdings, version = "v1", withdrawn: readonly string[] = [], to = pod): void {
	holdings.note(requestOf(to), { plan, admissions: [], versions: new Map([["o", version]]), withdrawn: new Set(withdrawn) });
}

/** What a file brings to the next process. */
function overRestart(holdings: Holdings, next = open()): Holdings {
	const kept: unknown = JSON.parse(JSON.stringify(holdings.snapshot()));
	if (!next.restore(kept)) throw new Error("the snapshot was not taken");
	return next;
}

test("after a restart a volume is known by what it held, until it asks again, to its own account alone", (t) => {
	const before = open();
	deliver(before);
	const after = overRestart(overRestart(before), open());
	t.is(after.of(requestOf(pod))?.delivered.get("o"), "v1");
	t.is(after.of(requestOf({ ...pod, serviceAccount: "other" })), undefined);
	t.is(after.of({ ...requestOf(pod), targetPath: "/elsewhere" }), undefined);
	t.deepEqual(after.all(), [], "nothing is polled for it before it asks");
	deliver(after, "v2");
	t.is(after.of(requestOf(pod))?.delivered.get("o"), "v2");
	t.is(after.snapshot().volumes.length, 1);
});

test("a period of grace goes on over a restart, whatever the clocks of the processes", (t) => {
	let clock = 1_000_000;
	const before = open(() => clock);
	deliver(before);
	const held = before.of(requestOf(pod));
	if (held === undefined) throw new Error("it was delivered");
	before.noteWithdrawn(held, "o");
	clock += 3 * minute;
	before.noteWithdrawn(held, "o");
	const after = overRestart(
		before,
		open(() => 50),
	);
	const since = after.of(requestOf(pod))?.withdrawnSince.get("o") ?? 0;
	t.true(Math.abs(50 - since - 3 * minute) < 1000, `${since}`);
	deliver(after, "v1", ["o"]);
	t.is(after.of(requestOf(pod))?.withdrawnSince.get("o"), since);
	deliver(after);
	t.is(after.of(requestOf(pod))?.withdrawnSince.size, 0, "the store has it again");
});

test("a volume that comes with other credentials is asked for with those from then on, though nothing in it has changed", (t) => {
	const holdings = open();
	const versions = new Map([["o", "v1"]]);
	const deliverAs = (key: string) => {
		const identity = { key, audience: "a", namespace: pod.namespace, serviceAccount: pod.serviceAccount, role: "" };
		const admission = { identity, token: new Secret(""), tokenExpiresAt: Number.POSITIVE_INFINITY, allowsAddress: () => true };
		const credentials = new Map([["secret", new Secret(key)]]);
		holdings.note({ ...requestOf(pod), credentials }, { plan, admissions: [admission], versions, withdrawn: new Set() });
	};
	for (const key of ["one", "one", "two"]) {
		deliverAs(key);
		const [holding] = holdings.all();
		t.is(holding?.admissions[0]?.identity.key, key);
		t.is(holding?.credentials.get("secret")?.reveal().toString(), key);
	}
});

const ends: readonly { readonly name: string; end(holdings: Holdings, setClock: (time: number) => void): void }[] = [
	{ name: "its pod is gone", end: (holdings) => holdings.forget(pod.uid) },
	{ name: "a list asked for later does not hold its pod", end: (holdings) => holdings.forgetOthers(new Set(["uid-b"]), 1) },
	{
		name: "nobody asks for it in time",
		end(holdings, setClock) {
			setClock(5 * minute + 1);
			holdings.all();
		},
	},
];

for (const { name, end } of ends) {
	test(`what was restored of a volume is forgotten when ${name}`, (t) => {
		let [clock, changes] = [0, 0];
		const holdings = open(
			() => clock,
			() => {
				changes += 1;
			},
		);
		const before = open();
		deliver(before);
		overRestart(before, holdings);
		holdings.forgetOthers(new Set(["uid-b"]), 0);
		holdings.forgetOthers(new Set([pod.uid]), 1);
		holdings.forget("uid-b");
		t.is(holdings.of(requestOf(pod))?.delivered.get("o"), "v1");
		t.is(changes, 0);
		end(holdings, (time) => {
			clock = time;
		});
		t.is(holdings.of(requestOf(pod)), undefined);
		t.is(changes, 1);
		t.deepEqual(holdings.snapshot().volumes, []);
	});
}

test("what was restored of a volume stays known while it is asked for, though its mounts fail", (t) => {
	let clock = 0;
	const before = open();
	deliver(before);
	const holdings = overRestart(
		before,
		open(() => clock),
	);
	for (clock = 0; clock <= 30 * minute; clock += minute) {
		holdings.asked(requestOf(pod));
		holdings.all();
	}
	t.is(holdings.of(requestOf(pod))?.delivered.get("o"), "v1");
});

test("a delivery of something else is a change to save, and the usual remount is none", (t) => {
	let changes = 0;
	const holdings = open(
		() => 0,
		() => {
			changes += 1;
		},
	);
	for (const [version, expected] of [
		["v1", 1],
		["v1", 1],
		["v2", 2],
	] as const) {
		deliver(holdings, version);
		t.is(changes, expected);
	}
});

for (const kept of [
	null,
	{ version: 2, volumes: [] },
	{ version: 1, volumes: [{ key: "k", podUid: 1, delivered: [], withdrawnSince: [] }] },
	{ version: 1, volumes: [{ key: "k", podUid: "p", delivered: [["o"]], withdrawnSince: [] }] },
	{ version: 1, volumes: [{ key: "k", podUid: "p", delivered: [], withdrawnSince: [["o", "1"]] }] },
]) {
	test(`${JSON.stringify(kept)} is no snapshot of deliveries`, (t) => {
		t.false(open().restore(kept));
	});
}
