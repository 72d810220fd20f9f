import test from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { retryAfterMilliseconds, withRetries } from "../../provider/shared/retry.ts";

const signal = () => AbortSignal.timeout(30_000);
const quick = { baseMilliseconds: 1 };
const lost = (code: string) => new ProviderError("unreachable", "x is unreachable", { cause: Object.assign(new Error("low"), { code }) });

for (const [status, sends] of [
	[200, 1],
	[204, 1],
	[400, 1],
	[403, 1],
	[404, 1],
	[412, 3],
	[429, 3],
	[500, 3],
	[501, 1],
	[503, 3],
] as const) {
	test(`an answer ${status} is sent for ${sends} times, and the last one counts`, async (t) => {
		let sent = 0;
		const answer = await withRetries(async () => ({ status, sent: ++sent }), signal(), quick);
		t.deepEqual(answer, { status, sent: sends });
	});
}

const errors: readonly (readonly [title: string, error: unknown, sends: number])[] = [
	["a refused connection", lost("ECONNREFUSED"), 3],
	["a lost connection", lost("ECONNRESET"), 3],
	["a certificate that is not trusted", lost("DEPTH_ZERO_SELF_SIGNED_CERT"), 1],
	["a name that does not exist", lost("ENOTFOUND"), 1],
	["time that ran out", new ProviderError("unreachable", "x did not finish"), 1],
	["a refusal of policy", new ProviderError("refused", "no", { cause: Object.assign(new Error(), { code: "ECONNRESET" }) }), 1],
	["a defect", new TypeError("x"), 1],
];

for (const [title, error, sends] of errors) {
	test(`after ${title} there are ${sends} attempts in all`, async (t) => {
		let sent = 0;
		const send = async () => {
			sent += 1;
			throw error;
		};
		t.is(await withRetries(send, signal(), quick).catch((reason: unknown) => reason), error);
		t.is(sent, sends);
	});
}

test("an answer that comes after a failure is the result", async (t) => {
	const outcomes = [() => Promise.reject(lost("ECONNRESET")), async () => ({ status: 503 }), async () => ({ status: 200 })];
	t.deepEqual(await withRetries(() => (outcomes.shift() ?? outcomes[0])?.() as Promise<{ status: number }>, signal(), quick), {
		status: 200,
	});
});

test("Retry-After is the least wait, and one beyond the limit ends the attempts", async (t) => {
	let sent = 0;
	const before = Date.now();
	await withRetries(async () => ({ status: ++sent === 1 ? 429 : 200, retryAfter: "1" }), signal(), quick);
	t.true(Date.now() - before >= 990);
	sent = 0;
	await withRetries(async () => ({ status: 429, retryAfter: "5", sent: ++sent }), signal(), {
		...quick,
		maximumRetryAfterMilliseconds: 4000,
	});
	t.is(sent, 1);
	t.is(retryAfterMilliseconds("2"), 2000);
	t.is(retryAfterMilliseconds(undefined), 0);
	t.is(retryAfterMilliseconds("soon"), 0);
	t.is(retryAfterMilliseconds("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
	t.true(retryAfterMilliseconds(new Date(Date.now() + 60_000).toUTCString()) > 50_000);
});

test("an abort ends the waiting with the caller's reason", async (t) => {
	const caller = new AbortController();
	const reason = new ProviderError("stopped", "enough");
	const waiting = withRetries(async () => ({ status: 429, retryAfter: "9" }), caller.signal, quick);
	setImmediate(() => caller.abort(reason));
	t.is(await waiting.catch((error: unknown) => error), reason);
});
