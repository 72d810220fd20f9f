import test from "ava";
import type { LeaseEvent } from "../../provider/broker/leases/keeper-context.ts";
import { ProviderError } from "../../provider/errors.ts";
import { observeStore } from "../../provider/observed-store.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Session, StoreContext } from "../../provider/stores/store.ts";
import type { StoreMetrics } from "../../provider/telemetry/metrics.ts";
import { openTracing } from "../../provider/telemetry/tracing.ts";
import { LeaseStore, type LeaseStoreOptions, makeKeeper, readFor, TestClock } from "../broker/lease-store.ts";
import { fakeInstance, fakeSession, fakeStore } from "../support/fake-store.ts";
import { startCollector } from "./collector.ts";

const outage = new ProviderError("unreachable", "the store is down");

const lives: readonly {
	readonly title: string;
	readonly options: LeaseStoreOptions;
	live(store: LeaseStore, clock: TestClock): Promise<void>;
	readonly expected: readonly LeaseEvent[];
}[] = [
	{ title: "is renewed", options: { leaseSeconds: 60 }, live: (_store, clock) => clock.advance(45), expected: ["renewed", "released"] },
	{
		title: "cannot be renewed",
		options: { leaseSeconds: 60, renewable: false },
		live: (_store, clock) => clock.advance(45),
		expected: ["replaced", "released"],
	},
	{
		title: "is not renewed during an outage, and ends",
		options: { leaseSeconds: 6 },
		async live(store, clock) {
			for (const operation of ["renew", "read", "connect"] as const) store.failures.set(operation, outage);
			await clock.advance(7);
		},
		expected: ["failed", "ended"],
	},
];

for (const { title, options, live, expected } of lives) {
	test(`what becomes of a lease is told: one that ${title}`, async (t) => {
		const clock = new TestClock();
		const store = new LeaseStore(clock, options);
		const told: LeaseEvent[] = [];
		const { keeper } = makeKeeper(store, { onNews: ({ event, podUid }) => void (podUid === "pod" && told.push(event)) });
		await readFor(keeper, store, "pod");
		await live(store, clock);
		await keeper.release("pod");
		t.deepEqual(
			told.filter((event, index) => event !== told[index - 1]),
			expected,
			"what is tried again and again counts once here",
		);
	});
}

interface Figures {
	readonly calls: string[];
	readonly answers: string[];
	waiting: number;
	underWay: number;
	mostUnderWay: number;
}

function recordingMetrics(): { readonly metrics: StoreMetrics; readonly figures: Figures } {
	const figures: Figures = { calls: [], answers: [], waiting: 0, underWay: 0, mostUnderWay: 0 };
	const metrics: StoreMetrics = {
		called: (operation, code, seconds) => void figures.calls.push(`${operation} ${code} ${seconds >= 0 && seconds < 5}`),
		answered: (outcome) => void figures.answers.push(outcome),
		waiting(by) {
			figures.waiting += by;
		},
		underWay(by) {
			figures.underWay += by;
			figures.mostUnderWay = Math.max(figures.mostUnderWay, figures.underWay);
		},
	};
	return { metrics, figures };
}

const identity = { key: "k", audience: "vault", namespace: "shop", serviceAccount: "web", role: "" };

function contextOf(overrides: Partial<StoreContext> = {}): StoreContext {
	return {
		token: new Secret("token"),
		credentials: new Map(),
		signal: new AbortController().signal,
		schedule: (task) => task(),
		once: (make) => make(),
		allowsAddress: () => true,
		...overrides,
	};
}

const labels = { type: "vault", store: "main" };

test("an observed session can do what its session can, and no more", async (t) => {
	const { metrics, figures } = recordingMetrics();
	const lease = { id: "1", durationSeconds: 1, renewable: true, expiresAt: new Date(0) };
	const expiresAt = new Date(5);
	const able: Session = {
		...fakeSession(async () => ({ kind: "absent", error: new ProviderError("absent", "none") })),
		get expiresAt() {
			return expiresAt;
		},
		watch: () => undefined,
		renew: async () => lease,
		revoke: async () => undefined,
		renewLogin: async () => {
			throw outage;
		},
		close: async () => undefined,
		state: () => new Secret("state"),
	};
	const store = observeStore(
		fakeStore(async () => able, { resume: async () => fakeSession(async () => Promise.reject(outage)) }),
		() => ({
			metrics,
			labels,
			tracing: undefined,
		}),
	);
	const session = await store.connect(fakeInstance(), identity, contextOf());
	const { signal } = new AbortController();
	await session.read([{ key: "a" }, { key: "b" }], signal);
	t.is(await session.renew?.(lease, signal), lease);
	await session.revoke?.(lease, signal);
	await t.throwsAsync(session.renewLogin?.(signal) ?? Promise.resolve(), { is: outage });
	await session.close?.();
	t.is(session.state?.().reveal().toString(), "state");
	t.is(session.expiresAt, expiresAt);
	t.is(typeof session.watch, "function");
	const bare = await store.resume?.(fakeInstance(), new Secret("state"), contextOf());
	for (const method of ["watch", "renew", "revoke", "renewLogin", "close", "state"] as const) t.is(bare?.[method], undefined, method);
	await t.throwsAsync(bare?.read([{ key: "a" }], signal) ?? Promise.resolve(), { is: outage });
	t.deepEqual(figures.calls, [
		"login ok true",
		"read ok true",
		"renew ok true",
		"revoke ok true",
		"renew-login unreachable true",
		"logout ok true",
		"read unreachable true",
	]);
	t.deepEqual(figures.answers, ["absent", "absent"]);
	t.is(
		observeStore(
			fakeStore(async () => able),
			() => ({ metrics, labels, tracing: undefined }),
		).resume,
		undefined,
	);
});

