import test, { type ExecutionContext } from "ava";
import { Batches } from "../../provider/broker/batches.ts";
import { ProviderError } from "../../provider/errors.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Failed, Outcome, Ref, Session } from "../../provider/stores/store.ts";

const gone = new ProviderError("stopped", "gone");
const never = new AbortController().signal;

interface Call {
	readonly keys: readonly string[];
	readonly signal: AbortSignal;
}

type Answer = (refs: readonly Ref[], signal: AbortSignal) => Promise<readonly (Outcome | Failed)[]>;

/** A session that answers a ref with its own key, and notes what it is asked. */
function setUp(batchSize: number, answer: Answer = async (refs) => refs.map(echo)) {
	const calls: Call[] = [];
	const session: Session = {
		batchSize,
		read(refs, signal) {
			calls.push({ keys: refs.map(({ key }) => key), signal });
			return answer(refs, signal);
		},
	};
	const batches = new Batches();
	return { calls, session, batches, read: (key: string, signal = never) => batches.read(session, { key }, signal) };
}

function echo({ key }: Ref): Outcome {
	return { kind: "found", value: new Secret(key), structure: "bytes" };
}

function textOf(outcome: Outcome): string {
	return outcome.kind === "found" ? outcome.value.reveal().toString() : outcome.kind;
}

/** Answers when the test says so, unless its caller gives up first. */
function held(): { readonly answer: Answer; readonly open: () => void } {
	const { promise, resolve } = Promise.withResolvers<void>();
	const answer: Answer = async (refs, signal) => {
		const aborted = new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
		await Promise.race([promise, aborted]);
		return refs.map(echo);
	};
	return { answer, open: resolve };
}

const keysOf = (count: number) => Array.from({ length: count }, (_, index) => `k${index}`);
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a hundred refs wanted at once are five calls of twenty, and each caller gets its own", async (t) => {
	const { calls, read } = setUp(20);
	const outcomes = await Promise.all(keysOf(100).map((key) => read(key)));
	t.deepEqual(outcomes.map(textOf), keysOf(100));
	t.deepEqual(
		calls.map(({ keys }) => keys.length),
		[20, 20, 20, 20, 20],
	);
});

test("the calls of one turn are made side by side", async (t) => {
	const { answer, open } = held();
	const { calls, read } = setUp(20, answer);
	const reads = Promise.all(keysOf(50).map((key) => read(key)));
	await turn();
	t.is(calls.length, 3);
	open();
	t.is((await reads).length, 50);
});

test("what is wanted a turn later goes out by itself, without waiting for the calls before", async (t) => {
	const { answer, open } = held();
	const { calls, read } = setUp(20, answer);
	const first = read("first");
	await turn();
	const second = read("second");
	await turn();
	t.deepEqual(
		calls.map(({ keys }) => keys),
		[["first"], ["second"]],
	);
	open();
	t.deepEqual((await Promise.all([first, second])).map(textOf), ["first", "second"]);
});

test("a store without batches is asked at once and for each ref by itself", async (t) => {
	const { calls, read } = setUp(1);
	const reads = Promise.all(keysOf(3).map((key) => read(key)));
	t.is(calls.length, 3, "in the same turn");
	t.deepEqual((await reads).map(textOf), keysOf(3));
});

test("a thing that several callers want is asked for once", async (t) => {
	const { calls, read } = setUp(20);
	const outcomes = await Promise.all(["a", "b", "a", "a"].map((key) => read(key)));
	t.deepEqual(outcomes.map(textOf), ["a", "b", "a", "a"]);
	t.deepEqual(
		calls.map(({ keys }) => keys),
		[["a", "b"]],
	);
});

test("sessions do not share calls", async (t) => {
	const { calls, batches, session } = setUp(20);
	const other = setUp(20);
	await Promise.all([batches.read(session, { key: "a" }, never), batches.read(other.session, { key: "a" }, never)]);
	t.deepEqual([calls.length, other.calls.length], [1, 1]);
});

test("a caller that gives up leaves the others of its call undisturbed", async (t) => {
	const { answer, open } = held();
	const { calls, read } = setUp(20, answer);
	const caller = new AbortController();
	const [given, kept] = [read("given up", caller.signal), read("kept")];
	await turn();
	caller.abort(gone);
	t.is(await given.catch((reason: unknown) => reason), gone);
	t.false(calls[0]?.signal.aborted);
	open();
	t.is(textOf(await kept), "kept");
});

for (const batchSize of [1, 20]) {
	test(`with batches of ${batchSize}, a call that nobody waits for any more is aborted with the last caller's reason`, async (t) => {
		const { calls, read } = setUp(batchSize, held().answer);
		const callers = [new AbortController(), new AbortController()];
		const reads = callers.map(({ signal }, index) => read(`k${index}`, signal).catch((reason: unknown) => reason));
		await turn();
		for (const caller of callers) caller.abort(gone);
		t.deepEqual(await Promise.all(reads), [gone, gone]);
		t.true(calls.every(({ signal }) => signal.aborted && signal.reason === gone));
	});
}

test("who gives up before the call leaves is not in it", async (t) => {
	const { calls, read } = setUp(20);
	const caller = new AbortController();
	const reads = [read("given up", caller.signal), read("kept")];
	caller.abort(gone);
	t.deepEqual(
		(await Promise.allSettled(reads)).map(({ status }) => status),
		["rejected", "fulfilled"],
	);
	t.deepEqual(
		calls.map(({ keys }) => keys),
		[["kept"]],
	);
	await t.throwsAsync(read("late", caller.signal), { is: gone });
});

test("a call that fails fails its own refs only", async (t) => {
	const outage = new ProviderError("unreachable", "down");
	const { read } = setUp(2, async (refs) => {
		if (refs.some(({ key }) => key === "k2")) throw outage;
		return refs.map(echo);
	});
	const results = await Promise.allSettled(keysOf(6).map((key) => read(key)));
	t.deepEqual(
		results.map((result) => (result.status === "fulfilled" ? textOf(result.value) : result.reason)),
		["k0", "k1", outage, outage, "k4", "k5"],
	);
});

test("a ref that fails by itself leaves the others of its call alone", async (t) => {
	const malformed = new ProviderError("invalid", "malformed");
	const { calls, read } = setUp(20, async (refs) =>
		refs.map((ref) => (ref.key === "k1" ? { kind: "failed", error: malformed } : echo(ref))),
	);
	const results = await Promise.allSettled([...keysOf(3), "k1"].map((key) => read(key)));
	t.deepEqual(
		results.map((result) => (result.status === "fulfilled" ? textOf(result.value) : result.reason)),
		["k0", malformed, "k2", malformed],
	);
	t.is(calls.length, 1);
});

const misanswers: Readonly<Record<string, Answer>> = {
	"too few outcomes": async (refs) => refs.slice(1).map(echo),
	"too many outcomes": async (refs) => [...refs, ...refs].map(echo),
	"a failure of its own making": () => {
		throw new TypeError("x of undefined");
	},
};
for (const [title, answer] of Object.entries(misanswers)) {
	test(`a session that answers with ${title} gives nobody anybody's secret`, async (t) => {
		const { read } = setUp(20, answer);
		const results = await Promise.allSettled(keysOf(3).map((key) => read(key)));
		assertDefects(t, results);
	});
}

function assertDefects(t: ExecutionContext, results: readonly PromiseSettledResult<Outcome>[]): void {
	for (const result of results) t.is(result.status === "rejected" ? ProviderError.from(result.reason).code : result.status, "internal");
}
