import test from "ava";
import { TimeLimit, timeBudget } from "../../provider/contract/time-limit.ts";
import { ProviderError } from "../../provider/errors.ts";
import { CallFailure } from "../support/mount-client.ts";
import { attributes, oneFile, serve, until } from "./harness.ts";

// One after the other, because other tests' work in this process would shift what is timed here.

const never = () => new Promise<never>(() => {});

const budgets = [
	{ title: "kubelet's two minutes", remaining: 119_300, limit: 100_000, budget: 100_000 },
	{ title: "no deadline", remaining: Number.POSITIVE_INFINITY, limit: 100_000, budget: 100_000 },
	{ title: "a minute", remaining: 60_000, limit: 100_000, budget: 58_000 },
	{ title: "ten seconds", remaining: 10_000, limit: 100_000, budget: 9000 },
	{ title: "a second", remaining: 1000, limit: 100_000, budget: 900 },
	{ title: "a limit below the deadline", remaining: 10_000, limit: 500, budget: 500 },
	{ title: "a deadline that is over", remaining: -5, limit: 100_000, budget: 0 },
];

for (const { title, remaining, limit, budget } of budgets) {
	test(`the time budget with ${title} is ${budget} ms`, (t) => {
		const now = 1_700_000_000_000;
		t.is(timeBudget(now + remaining, limit, now), budget);
		if (Number.isFinite(remaining)) t.is(timeBudget(new Date(now + remaining), limit, now), budget);
	});
}

test.serial("a handler that never settles is answered before the caller's deadline, and its signal says why", async (t) => {
	const reasons: unknown[] = [];
	const { client } = await serve(t, {
		handler: ({ signal }) => {
			signal.addEventListener("abort", () => reasons.push(signal.reason));
			return never();
		},
	});
	await client.version();
	const mount = () => t.throwsAsync(client.mount(attributes(), { deadline: 1000 }), { instanceOf: CallFailure });
	// After its own deadline the caller ends the call itself, as DEADLINE_EXCEEDED. A machine so busy that
	// this process stands still for the margin of 100 ms can cause that too, but not again and again.
	let failure = await mount();
	for (let tries = 1; tries < 3 && failure?.code === "DEADLINE_EXCEEDED"; tries += 1) failure = await mount();
	t.is(failure?.code, "INTERNAL");
	t.is(failure?.errorCode, "unreachable");
	t.regex(
		failure?.details ?? "",
		/^The time limit of 0\.9 s is over: the store did not answer in time\. Check that the store is reachable/,
	);
	t.true(reasons[0] instanceof ProviderError && reasons[0].code === "unreachable");
});

test.serial("a caller without a deadline is answered at the limit", async (t) => {
	const { client } = await serve(t, { handler: never, mountLimitMilliseconds: 100 });
	const failure = await t.throwsAsync(client.mount(attributes(), { deadline: Number.POSITIVE_INFINITY }), { instanceOf: CallFailure });
	t.regex(failure?.details ?? "", /^The time limit of 0\.1 s is over/);
});

test.serial("a handler that hears of the time limit may say it in its own words", async (t) => {
	const { client } = await serve(t, {
		mountLimitMilliseconds: 200,
		handler: ({ signal }) =>
			new Promise((_resolve, reject) => {
				signal.addEventListener("abort", () => reject(new ProviderError("unreachable", 'object "db": the store "main" is silent.')));
			}),
	});
	const failure = await t.throwsAsync(client.mount(attributes()), { instanceOf: CallFailure });
	t.is(failure?.details, 'object "db": the store "main" is silent.');
});

test.serial("hundreds of mounts that never settle are all answered in time", async (t) => {
	const { client } = await serve(t, { handler: never, mountLimitMilliseconds: 1000 });
	const outcomes = await Promise.allSettled(Array.from({ length: 300 }, () => client.mount(attributes())));
	for (const outcome of outcomes) {
		if (outcome.status === "rejected") t.like(outcome.reason, { code: "INTERNAL", errorCode: "unreachable" });
		t.is(outcome.status, "rejected");
	}
});

test.serial("a caller that cancels aborts the signal within a second", async (t) => {
	const signals: AbortSignal[] = [];
	const { client } = await serve(t, {
		handler: ({ signal }) => {
			signals.push(signal);
			return never();
		},
	});
	const cancel = new AbortController();
	const mounts = Promise.allSettled(Array.from({ length: 100 }, () => client.mount(attributes(), { signal: cancel.signal })));
	await until(() => signals.length === 100, "all mounts run");
	const began = performance.now();
	cancel.abort();
	await until(() => signals.every((signal) => signal.aborted), "all signals are aborted");
	t.true(performance.now() - began < 1000);
	t.true(signals.every(({ reason }) => reason instanceof ProviderError && reason.code === "stopped"));
	await mounts;
	t.is(await client.health(), "SERVING");
});

test.serial("a caller that disappears aborts the signal as well", async (t) => {
	const signals: AbortSignal[] = [];
	const { client } = await serve(t, {
		handler: ({ signal }) => {
			signals.push(signal);
			return never();
		},
	});
	const mount = t.throwsAsync(client.mount(attributes(), { deadline: 500 }));
	await until(() => signals.length === 1, "the mount runs");
	client.close();
	await mount;
	await until(() => signals[0]?.aborted === true, "the signal is aborted");
	t.pass();
});

test.serial("the signal of a finished mount is never aborted, so that shared work may go on", async (t) => {
	const signals: AbortSignal[] = [];
	const { server, client } = await serve(t, {
		handler: async ({ signal }) => {
			signals.push(signal);
			return oneFile;
		},
	});
	await client.mount(attributes());
	client.close();
	await server.stop();
	t.false(signals[0]?.aborted);
});

test.serial("a task that throws when it is called, after its time, or twice, ends its wait once", async (t) => {
	const late = new Error("late");
	await t.throwsAsync(
		new TimeLimit(1000).settle(() => Promise.reject(late)),
		{ is: late },
	);
	const short = new TimeLimit(50);
	const error = await t.throwsAsync(
		short.settle(() => new Promise((_resolve, reject) => setTimeout(reject, 200, short.signal.reason ?? late))),
		{ instanceOf: ProviderError },
	);
	t.is(error?.code, "unreachable");
	const reason = new ProviderError("stopped", "x");
	await t.throwsAsync(abortedLater(reason).settle(never), { is: reason });
	const early = new TimeLimit(1000);
	early.abort(reason);
	early.abort(new ProviderError("stopped", "another"));
	t.is(early.signal.reason, reason);
	await t.throwsAsync(early.settle(never), { is: reason });
});

function abortedLater(reason: ProviderError): TimeLimit {
	const limit = new TimeLimit(1000);
	setTimeout(() => limit.abort(reason), 10);
	return limit;
}
