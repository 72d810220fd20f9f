import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { run } from "../../provider/cli/strongroom.ts";
import { Faults } from "../../provider/plan/faults.ts";
import { Fields } from "../../provider/plan/fields.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Identity, Outcome, StoreContext } from "../../provider/stores/store.ts";
import { module } from "../../provider/stores/strongroom/index.ts";
import type { PodIdentity } from "../../provider/strongroom/bindings.ts";
import { createStrongroom } from "../../provider/strongroom/create.ts";
import { type Location, locate } from "../../provider/strongroom/location.ts";
import type { SecretAddress } from "../../provider/strongroom/names.ts";
import { OpenStore } from "../../provider/strongroom/open-store.ts";
import { putSecret } from "../../provider/strongroom/write.ts";
import { type CommandResult, runInProcess } from "../support/command.ts";
import { makePod } from "../support/pods.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

export const web: PodIdentity = { namespace: "shop", serviceAccount: "web" };

/** A strongroom of the test's own, where `shop/web` may mount everything of namespace `shop`. */
export async function makeStrongroom(t: ExecutionContext<unknown>): Promise<Location> {
	const location = locate({ directory: join(temporaryDirectory(t), "strongroom") }, {});
	await createStrongroom(location, "tester");
	const bound = await command(location, ["bind", "*", "--namespace", "shop", "--service-account", "web"]);
	t.is(bound.code, 0, bound.stderr);
	return location;
}

/** Opens the writing side, closed when the test ends. */
export async function openStore(t: ExecutionContext<unknown>, location: Location): Promise<OpenStore> {
	const store = await OpenStore.open(location, { access: "write", busyTimeout: 10_000 });
	t.teardown(() => store.close());
	return store;
}

export function inShop(name: string): SecretAddress {
	return { namespace: "shop", name };
}

export function put(store: OpenStore, name: string, value: string | Buffer): Promise<number> {
	return putSecret(store, inShop(name), Buffer.from(value), undefined, { actor: "tester" });
}

/** Runs `claviger strongroom …` on a location, in this process. */
export function command(location: Location, args: readonly string[], input: string | Buffer = ""): Promise<CommandResult> {
	return runInProcess(run, [...args, "--directory", location.directory, "--key-file", location.keyFile], { stdin: input });
}

/** Reads as the store does for a pod, each time with a connection of its own. */
export function read(
	location: Location,
	name: string,
	pod: PodIdentity = web,
	fields: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
	return connectedReader(location)(name, pod, fields);
}

/** Reads as the store does for a pod, over one connection that stays open. */
export function connectedReader(location: Location) {
	const context = makeContext();
	return async (name: string, pod: PodIdentity = web, fields: Readonly<Record<string, string>> = {}): Promise<Outcome> => {
		const faults = new Faults();
		const options: [string, string][] = [
			["directory", location.directory],
			["keyFile", location.keyFile],
		];
		if (location.keyFile2 !== undefined) options.push(["keyFile2", location.keyFile2]);
		const instance = module.store.instance("own", new Fields(new Map(options), "stores.own", faults));
		const request = { ...emptyRequest, pod: makePod(pod) };
		const ref = module.store.ref(new Fields(new Map(Object.entries({ path: name, ...fields })), "objects[0]", faults), instance, request);
		faults.throwIfAny("The parameters");
		const identity: Identity = { key: `${pod.namespace}/${pod.serviceAccount}`, audience: "claviger", role: "", ...pod };
		const session = await module.store.connect(instance, identity, context);
		const [outcome] = await session.read([ref], context.signal);
		if (outcome?.kind === "failed") throw outcome.error;
		if (outcome === undefined) throw new Error("no outcome");
		return outcome;
	};
}

/** What an outcome says, in a form that tests compare: the text of a value, or the kind of a refusal. */
export function summary(outcome: Outcome): string {
	return outcome.kind === "found" ? outcome.value.reveal().toString("utf8") : `<${outcome.kind}>`;
}

const emptyRequest = {
	provider: "claviger",
	tokens: new Map<string, Secret>(),
	parameters: new Map<string, string>(),
	credentials: new Map<string, Secret>(),
	defaultMode: 0o644,
	targetPath: "/target",
	currentVersions: new Map<string, string>(),
	signal: new AbortController().signal,
};

function makeContext(): StoreContext {
	const kept: unknown[] = [];
	return {
		token: new Secret("token"),
		credentials: new Map(),
		signal: emptyRequest.signal,
		schedule: (task) => task(),
		once: <T>(make: () => T): T => {
			if (kept.length === 0) kept.push(make());
			return kept[0] as T;
		},
		allowsAddress: () => false,
	};
}
