import test, { type ExecutionContext } from "ava";
import { LeasedRefs } from "../../provider/broker/leases/leased-refs.ts";
import { ProviderError } from "../../provider/errors.ts";
import { fakeInstance } from "../support/fake-store.ts";
import { type LeaseStore, type LeaseStoreOptions, makeKeeper, readFor, textOf } from "./lease-store.ts";
import { restart, setUp } from "./lease-support.ts";

const hour = 3600;
const outage = new ProviderError("unreachable", "the store is down");
const denied = new ProviderError("denied", "no right");

test("a lease is renewed at two thirds of its life, and every remount of an hour gets the same value", async (t) => {
	const { clock, store, keeper, told } = setUp({ leaseSeconds: 60, loginSeconds: 300 });
	const first = await readFor(keeper, store, "pod");
	const began = clock.now();
	for (let mount = 0; mount < 120; mount += 1) {
		await clock.advance(hour / 120);
		t.is(await readFor(keeper, store, "pod"), first);
	}
	t.like(store.counts, { connect: 1, read: 1 });
	const waits = store.renewedAt.map((at, index) => (at - (store.renewedAt[index - 1] ?? began)) / 1000);
	t.true(
		waits.every((wait) => wait >= 36 && wait <= 40),
		`${waits}`,
	);
	t.is(waits.length, Math.floor(hour / 38));
	t.true(store.counts.renewLogin >= 18 && store.counts.renewLogin <= 20);
	t.deepEqual(told.replaced, []);
});

test("two mounts of one pod share a lease, and two pods never do", async (t) => {
	const { store, keeper } = setUp({ leaseSeconds: 60 });
	const [one, same, other] = await Promise.all(["a", "a", "b"].map((podUid) => readFor(keeper, store, podUid)));
	t.is(one, same);
	t.not(textOf(one), textOf(other));
	t.like(store.counts, { connect: 2, read: 2 });
});

const replacements: readonly {
	readonly title: string;
	readonly options: LeaseStoreOptions;
	readonly prepare?: (store: LeaseStore) => void;
	/** Seconds after which the first value must still be there, and the second one must be. */
	readonly before: number;
	readonly after: number;
}[] = [
	{ title: "is truncated by its longest life", options: { leaseSeconds: 60, longestLeaseSeconds: 100 }, before: 70, after: 85 },
	{ title: "cannot be renewed", options: { leaseSeconds: 60, renewable: false }, before: 30, after: 41 },
	{ title: "is only an end, as of a certificate", options: { leaseSeconds: 86_400, withoutId: true }, before: 50_000, after: 60_000 },
	{
		title: "is refused a renewal",
		options: { leaseSeconds: 60 },
		prepare: (store) => store.failures.set("renew", denied),
		before: 30,
		after: 41,
	},
];

for (const { title, options, prepare, before, after } of replacements) {
	test(`a lease that ${title} is replaced before its end, and the pod is told about`, async (t) => {
		const { clock, store, keeper, told } = setUp(options);
		prepare?.(store);
		t.is(textOf(await readFor(keeper, store, "pod", "x")), "x number 1");
		await clock.advance(before);
		t.is(textOf(await readFor(keeper, store, "pod", "x")), "x number 1");
		t.deepEqual(told.replaced, []);
		await clock.advance(after - before);
		t.is(textOf(await readFor(keeper, store, "pod", "x")), "x number 2");
		t.like(store.counts, { connect: 1, read: 2 });
		t.deepEqual(told.replaced, ["pod found"]);
	});
}

test("an outage is sat out: few calls, no new value, and a renewal as soon as the store is back", async (t) => {
	const { clock, store, keeper, told } = setUp({ leaseSeconds: 600, loginSeconds: 6000 });
	const first = await readFor(keeper, store, "pod");
	await clock.advance(350);
	store.failures.set("renew", outage);
	await clock.advance(200);
	t.true(store.counts.renew >= 5 && store.counts.renew <= 12, `${store.counts.renew} calls`);
	t.is(keeper.get("pod", "shop/web", { key: "database/creds/shop" }), first.kind === "found" ? first : undefined);
	store.failures.clear();
	await clock.advance(hour);
	t.is(await readFor(keeper, store, "pod"), first);
	t.is(store.counts.read, 1);
	t.deepEqual(told.replaced, []);
});

test("a store that comes back shortly before the end is asked in time", async (t) => {
	const { clock, store, keeper } = setUp({ leaseSeconds: 600 });
	await readFor(keeper, store, "pod", "x");
	store.failures.set("renew", outage);
	await clock.advance(590);
	store.failures.clear();
	await clock.advance(hour);
	t.is(textOf(await readFor(keeper, store, "pod", "x")), "x number 1");
});

test("renewals of a store that rounds down do not make a lease shorter and shorter", async (t) => {
	const { clock, store, keeper } = setUp({ leaseSeconds: 60, grantedPart: 0.95 });
	await readFor(keeper, store, "pod");
	await clock.advance(hour);
	t.is(store.counts.read, 1);
});

