import test from "ava";
import fc from "fast-check";
import { Quota } from "../../../provider/stores/azure/quota.ts";

test("half of the requests go at once, and the others follow evenly", (t) => {
	let now = 1_000;
	const quota = new Quota({ requests: 100, milliseconds: 1_000 }, () => now);
	const waits = Array.from({ length: 53 }, () => quota.take());
	t.deepEqual(
		waits.filter((wait) => wait === 0),
		Array.from({ length: 50 }, () => 0),
	);
	t.deepEqual(waits.slice(50), [20, 40, 60]);
	now += 10_000;
	t.is(quota.take(), 0, "who has asked for nothing for a while may ask at once");
});

test("whatever the callers do, no time sees more requests than the server answers in it", (t) => {
	const pauses = fc.array(fc.nat({ max: 400 }), { minLength: 50, maxLength: 300 });
	fc.assert(
		fc.property(pauses, fc.integer({ min: 2, max: 40 }), (list, requests) => {
			let now = 0;
			const quota = new Quota({ requests, milliseconds: 1_000 }, () => now);
			const sent = list
				.map((pause) => {
					now += pause / 10;
					return now + quota.take();
				})
				.sort((one, other) => one - other);
			return sent.every((time, index) => {
				const next = sent[index + requests];
				// One more than `requests` sends span at least the whole time; rounding aside.
				return next === undefined || next - time >= 1_000 - 1e-6;
			});
		}),
	);
	t.pass();
});

test("a request that waits for its time is given up with its caller", async (t) => {
	const quota = new Quota({ requests: 2, milliseconds: 60_000 });
	const caller = new AbortController();
	await quota.wait(caller.signal);
	const waiting = t.throwsAsync(quota.wait(caller.signal), { message: "gone" });
	caller.abort(new Error("gone"));
	await waiting;
});
