import { randomBytes } from "node:crypto";
import { channel } from "node:diagnostics_channel";
import { Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import type { Pod } from "../../provider/plan/mount-request.ts";
import { CallFailure, type MountResult } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider, type TestProvider } from "../support/provider.ts";
import type { TokenIssuer } from "../support/token-issuer.ts";

/** A real store with two identities: `reader` may read all that is put, `stranger` nothing. */
export interface StoreFixture {
	readonly issuer: TokenIssuer;
	/** The audience of the tokens it takes. */
	readonly audience: string;
	/** The policy file that lets it be asked, with the store configured under `stores.main`. */
	readonly policy: string;
	/** What else the provider is started with. */
	readonly flags?: readonly string[];
	/** Namespace and service account that may read; the stranger is another account. */
	readonly reader: Pick<Pod, "namespace" | "serviceAccount">;
	readonly stranger: Pick<Pod, "namespace" | "serviceAccount">;
	/** `host:port` of every address that the store may be asked at; empty for a store inside the process. */
	readonly addresses: readonly string[];
	/** Writes bytes under a name, or replaces them. */
	put(name: string, value: Buffer): Promise<void>;
	remove(name: string): Promise<void>;
	/** The fields of a native `objects` entry that read a name, beside name and store. */
	object(name: string): Readonly<Record<string, string>>;
	/** The names that the store can hold: its own examples beyond plain ASCII. */
	readonly unicodeNames: readonly string[];
	/** The largest value tried, in bytes. */
	readonly bigBytes: number;
	/** Makes every request to the store fail as an outage does, until the function returned is called. */
	breakDown(): Promise<() => Promise<void>>;
	/** Makes the store accept requests and not answer, until the function returned is called; absent where there is nothing to wait for. */
	hang?(): Promise<{ readonly release: () => Promise<void>; readonly openRequests: () => number }>;
}

const allowedWithoutAsking = /^(127\.0\.0\.1|::1|localhost)$/;

/**
 * The cases that every store passes, through a whole provider and its socket.
 *
 * @param open starts the store for one test
 */
export function testStore(type: string, open: (t: ExecutionContext<unknown>) => Promise<StoreFixture>): void {
	const cases = {
		"a secret that is there is delivered, with a version": found,
		"a secret that is not there is absent, and the other files are not delivered without it": absent,
		"an identity without the right is denied and gets no byte": denied,
		"an outage is neither absent nor denied": outage,
		"an optional secret may be absent, but not unreachable": optional,
		"a big value arrives whole": big,
		"any bytes arrive as they are": binary,
		"names of other scripts work": unicodeNames,
		"two identities at once get each their own answer": twoIdentities,
		"versions change exactly when the content does": versions,
		"no address but the instance's is ever connected to": addresses,
		"a cancelled mount leaves the store": cancelled,
	};
	for (const [name, run] of Object.entries(cases)) {
		test.serial(`${type}: ${name}`, async (t) => {
			const store = await open(t);
			const { policy, issuer, flags = [] } = store;
			const provider = await startTestProvider(t, { policy, providers: "claviger", issuer, flags });
			await run(t, new Bench(store, provider));
		});
	}
}

/** One store behind one provider. */
class Bench {
	readonly store: StoreFixture;
	readonly provider: TestProvider;
	readonly reader: Pod;
	readonly stranger: Pod;

	constructor(store: StoreFixture, provider: TestProvider) {
		this.store = store;
		this.provider = provider;
		this.reader = makePod(store.reader);
		this.stranger = makePod(store.stranger);
	}

	/** Mounts one file per secret, named `f0`, `f1`, … */
	mount(names: readonly string[], pod = this.reader, options: { signal?: AbortSignal; optional?: boolean } = {}): Promise<MountResult> {
		const { optional: isOptional, ...call } = options;
		const objects = names.map((name, index) => ({
			name: `f${index}`,
			store: "main",
			...this.store.object(name),
			...(isOptional ? { optional: "true" } : {}),
		}));
		return this.provider.mount("claviger", pod, { objects: JSON.stringify(objects) }, { audience: this.store.audience, ...call });
	}

	async failure(t: ExecutionContext<unknown>, mounted: Promise<unknown>): Promise<CallFailure> {
		const error = await t.throwsAsync(mounted, { instanceOf: CallFailure });
		if (error === undefined) throw new Error("the mount did not fail");
		return error;
	}
}

async function found(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	await bench.store.put("app", Buffer.from("hunter2"));
	const { files, versions: given } = await bench.mount(["app"]);
	t.is(files.get("f0")?.contents.toString(), "hunter2");
	t.is(files.get("f0")?.mode, 0o644);
	t.regex(given.get("f0") ?? "", /^[\w-]{43}=$/);
}

async function absent(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	await bench.store.put("app", Buffer.from("hunter2"));
	const error = await bench.failure(t, bench.mount(["app", "nothing-here"]));
	t.is(error.errorCode, "absent", error.details);
	t.true(error.details.includes("objects[1]"), error.details);
	t.false(error.details.includes("hunter2"));
	await bench.store.put("gone", Buffer.from("was here"));
	await bench.mount(["gone"]);
	await bench.store.remove("gone");
	t.is((await bench.failure(t, bench.mount(["gone"], makePod(bench.store.reader)))).errorCode, "absent", "a pod that never held it");
	t.deepEqual([...(await bench.mount(["gone"])).files.keys()], [".revoked"], "the pod that held it");
}

async function denied(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	await bench.store.put("app", Buffer.from("hunter2"));
	await bench.mount(["app"]);
	const error = await bench.failure(t, bench.mount(["app"], bench.stranger));
	t.is(error.errorCode, "denied", error.details);
	t.false(error.details.includes("hunter2"));
	t.true(bench.provider.logs.some((line) => line.includes('"code":"denied"')));
}

