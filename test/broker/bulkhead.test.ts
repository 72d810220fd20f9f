import test from "ava";
import { Bulkhead } from "../../provider/broker/bulkhead.ts";
import { ProviderError } from "../../provider/errors.ts";

const gone = new ProviderError("stopped", "gone");

/** A bulkhead with tasks that end when the test says so. */
function setUp(underWay: number, waiting: number) {
	const bulkhead = new Bulkhead({ underWay, waiting });
	const started: string[] = [];
	const ends = new Map<string, () => void>();
	const run = (name: string, signal?: AbortSignal) =>
		bulkhead.run(async () => {
			started.push(name);
			await new Promise<void>((resolve) => ends.set(name, resolve));
			return name;
		}, signal);
	return { bulkhead, started, run, end: (name: string) => ends.get(name)?.() };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("as many tasks run as may, and the others follow in their order", async (t) => {
	const { started, run, end } = setUp(2, 10);
	const running = ["a", "b", "c", "d"].map((name) => run(name));
	t.deepEqual(started, ["a", "b"]);
	end("b");
	await running[1];
	await turn();
	t.deepEqual(started, ["a", "b", "c"]);
	for (const name of ["a", "c"]) end(name);
	await turn();
	end("d");
	t.deepEqual(await Promise.all(running), ["a", "b", "c", "d"]);
});

test("a task that fails makes room too", async (t) => {
	const { bulkhead, run, end } = setUp(1, 10);
	const failing = bulkhead.run(() => Promise.reject(gone));
	const following = run("next");
	await t.throwsAsync(failing, { is: gone });
	await turn();
	end("next");
	t.is(await following, "next");
});

test("whoever finds too many waiting is turned away at once with a clear text", async (t) => {
	const { run, end } = setUp(1, 2);
	const running = ["a", "b", "c"].map((name) => run(name));
	const error = await t.throwsAsync(run("d"), { instanceOf: ProviderError, code: "unreachable" });
	t.is(error?.message, "The store answers too slowly: 1 calls to it are under way from this node, and 2 more wait already.");
	for (const name of ["a", "b", "c"]) {
		end(name);
		await turn();
	}
	await Promise.all(running);
});

test("a call that is given up leaves the queue, so that its place is free", async (t) => {
	const { started, run, end } = setUp(1, 1);
	const first = run("a");
	const caller = new AbortController();
	const waiting = run("b", caller.signal);
	caller.abort(gone);
	t.is(await waiting.catch((reason: unknown) => reason), gone);
	const next = run("c");
	end("a");
	await first;
	await turn();
	end("c");
	await next;
	t.deepEqual(started, ["a", "c"]);
	await t.throwsAsync(run("d", caller.signal), { is: gone });
});

test("a call given up in the moment of its turn still hands the place on", async (t) => {
	const { run, end } = setUp(1, 2);
	const caller = new AbortController();
	const [first, second, third] = [run("a"), run("b", caller.signal), run("c")];
	end("a");
	await first;
	caller.abort(gone);
	await turn();
	end("b");
	await second;
	await turn();
	end("c");
	t.is(await third, "c");
});
