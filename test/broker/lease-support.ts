import { LeaseStore, type LeaseStoreOptions, makeKeeper, TestClock } from "./lease-store.ts";

/** A keeper of leases over a store, both by a clock that the test moves. */
export function setUp(options: LeaseStoreOptions) {
	const clock = new TestClock();
	const store = new LeaseStore(clock, options);
	return { clock, store, ...makeKeeper(store) };
}

/** Saves as a file would, and starts a keeper of another process with it. */
export async function restart(before: ReturnType<typeof setUp>): Promise<ReturnType<typeof setUp>> {
	const kept: unknown = JSON.parse(JSON.stringify(before.keeper.snapshot()));
	await before.keeper.stop();
	const after = { ...before, ...makeKeeper(before.store) };
	await after.keeper.restore(kept);
	return after;
}