async function outage(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	await bench.store.put("app", Buffer.from("hunter2"));
	await bench.mount(["app"]);
	const repair = await bench.store.breakDown();
	const error = await bench.failure(t, bench.mount(["app"]));
	t.is(error.errorCode, "unreachable", error.details);
	t.notRegex(error.code, /UNAVAILABLE|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED|CANCELLED|ABORTED/);
	await repair();
	t.is((await bench.mount(["app"])).files.get("f0")?.contents.toString(), "hunter2");
}

async function optional(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	await bench.store.put("app", Buffer.from("hunter2"));
	const { files } = await bench.mount(["app", "nothing-here"], bench.reader, { optional: true });
	t.deepEqual([...files.keys()], ["f0"]);
	const none = await bench.mount(["nothing-here"], bench.reader, { optional: true });
	t.is(none.files.size, 1, "the driver ignores an answer without files");
	const repair = await bench.store.breakDown();
	t.is((await bench.failure(t, bench.mount(["app"], bench.reader, { optional: true }))).errorCode, "unreachable");
	await repair();
}

async function big(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	const value = randomBytes(bench.store.bigBytes);
	await bench.store.put("big", value);
	t.true((await bench.mount(["big"])).files.get("f0")?.contents.equals(value));
}

async function binary(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	const values = [
		Buffer.from([...Array(256).keys()]),
		Buffer.from("\ufefftext\r\n"),
		Buffer.from("12345678901234567890"),
		Buffer.from("null"),
		Buffer.from([0]),
		Buffer.from("trailing newline\n"),
		Buffer.from([0xc3, 0x28]),
	];
	for (const [index, value] of values.entries()) await bench.store.put(`binary${index}`, value);
	const { files } = await bench.mount(values.map((_, index) => `binary${index}`));
	for (const [index, value] of values.entries()) t.deepEqual(files.get(`f${index}`)?.contents, value);
}

async function unicodeNames(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	for (const name of bench.store.unicodeNames) await bench.store.put(name, Buffer.from(`of ${name}`));
	const { files } = await bench.mount(bench.store.unicodeNames);
	for (const [index, name] of bench.store.unicodeNames.entries()) t.is(files.get(`f${index}`)?.contents.toString(), `of ${name}`);
}

async function twoIdentities(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	await bench.store.put("app", Buffer.from("hunter2"));
	const mounts = Array.from({ length: 20 }, (_, index) => bench.mount(["app"], index % 2 === 0 ? bench.reader : bench.stranger));
	const results = await Promise.allSettled(mounts);
	for (const [index, result] of results.entries()) {
		if (index % 2 === 0) t.is(result.status, "fulfilled");
		else t.is(result.status === "rejected" && result.reason instanceof CallFailure ? result.reason.errorCode : "", "denied");
	}
}

async function versions(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	const versionOf = async (pod = bench.reader) => (await bench.mount(["app"], pod)).versions.get("f0");
	await bench.store.put("app", Buffer.from("one"));
	const first = await versionOf();
	t.is(await versionOf(), first, "a remount changes nothing");
	t.is(await versionOf(makePod(bench.store.reader)), first, "another pod of the workload has the same version");
	await bench.store.put("app", Buffer.from("one"));
	t.is(await versionOf(), first, "the same content written again is no change");
	await bench.store.put("app", Buffer.from("two"));
	t.not(await versionOf(), first);
	await bench.store.put("app", Buffer.from("one"));
	t.is(await versionOf(), first, "the version tells the content, not the write");
}

async function addresses(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	const seen = new Set<string>();
	const note = (message: unknown): void => {
		const socket = (message as { socket?: unknown }).socket;
		if (!(socket instanceof Socket)) return;
		socket.once("connect", () => {
			if (socket.remoteAddress !== undefined) seen.add(`${socket.remoteAddress}:${socket.remotePort}`);
		});
	};
	const connections = channel("net.client.socket");
	await bench.store.put("app", Buffer.from("hunter2"));
	connections.subscribe(note);
	t.teardown(() => connections.unsubscribe(note));
	await bench.mount(["app"]);
	await bench.failure(t, bench.mount(["app"], bench.stranger));
	connections.unsubscribe(note);
	for (const address of seen) t.true(bench.store.addresses.includes(address), `connected to ${address}`);
	if (bench.store.addresses.length > 0) t.true(seen.size > 0, "the connections were seen at all");
	t.true(bench.store.addresses.every((address) => allowedWithoutAsking.test(address.replace(/:\d+$/, ""))));
}

async function cancelled(t: ExecutionContext<unknown>, bench: Bench): Promise<void> {
	await bench.store.put("app", Buffer.from("hunter2"));
	if (bench.store.hang === undefined) {
		t.is((await bench.mount(["app"])).files.size, 1);
		return;
	}
	await bench.mount(["app"]);
	const { release, openRequests } = await bench.store.hang();
	const caller = new AbortController();
	const mounting = bench.failure(t, bench.mount(["app"], bench.reader, { signal: caller.signal }));
	await until(t, () => openRequests() > 0);
	const before = Date.now();
	caller.abort();
	await mounting;
	await until(t, () => openRequests() === 0);
	t.true(Date.now() - before < 1000, "the store's request ended within a second");
	await release();
	t.is((await bench.mount(["app"])).files.get("f0")?.contents.toString(), "hunter2");
}

async function until(t: ExecutionContext<unknown>, condition: () => boolean): Promise<void> {
	const end = Date.now() + 10_000;
	while (Date.now() < end) {
		if (condition()) return;
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	t.fail("the condition was never met");
}
