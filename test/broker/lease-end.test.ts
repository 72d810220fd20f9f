import test from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { readFor, rest } from "./lease-store.ts";
import { restart, setUp } from "./lease-support.ts";

const hour = 3600;
const outage = new ProviderError("unreachable", "the store is down");

test("release ends the pod's login once, and nothing of the pod is renewed afterwards", async (t) => {
	const { clock, store, keeper } = setUp({ leaseSeconds: 60, loginSeconds: 60 });
	await Promise.all([readFor(keeper, store, "pod", "x"), readFor(keeper, store, "pod", "y"), readFor(keeper, store, "other")]);
	await Promise.all([keeper.release("pod"), keeper.release("pod")]);
	await keeper.release("never seen");
	t.deepEqual(store.closed.length, 1);
	t.is(keeper.get("pod", "shop/web", { key: "x" }), undefined);
	t.is(keeper.size, 1);
	await keeper.release("other");
	const { renew, renewLogin } = store.counts;
	await clock.advance(hour);
	t.like(store.counts, { renew, renewLogin, revoke: 0, close: 2 });
	t.is(clock.timers, 0);
});

test("pods that went while no provider ran are released, and no pod that came since the question was asked", async (t) => {
	const begun = setUp({ leaseSeconds: 600 });
	for (const podUid of ["gone", "there"]) await readFor(begun.keeper, begun.store, podUid);
	const { clock, store, keeper } = await restart(begun);
	await clock.advance(1);
	const askedAt = clock.now();
	await clock.advance(1);
	await readFor(keeper, store, "new");
	await keeper.releaseOthers(new Set(["there", "elsewhere"]), askedAt);
	t.deepEqual(store.closed, [1]);
	t.is(keeper.size, 2);
});

test("a login under way when the pod goes is ended too", async (t) => {
	const { store, keeper } = setUp({ leaseSeconds: 60 });
	const { promise: goOn, resolve } = Promise.withResolvers<void>();
	const { connect } = store;
	store.connect = () => goOn.then(connect);
	const reading = readFor(keeper, store, "pod");
	await rest();
	await keeper.release("pod");
	resolve();
	await t.throwsAsync(reading, { code: "stopped" });
	await rest();
	t.deepEqual(store.closed, [1]);
});

test("a read under way when the pod goes gives nothing, and nothing is kept", async (t) => {
	const { store, keeper, clock } = setUp({ leaseSeconds: 60 });
	await readFor(keeper, store, "pod", "x");
	const reading = readFor(keeper, store, "pod", "y");
	const released = keeper.release("pod");
	await t.throwsAsync(reading, { code: "stopped" });
	await released;
	t.is(keeper.size + clock.timers, 0);
});

test("where a login cannot be ended, each lease is revoked by itself", async (t) => {
	const { store, keeper } = setUp({ leaseSeconds: 60, batch: true });
	await Promise.all([readFor(keeper, store, "pod", "x"), readFor(keeper, store, "pod", "y")]);
	await keeper.release("pod");
	t.like(store.counts, { revoke: 2, close: 0 });
});

for (const restarted of [false, true]) {
	test(`a pod that goes while the store is down is told about later${restarted ? ", by the next process" : ""}`, async (t) => {
		let keeping = setUp({ leaseSeconds: 600, loginSeconds: 600 });
		const { clock, store } = keeping;
		await readFor(keeping.keeper, store, "pod");
		store.failures.set("close", outage);
		await keeping.keeper.release("pod");
		await clock.advance(120);
		if (restarted) keeping = await restart(keeping);
		store.failures.clear();
		store.closed.length = 0;
		await clock.advance(60);
		t.deepEqual(store.closed, [1]);
		await clock.advance(hour);
		t.deepEqual(store.closed, [1]);
		t.deepEqual(keeping.keeper.snapshot().closing, []);
	});
}
