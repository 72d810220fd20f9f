import test from "ava";
import { Watchers } from "../../provider/rotation/watchers.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Ref, Session } from "../../provider/stores/store.ts";
import { makeStrongroom, openStore, put, web } from "../strongroom/support.ts";
import { fakeSession, plannedStore } from "../support/fake-store.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider } from "../support/provider.ts";

test("a change in the strongroom is found at once, long before the next poll", async (t) => {
	const location = await makeStrongroom(t);
	const store = await openStore(t, location);
	await put(store, "db", Buffer.from("one"));
	const policy = `stores:\n  main: {type: strongroom, directory: ${location.directory}}\n`;
	const provider = await startTestProvider(t, { policy, providers: "claviger", ages: "default", flags: ["--poll-interval", "1h"] });
	const pod = makePod(web);
	const mount = () => provider.mount("claviger", pod, { objects: "- {name: db, path: db}" }, { audience: "claviger" });
	await mount();
	const end = Date.now() + 20_000;
	for (let value = 0; !provider.logs.some((line) => line.includes('"changed"')); value += 1) {
		if (Date.now() > end) t.fail("no change was found");
		// The watch begins within a second of the mount, so the first of these may come before it.
		await put(store, "db", Buffer.from(`value ${value}`));
		await new Promise((resolve) => setTimeout(resolve, 300));
	}
	t.regex((await mount()).files.get("db")?.contents.toString() ?? "", /^value \d+$/);
});

test("a watch follows the login and the refs, and ends with them", (t) => {
	const watched: { session: string; refs: readonly string[]; signal: AbortSignal; onChange: (ref: Ref) => void; given: readonly Ref[] }[] =
		[];
	const sessionOf = (session: string): Session => ({
		...fakeSession(() => Promise.reject(new Error("not asked"))),
		watch(refs, onChange, signal) {
			watched.push({ session, refs: refs.map(({ key }) => key), signal, onChange, given: refs });
		},
	});
	let session: Session | undefined = sessionOf("first");
	const changed: string[] = [];
	const watchers = new Watchers({ session: () => session, changed: (key) => changed.push(key) });
	const wanted = (...keys: readonly string[]) =>
		keys.map((key) => ({
			key,
			ref: { key },
			asked: {
				podUid: "u",
				store: plannedStore(),
				credentials: new Map(),
				admission: {
					identity: { key: "identity", audience: "vault", namespace: "n", serviceAccount: "s", role: "" },
					token: new Secret("t"),
					tokenExpiresAt: 0,
					allowsAddress: () => true,
				},
			},
			refreshMilliseconds: 1,
		}));
	watchers.update(wanted("a", "b"));
	watchers.update(wanted("b", "a"));
	t.is(watched.length, 1, "the same refs are one watch");
	for (const ref of watched[0]?.given ?? []) watched[0]?.onChange(ref);
	t.deepEqual(changed, ["a", "b"]);
	watchers.update(wanted("a"));
	t.true(watched[0]?.signal.aborted);
	session = sessionOf("second");
	watchers.update(wanted("a"));
	t.deepEqual(
		watched.map(({ session: name, refs }) => `${name} ${refs.join()}`),
		["first a,b", "first a", "second a"],
	);
	session = undefined;
	watchers.update(wanted("a"));
	t.true(watched.every(({ signal }) => signal.aborted));
	watchers.update(wanted("a"));
	t.deepEqual(changed, ["a", "b", "a"], "asking once for a ref brings the next login");
	watchers.update([]);
	watchers.stop();
});