test("an outage beyond the end takes the value away once, and the next mount gets a new one", async (t) => {
	const { clock, store, keeper, told } = setUp({ leaseSeconds: 60 });
	await readFor(keeper, store, "pod", "x");
	for (const operation of ["renew", "read"] as const) store.failures.set(operation, outage);
	await clock.advance(hour);
	t.is(keeper.get("pod", "shop/web", { key: "x" }), undefined);
	t.deepEqual(told.replaced, ["pod ended"]);
	t.is(clock.timers, 0);
	await t.throwsAsync(readFor(keeper, store, "pod", "x"), { code: "unreachable" });
	store.failures.clear();
	t.regex(textOf(await readFor(keeper, store, "pod", "x")), /^x number \d+$/);
});

for (const kind of ["absent", "denied"] as const) {
	test(`a value that is ${kind} when it is to be replaced is withdrawn from the pod`, async (t) => {
		const { clock, store, keeper, told } = setUp({ leaseSeconds: 60, renewable: false });
		await readFor(keeper, store, "pod", "x");
		store.outcome = { kind, error: new ProviderError(kind, "not any more") };
		await clock.advance(50);
		t.is(keeper.get("pod", "shop/web", { key: "x" }), undefined);
		t.deepEqual(told.replaced, [`pod ${kind}`]);
		t.is(textOf(await readFor(keeper, store, "pod", "x")), kind);
		await clock.advance(hour);
		t.is(store.counts.connect, 1, "the login is not blamed for it: renewing it showed that it lives");
	});
}

test("an outcome without a lease is not kept", async (t) => {
	const { store, keeper, clock } = setUp({ leaseSeconds: 60 });
	store.outcome = { kind: "absent", error: new ProviderError("absent", "nothing there") };
	await readFor(keeper, store, "pod");
	await readFor(keeper, store, "pod");
	t.is(store.counts.read, 2);
	t.is(keeper.size + clock.timers, 0);
});

test("a login that has reached its longest life is replaced with all its leases, and both end with the pod", async (t) => {
	const { clock, store, keeper, told } = setUp({ leaseSeconds: 6000, loginSeconds: 600, longestLoginSeconds: 1200 });
	await Promise.all([readFor(keeper, store, "pod", "x"), readFor(keeper, store, "pod", "y")]);
	await clock.advance(390);
	t.like(store.counts, { connect: 1, read: 2 });
	await clock.advance(390);
	t.like(store.counts, { connect: 2, read: 4 });
	t.deepEqual(told.replaced, ["pod found", "pod found"]);
	await keeper.release("pod");
	t.deepEqual(store.closed.sort(), [1, 2]);
});

test("of many logins that were replaced only the last are kept beside the current one", async (t) => {
	const { clock, store, keeper } = setUp({ leaseSeconds: 60, batch: true });
	store.outcome = { kind: "denied", error: denied };
	for (let mount = 0; mount < 20; mount += 1) {
		await readFor(keeper, store, "pod");
		await clock.advance(40);
	}
	t.is(store.counts.connect, 20);
	t.is(keeper.snapshot().pods[0]?.former.length, 4);
});

test("a login that the store has ended is replaced with all its leases at the next renewal", async (t) => {
	const { clock, store, keeper } = setUp({ leaseSeconds: 60, loginSeconds: 60 });
	await readFor(keeper, store, "pod", "x");
	store.killLogin(1);
	await clock.advance(41);
	t.is(store.counts.connect, 2);
	t.not(textOf(await readFor(keeper, store, "pod", "x")), "x number 1");
	await clock.advance(hour);
	t.is(store.counts.connect, 2);
});

test("without a token to log in with, the leases live as long as the last login, and no longer", async (t) => {
	const begun = setUp({ leaseSeconds: 60, loginSeconds: 600, longestLoginSeconds: 900 });
	await readFor(begun.keeper, begun.store, "pod", "x");
	const { clock, store, keeper } = await restart(begun);
	await clock.advance(890);
	t.is(textOf(keeper.get("pod", "shop/web", { key: "x" })), "x number 1");
	await clock.advance(20);
	t.is(keeper.get("pod", "shop/web", { key: "x" }), undefined);
	t.is(store.counts.connect, 1);
});

test("a mount that finds its value alive brings the token for the next login", async (t) => {
	const begun = setUp({ leaseSeconds: 6000, loginSeconds: 600, longestLoginSeconds: 900 });
	await readFor(begun.keeper, begun.store, "pod", "x");
	const { clock, store, keeper } = await restart(begun);
	keeper.connectWith("pod", "shop/web", store.connect);
	keeper.connectWith("never seen", "shop/web", store.connect);
	await clock.advance(400);
	t.like(store.counts, { connect: 2, read: 2 });
	t.is(textOf(keeper.get("pod", "shop/web", { key: "x" })), "x number 2");
});