test("requests are counted while they wait and while they are under way, and never twice", async (t) => {
	const { metrics, figures } = recordingMetrics();
	const turns: (() => void)[] = [];
	const schedule: StoreContext["schedule"] = (task, signal) =>
		new Promise((resolve, reject) => {
			signal?.addEventListener("abort", () => reject(signal.reason));
			turns.push(() => void task().then(resolve, reject));
		});
	const given = Promise.withResolvers<StoreContext>();
	const plain = fakeStore(async (_instance, _identity, context) => {
		given.resolve(context);
		return fakeSession(async () => Promise.reject(outage));
	});
	const store = observeStore(plain, () => ({ metrics, labels, tracing: undefined }));
	await store.connect(fakeInstance(), identity, contextOf({ schedule }));
	const context = await given.promise;
	const abort = new AbortController();
	const first = context.schedule(async () => "done");
	const failing = context.schedule(async () => Promise.reject(outage));
	const givenUp = context.schedule(async () => "never", abort.signal);
	t.like(figures, { waiting: 3, underWay: 0 });
	abort.abort(new ProviderError("stopped", "given up"));
	await t.throwsAsync(givenUp);
	t.like(figures, { waiting: 2, underWay: 0 });
	for (const turn of turns.slice(0, 2)) turn();
	t.is(await first, "done");
	await t.throwsAsync(failing, { is: outage });
	t.like(figures, { waiting: 0, underWay: 0, mostUnderWay: 2 });
});

const caller = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
const traced = { provider: "claviger", namespace: "shop", pod: "web-0", podUid: "uid", serviceAccount: "web" };

for (const [what, header, parent] of [
	["a sampled traceparent", `00-${caller.traceId}-${caller.spanId}-01`, caller],
	["no traceparent", undefined, undefined],
	["a malformed traceparent", "00-xyz-1-01", undefined],
	["a traceparent of zeros", `00-${"0".repeat(32)}-${caller.spanId}-01`, undefined],
] as const) {
	test(`a Mount with ${what} ${parent === undefined ? "begins a trace" : "belongs to its caller's"}`, async (t) => {
		const collector = await startCollector(t);
		const tracing = await openTracing({ url: `${collector.address}/v1/traces`, nodeName: undefined, exportFailed: () => t.fail() });
		t.is(await tracing.mount(traced, header, async () => "files"), "files");
		await tracing.stop();
		t.is(collector.spans.length, 1);
		t.is(collector.spans[0]?.parentSpanId, parent?.spanId);
		if (parent !== undefined) t.is(collector.spans[0]?.traceId, parent.traceId);
		else t.not(collector.spans[0]?.traceId, caller.traceId);
	});
}

test("what a Mount has begun and not waited for is no part of its trace", async (t) => {
	const collector = await startCollector(t);
	const tracing = await openTracing({ url: `${collector.address}/v1/traces`, nodeName: undefined, exportFailed: () => t.fail() });
	const over = Promise.withResolvers<void>();
	let later: Promise<string> | undefined;
	await tracing.mount(traced, undefined, async () => {
		await tracing.storeCall("login", labels, async () => undefined);
		later = over.promise.then(() => {
			tracing.stage("render", 1, 2);
			return tracing.storeCall("read", labels, async () => "polled");
		});
	});
	over.resolve();
	t.is(await later, "polled");
	await tracing.stop();
	t.deepEqual(collector.spans.map(({ name }) => name).sort(), ["Mount", "store login"]);
});

test("a caller that does not trace is not traced", async (t) => {
	const collector = await startCollector(t);
	const tracing = await openTracing({ url: `${collector.address}/v1/traces`, nodeName: undefined, exportFailed: () => t.fail() });
	await tracing.mount(traced, `00-${caller.traceId}-${caller.spanId}-00`, async () => undefined);
	await tracing.stop();
	t.is(collector.spans.length, 0);
});
