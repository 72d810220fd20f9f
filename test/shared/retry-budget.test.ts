import test from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { Pause } from "../../provider/shared/pause.ts";
import { withRetries } from "../../provider/shared/retry.ts";
import { RetryBudget } from "../../provider/shared/retry-budget.ts";

const gone = new ProviderError("stopped", "gone");
const patient = () => AbortSignal.timeout(30_000);

/** A budget on a clock that the test sets, after some calls. */
function budgetAfter(calls: number) {
	const clock = { milliseconds: 0 };
	const budget = new RetryBudget(() => clock.milliseconds);
	for (let count = 0; count < calls; count += 1) budget.noteCall();
	const take = () => {
		let taken = 0;
		while (taken < 10_000 && budget.takeRetry()) taken += 1;
		return taken;
	};
	return { clock, budget, take };
}

for (const [calls, retries] of [
	[0, 10],
	[1, 10],
	[100, 10],
	[1000, 100],
	[1205, 121],
] as const) {
	test(`after ${calls} calls within ten seconds there are ${retries} retries`, (t) => {
		const { take } = budgetAfter(calls);
		t.is(take(), retries);
		t.is(take(), 0);
	});
}

test("calls and retries are forgotten after ten seconds", (t) => {
	const { clock, take } = budgetAfter(1000);
	t.is(take(), 100);
	clock.milliseconds = 9_999;
	t.is(take(), 0);
	clock.milliseconds = 10_000;
	t.is(take(), 10, "the least there is");
});

test("a thousand calls that all fail are a tenth more, not three times as many", async (t) => {
	const budget = new RetryBudget();
	let sent = 0;
	const send = async () => ({ status: 503, sent: ++sent });
	await Promise.all(Array.from({ length: 1000 }, () => withRetries(send, patient(), { budget, baseMilliseconds: 1 })));
	t.is(sent, 1100);
});

/** A server that tells everybody to come back later until a time is over. */
function overloaded(outageMilliseconds: number, retryAfter: string) {
	const end = performance.now() + outageMilliseconds;
	const sentAt: number[] = [];
	const server = {
		sentAt,
		end,
		async send() {
			sentAt.push(performance.now());
			return performance.now() < end ? { status: 429, retryAfter } : { status: 200 };
		},
	};
	return server;
}

test("one caller that is told to wait holds all others back, and a single trial ends the wait", async (t) => {
	const budget = new RetryBudget();
	const server = overloaded(1500, "1");
	const ask = () => withRetries(server.send, patient(), { budget });
	const first = ask();
	while (server.sentAt.length === 0) await soon();
	await soon();
	const answers = await Promise.all([first, ...Array.from({ length: 200 }, ask)]);
	t.true(answers.every(({ status }) => status === 200));
	const during = server.sentAt.filter((time) => time < server.end).length;
	t.true(during <= 3, `${during} calls while the server wanted none`);
});

test("calls that queued before the server's word go back to wait instead of being sent", async (t) => {
	const budget = new RetryBudget();
	const server = overloaded(1000, "1");
	// All want to be sent before the first is answered, and a place is free only for one at a time.
	let last: Promise<unknown> = Promise.resolve();
	const schedule = <T>(task: () => Promise<T>): Promise<T> => {
		const turn = last.then(task);
		last = turn.catch(() => undefined);
		return turn;
	};
	const answers = Promise.all(Array.from({ length: 50 }, () => withRetries(server.send, patient(), { budget, schedule })));
	t.true((await answers).every(({ status }) => status === 200));
	t.is(server.sentAt.filter((time) => time < server.end).length, 1);
});

test("while a pause is too long to wait for, calls fail at once, those that wait already too", async (t) => {
	const pause = new Pause();
	pause.settle(await pause.permit(patient()), { pauseMilliseconds: 1000 });
	const waiting = pause.permit(patient());
	pause.settle({ isTrial: false }, { pauseMilliseconds: 59_000 });
	for (const refused of [waiting, pause.permit(patient())]) {
		const error = await t.throwsAsync(refused, { instanceOf: ProviderError, code: "unreachable" });
		t.regex(error?.message ?? "", /left alone for another (59|60) s/);
	}
});

test("a trial whose caller gives up lets another one go ahead", async (t) => {
	const pause = await pausedFor(20);
	const caller = new AbortController();
	const trial = await pause.permit(caller.signal);
	t.true(trial.isTrial);
	const waiting = pause.permit(patient());
	t.is(await Promise.race([waiting, soon()]), "soon", "one trial at a time");
	pause.settle(trial, "abandoned");
	const next = await waiting;
	t.true(next.isTrial);
	pause.settle(next, "answered");
	t.false((await pause.permit(patient())).isTrial);
});

test("an answer to a call that left before the pause does not end it, and a refused trial prolongs it", async (t) => {
	const pause = new Pause();
	const [early, told] = [await pause.permit(patient()), await pause.permit(patient())];
	pause.settle(told, { pauseMilliseconds: 30 });
	pause.settle(early, "answered");
	t.false(pause.allows(early));
	const trial = await pause.permit(patient());
	t.true(trial.isTrial && pause.allows(trial));
	pause.settle(trial, { pauseMilliseconds: 40 });
	const before = performance.now();
	t.true((await pause.permit(patient())).isTrial);
	t.true(performance.now() - before >= 38);
});

// By itself, because it counts the timers of the whole process.
test.serial("whoever gives up while waiting hears its own reason, and leaves no timer", async (t) => {
	const pause = await pausedFor(15_000);
	const timers = activeTimers();
	const caller = new AbortController();
	const waiting = Array.from({ length: 1000 }, () => pause.permit(caller.signal).catch((reason: unknown) => reason));
	await soon();
	t.is(activeTimers(), timers + 1);
	caller.abort(gone);
	t.deepEqual(new Set(await Promise.all(waiting)), new Set([gone]));
	t.is(activeTimers(), timers);
	await t.throwsAsync(pause.permit(caller.signal), { is: gone });
});

test("no more than five thousand calls wait, and the next is told so", async (t) => {
	const pause = await pausedFor(15_000);
	const caller = new AbortController();
	const waiting = Promise.allSettled(Array.from({ length: 5000 }, () => pause.permit(caller.signal)));
	const error = await t.throwsAsync(pause.permit(patient()), { instanceOf: ProviderError, code: "unreachable" });
	t.regex(error?.message ?? "", /5000 calls wait/);
	caller.abort(gone);
	await waiting;
});

async function pausedFor(pauseMilliseconds: number): Promise<Pause> {
	const pause = new Pause();
	pause.settle(await pause.permit(patient()), { pauseMilliseconds });
	return pause;
}

async function soon(): Promise<"soon"> {
	await new Promise((resolve) => setImmediate(resolve));
	return "soon";
}

function activeTimers(): number {
	return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}
