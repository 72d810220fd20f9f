import test from "ava";
import { Broker } from "../../provider/broker/broker.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Outcome, Ref } from "../../provider/stores/store.ts";
import { fakeInstance, fakeSession, fakeStore, plannedStore, planOf } from "../support/fake-store.ts";

/** A broker over a store that makes a credential at every read of `creds`, and says nothing of it in advance. */
function setUp(options: { readonly read?: (ref: Ref) => Outcome; readonly leased?: boolean; readonly loginMilliseconds?: number } = {}) {
	const counts = { logins: 0, reads: 0, closes: 0 };
	const tokens: string[] = [];
	const make = (): Outcome => {
		const lease = { id: `lease-${counts.reads}`, durationSeconds: 3600, renewable: true, expiresAt: new Date(Date.now() + 3_600_000) };
		return { kind: "found", value: new Secret(`credential ${counts.reads}`), structure: "bytes", lease };
	};
	const store = fakeStore(async (_instance, _identity, context) => {
		counts.logins += 1;
		tokens.push(context.token.reveal().toString());
		const session = fakeSession(async (ref) => {
			counts.reads += 1;
			return options.read?.(ref) ?? make();
		});
		return {
			...session,
			expiresAt: new Date(Date.now() + (options.loginMilliseconds ?? 3_600_000)),
			close: async () => {
				counts.closes += 1;
			},
		};
	});
	const replaced: string[] = [];
	const broker = new Broker({
		concurrency: 16,
		maximumAgeMilliseconds: 60_000,
		maximumStaleMilliseconds: 60_000,
		maximumBytes: 1024 * 1024,
		leases: {
			log: { info: () => undefined, warn: () => undefined },
			onReplaced: (podUid) => void replaced.push(podUid),
			onChanged: () => undefined,
		},
		store: async () => store,
		addressGuard: () => () => true,
	});
	const planned = plannedStore({ instance: fakeInstance() });
	const identity = { key: "web", audience: "vault", namespace: "shop", serviceAccount: "web", role: "" };
	const admissionWith = (token: string) => ({ ...admission, token: new Secret(token) });
	const admission = { identity, token: new Secret("token"), tokenExpiresAt: Date.now() / 1000 + 3600, allowsAddress: () => true };
	const plan = planOf([planned], ["creds"]);
	const leased = {
		...plan,
		objects: plan.objects.map((object) => ({ ...object, ref: { ...object.ref, leased: options.leased ?? false } })),
	};
	const fetch = async (podUid: string, token = "token") => {
		const signal = new AbortController().signal;
		const answers = await broker.fetch({ plan: leased, admissions: [admissionWith(token)], credentials: new Map(), podUid, signal });
		const outcome = answers.get("creds")?.outcome;
		return outcome?.kind === "found" ? outcome.value.reveal().toString() : outcome?.kind;
	};
	const refresh = (podUid: string) =>
		broker.refresh({ store: planned, admission, credentials: new Map(), podUid }, { key: "creds" }, new AbortController().signal);
	return { counts, broker, fetch, refresh, tokens };
}

test("a lease that nobody foresaw is given to nobody: each pod that waited for it makes its own", async (t) => {
	const { counts, fetch, refresh, broker } = setUp();
	const first = await Promise.all(["a", "b", "b"].map((podUid) => fetch(podUid)));
	t.is(new Set(first).size, 2);
	t.false(first.includes("credential 1"));
	t.deepEqual({ logins: counts.logins, reads: counts.reads }, { logins: 3, reads: 3 });
	t.deepEqual(await Promise.all(["a", "b", "b"].map((podUid) => fetch(podUid))), first);
	await refresh("a");
	t.is(counts.reads, 3, "a poller makes nothing new either");
	await broker.leases.release("a");
	t.is(counts.closes, 1);
	t.not(await fetch("a"), first[0]);
	t.is(await fetch("b"), first[1]);
});

test("a lease that the store foretells costs one login and one read a pod", async (t) => {
	const { counts, fetch } = setUp({ leased: true });
	t.is(new Set(await Promise.all(["a", "b"].map((podUid) => fetch(podUid)))).size, 2);
	t.deepEqual({ logins: counts.logins, reads: counts.reads }, { logins: 2, reads: 2 });
});

test("what was foretold as a lease and is none is known for as long as other values, to its pod alone", async (t) => {
	const { counts, fetch } = setUp({ leased: true, read: () => ({ kind: "found", value: new Secret("kept"), structure: "bytes" }) });
	for (const podUid of ["a", "b", "a", "b"]) t.is(await fetch(podUid), "kept");
	t.is(counts.reads, 2);
});

test("a pod logs in anew with the token of its last mount, also when that mount asked for nothing", async (t) => {
	const { fetch, tokens, broker } = setUp({ leased: true, loginMilliseconds: 2000 });
	const first = await fetch("a", "old");
	t.is(await fetch("a", "new"), first);
	const end = Date.now() + 10_000;
	while (tokens.length < 2 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
	t.deepEqual(tokens, ["old", "new"]);
	await broker.leases.stop();
});
