import test from "ava";
import fc from "fast-check";
import { valueKey } from "../../provider/broker/reader.ts";
import { Values } from "../../provider/broker/values.ts";
import { ProviderError } from "../../provider/errors.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Found, Outcome } from "../../provider/stores/store.ts";

const hour = 3_600_000;
const denied: Outcome = { kind: "denied", error: new ProviderError("denied", "no right") };
const key = valueKey("identity", { key: "ref" });

function found(text: string, structure: Found["structure"] = "bytes"): Found {
	return { kind: "found", value: new Secret(text), structure };
}

function open(now: () => number = () => 0, maximumBytes = 1024 * 1024, changed = (): void => undefined): Values {
	return new Values(maximumBytes, now, { changed });
}

function textOf(values: Values, of: string): string | undefined {
	const outcome = values.peek(of)?.outcome;
	return outcome?.kind === "found" ? outcome.value.reveal().toString() : undefined;
}

/** What a file brings to the next process. */
function overRestart(values: Values, next = open(), maximumAge = hour): Values {
	const kept: unknown = JSON.parse(JSON.stringify(values.snapshot()));
	if (!next.restore(kept, maximumAge)) throw new Error("the snapshot was not taken");
	return next;
}

test("a kept value comes back byte by byte under its own key, by when the store was asked, and is never fresh", (t) => {
	fc.assert(
		fc.property(
			fc.uint8Array({ maxLength: 64 }),
			fc.constantFrom("bytes", "json"),
			fc.integer({ min: 1, max: 3000 }),
			(bytes, structure, age) => {
				const before = open(() => 100_000);
				before.keep(key, { outcome: { kind: "found", value: new Secret(Buffer.from(bytes)), structure }, askedAt: 100_000 - age * 1000 });
				const after = overRestart(
					before,
					open(() => 7),
				);
				const known = after.peek(key);
				const restoredAge = 7 - (known?.askedAt ?? 0);
				return (
					known?.outcome.kind === "found" &&
					known.outcome.structure === structure &&
					known.outcome.value.reveal().equals(Buffer.from(bytes)) &&
					Math.abs(restoredAge - age * 1000) < 1000 &&
					after.fresh(key, 24 * hour) === undefined &&
					after.peek(valueKey("another", { key: "ref" })) === undefined
				);
			},
		),
	);
	t.pass();
});

test("once the store has confirmed a restored value it is like any other", (t) => {
	const before = open();
	before.keep(key, { outcome: found("v"), askedAt: 0 });
	const after = overRestart(before);
	after.keep(key, { outcome: found("v"), askedAt: 0 });
	t.is(after.fresh(key, hour)?.kind, "found");
});

test("what the store has said meanwhile is not overwritten by what was kept", (t) => {
	for (const outcome of [found("new"), denied]) {
		const before = open();
		before.keep(key, { outcome: found("old"), askedAt: 0 });
		const after = open();
		after.keep(key, { outcome, askedAt: 0 });
		overRestart(before, after);
		t.is(after.peek(key)?.outcome.kind, outcome.kind);
		t.is(textOf(after, key), outcome.kind === "found" ? "new" : undefined);
	}
});

const unkept: readonly { readonly name: string; fill(values: Values): void; readonly snapshotHolds: boolean }[] = [
	{
		name: "what is older than it may be",
		snapshotHolds: true,
		fill: (values) => void values.keep(key, { outcome: found("v"), askedAt: -2 * hour }),
	},
	{
		name: "what is from a time yet to come",
		snapshotHolds: true,
		fill: (values) => void values.keep(key, { outcome: found("v"), askedAt: hour }),
	},
	{
		name: "what the store has denied since",
		snapshotHolds: false,
		fill(values) {
			values.keep(key, { outcome: found("v"), askedAt: 0 });
			values.keep(key, { outcome: denied, askedAt: 0 });
		},
	},
	{
		name: "what has a lease",
		snapshotHolds: false,
		fill(values) {
			const lease = { id: "l", durationSeconds: 60, renewable: true, expiresAt: new Date() };
			values.keep(key, { outcome: { ...found("v"), lease }, askedAt: 0 });
		},
	},
	{
		name: "what comes from a store inside this process",
		snapshotHolds: false,
		fill: (values) => void values.keep(key, { outcome: found("v"), askedAt: 0, isLocal: true }),
	},
];

for (const { name, fill, snapshotHolds } of unkept) {
	test(`not taken over a restart: ${name}`, (t) => {
		const before = open();
		fill(before);
		t.is(before.snapshot().values.length, snapshotHolds ? 1 : 0);
		t.is(overRestart(before).peek(key), undefined);
	});
}

test("what is restored stays within the bound of bytes, and what was used last stays", (t) => {
	const before = open();
	for (let count = 0; count < 10; count += 1) before.keep(`k${count}`, { outcome: found("v"), askedAt: 0 });
	before.fresh("k0", hour);
	const after = overRestart(
		before,
		open(() => 0, 3 * 4200),
	);
	const stayed = Array.from({ length: 10 }, (_, index) => `k${index}`).filter((name) => textOf(after, name) === "v");
	t.deepEqual(stayed, ["k0", "k8", "k9"]);
});

test("a snapshot holds 32 MiB at most", (t) => {
	const values = open(() => 0, 1 << 30);
	for (let count = 0; count < 5; count += 1)
		values.keep(`k${count}`, { outcome: { ...found(""), value: new Secret(Buffer.alloc(10 << 20)) }, askedAt: 0 });
	t.deepEqual(
		values.snapshot().values.map((value) => value.key),
		["k4", "k3", "k2"],
	);
});

test("a change is reported at once, the same value once a minute, and what was never there not at all", (t) => {
	let [clock, reports] = [0, 0];
	const values = open(
		() => clock,
		1024 * 1024,
		() => {
			reports += 1;
		},
	);
	const keep = (outcome: Outcome, of = key) => values.keep(of, { outcome, askedAt: clock });
	const counted = (outcome: Outcome, of?: string) => {
		reports = 0;
		keep(outcome, of);
		return reports;
	};
	t.is(counted(found("one")), 1);
	t.is(counted(found("one")), 0);
	t.is(counted(found("two")), 1);
	clock += 60_000;
	t.is(counted(found("two")), 1);
	t.is(counted(found("two")), 0);
	t.is(counted(denied), 1);
	t.is(counted(denied, "never found"), 0);
});

for (const kept of [
	null,
	1,
	[],
	{},
	{ version: 2, values: [] },
	{ version: 1, values: {} },
	{ version: 1, values: [null] },
	{ version: 1, values: [{ key: 1, structure: "bytes", value: "", askedAt: 0 }] },
	{ version: 1, values: [{ key: "k", structure: "text", value: "", askedAt: 0 }] },
	{ version: 1, values: [{ key: "k", structure: "bytes", value: "", askedAt: null }] },
]) {
	test(`${JSON.stringify(kept)} is no snapshot of values`, (t) => {
		t.false(open().restore(kept, hour));
	});
}