test("after a restart the pod has the same bytes, renewed by the same login", async (t) => {
	const begun = setUp({ leaseSeconds: 60, loginSeconds: 300 });
	const before = textOf(await readFor(begun.keeper, begun.store, "pod"));
	for (let restarts = 0; restarts < 20; restarts += 1) {
		await begun.clock.advance(25);
		Object.assign(begun, await restart(begun));
		t.is(textOf(await readFor(begun.keeper, begun.store, "pod")), before);
	}
	t.like(begun.store.counts, { connect: 1, read: 1 });
	await begun.clock.advance(hour);
	t.like(begun.store.counts, { connect: 1, read: 1 });
	await begun.keeper.release("pod");
	t.is(begun.store.counts.close, 1);
});

test("what came due while no provider ran is not done all at once", async (t) => {
	const begun = setUp({ leaseSeconds: 60 });
	for (let pod = 0; pod < 100; pod += 1) await readFor(begun.keeper, begun.store, `pod-${pod}`);
	const kept: unknown = JSON.parse(JSON.stringify(begun.keeper.snapshot()));
	await begun.keeper.stop();
	await begun.clock.advance(45);
	begun.clock.draws = Array.from({ length: 97 }, (_, index) => index / 97);
	const { keeper } = makeKeeper(begun.store);
	await keeper.restore(kept);
	await begun.clock.advance(2);
	t.true(begun.store.counts.renew > 5 && begun.store.counts.renew < 60, `${begun.store.counts.renew}`);
	await begun.clock.advance(13);
	t.is(begun.store.counts.read, 100);
});

const unreadable: readonly unknown[] = [
	undefined,
	null,
	7,
	{},
	{ version: 2, pods: [], closing: [] },
	{ version: 1, pods: [{}], closing: [] },
];
test("a snapshot of another shape is not believed, and stops nothing", async (t) => {
	for (const kept of unreadable) {
		const { keeper, store, told } = setUp({ leaseSeconds: 60 });
		await keeper.restore(kept);
		t.is(told.log.length, 1);
		t.is(textOf(await readFor(keeper, store, "pod", "x")), "x number 1");
	}
});

test("a kept login that policy refuses now is not used", async (t) => {
	const { keeper, store } = setUp({ leaseSeconds: 60 });
	await readFor(keeper, store, "pod", "x");
	const after = makeKeeper(store, { resume: () => Promise.reject(new ProviderError("refused", "not any more")) });
	await after.keeper.restore(keeper.snapshot());
	t.is(after.keeper.size, 0);
	t.regex(after.told.log.join(), /not resumed.*not any more/);
});

test("a thousand pods take a timer each and little time, and do not renew in step", async (t) => {
	const { clock, store, keeper, told } = setUp({ leaseSeconds: 60, loginSeconds: hour });
	clock.draws = Array.from({ length: 997 }, (_, index) => ((index * 7919) % 997) / 997);
	for (let pod = 0; pod < 1000; pod += 1) await readFor(keeper, store, `pod-${pod}`);
	t.is(clock.timers, 1000);
	const before = process.cpuUsage();
	keeper.snapshot();
	t.true(process.cpuUsage(before).user < 250_000);
	await clock.advance(42);
	t.is(store.counts.renew, 1000);
	t.true(busiestSecond(store.renewedAt) < 400, `${busiestSecond(store.renewedAt)}`);
	t.is(store.counts.read, 1000);
	t.deepEqual(told.replaced, []);
	await keeper.releaseOthers(new Set(), clock.now());
	t.is(store.counts.close, 1000);
	t.is(clock.timers, 0);
});

function busiestSecond(times: readonly number[]): number {
	const seconds = Map.groupBy(times, (time) => Math.floor(time / 1000));
	return Math.max(...[...seconds.values()].map((group) => group.length));
}

test("nothing that is written about leases holds a value, a lease's id or a token", async (t) => {
	const { clock, store, keeper, told } = setUp({ leaseSeconds: 60, longestLeaseSeconds: 100, loginSeconds: 90, longestLoginSeconds: 200 });
	await readFor(keeper, store, "pod", "secret-path");
	await clock.advance(hour);
	store.failures.set("close", outage);
	await keeper.release("pod");
	t.true(told.log.length > 10);
	assertDiscreet(t, told.log.join("\n"));
});

function assertDiscreet(t: ExecutionContext, log: string): void {
	for (const marked of [/number \d/, /lease-\d/, /madeAt/, /secret-path/]) t.notRegex(log, marked);
}

test("a ref is leased when its store says so, or once an answer has shown it, for that store instance", (t) => {
	const refs = new LeasedRefs();
	const [here, there] = [fakeInstance(), fakeInstance({ endpoints: ["https://other.example"] })];
	t.true(refs.has(here, { key: "x", leased: true }));
	t.false(refs.has(here, { key: "y" }));
	refs.learn(here, { key: "y" });
	t.true(refs.has(here, { key: "y" }));
	t.false(refs.has(there, { key: "y" }));
});
