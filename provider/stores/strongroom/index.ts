import { ProviderError } from "../../errors.ts";
import type { Fields } from "../../plan/fields.ts";
import { Secret } from "../../shared/secret.ts";
import type { PodIdentity } from "../../strongroom/bindings.ts";
import { type Location, locate } from "../../strongroom/location.ts";
import { describeAddress, nameProblem, namespaceProblem, type SecretAddress } from "../../strongroom/names.ts";
import type { StoreModule } from "../module.ts";
import type { Outcome, Ref, Session, StoreContext, StoreInstance } from "../store.ts";
import { diagnoseStrongroom } from "./diagnosis.ts";
import { type Answer, Reader } from "./reader.ts";

/** A strongroom in this process's file system. */
interface StrongroomInstance extends StoreInstance {
	readonly location: Location;
}

/** One secret, or one version of it. */
interface StrongroomRef extends Ref, SecretAddress {
	readonly version: number | undefined;
}

/** The store that reads our own strongroom: what a pod may have is decided by the strongroom's bindings. */
export const module: StoreModule = {
	store: {
		type: "strongroom",
		defaultAudience: "claviger",
		needsVerifiedToken: true,
		instance: readInstance,
		role: () => "",
		ref: (fields, _instance, request) => readRef(fields, request.pod.namespace),
		connect,
	},
	diagnose: (instance, { signal }) => diagnoseStrongroom(asInstance(instance).location, signal),
};

function readInstance(name: string, fields: Fields): StrongroomInstance {
	const location = locate({ directory: fields.text("directory"), keyFile: fields.text("keyFile"), keyFile2: fields.text("keyFile2") });
	return {
		name,
		type: "strongroom",
		key: JSON.stringify(["strongroom", location.directory, location.keyFile, location.keyFile2 ?? ""]),
		endpoints: [],
		skipsTlsVerification: false,
		bringsOwnTrust: false,
		location,
	};
}

function readRef(fields: Fields, podNamespace: string): StrongroomRef {
	const name = fields.required("path", "Write the secret's name, such as shop/stripe.").normalize("NFC");
	const problem = name === "" ? undefined : nameProblem(name);
	if (problem !== undefined) fields.reject("path", problem);
	const namespace = fields.text("namespace") ?? podNamespace;
	const namespaceFault = namespaceProblem(namespace);
	if (namespaceFault !== undefined) fields.reject("namespace", namespaceFault);
	const version = readVersion(fields);
	return { key: JSON.stringify([namespace, name, version ?? "current"]), namespace, name, version };
}

function readVersion(fields: Fields): number | undefined {
	const text = fields.text("version");
	if (text === undefined || text === "current") return undefined;
	if (!/^[1-9][0-9]{0,8}$/.test(text)) fields.reject("version", "is not a version", "Write a number from 1, or `current`.");
	return Number(text);
}

/** A login is nothing but opening the store: who the pod is, its verified token has said. */
async function connect(instance: StoreInstance, identity: PodIdentity, context: StoreContext): Promise<Session> {
	const { location } = asInstance(instance);
	const reader = context.once(() => new Reader(location));
	await context.schedule(() => reader.open());
	return {
		// One at a time: a damaged secret must not take the others down.
		batchSize: 1,
		read: async (refs, signal) => {
			const outcomes: Outcome[] = [];
			for (const ref of refs.map(asRef)) {
				signal.throwIfAborted();
				const answer = await context.schedule(() => reader.read(identity, ref, ref.version));
				outcomes.push(toOutcome(answer, ref, identity));
			}
			return outcomes;
		},
		watch(refs, onChange, signal) {
			// The database tells that something changed, and not what: reading anew is cheap.
			reader.watch(() => refs.forEach(onChange), signal);
		},
	};
}

function asInstance(instance: StoreInstance): StrongroomInstance {
	if ("location" in instance) return instance as StrongroomInstance;
	throw new ProviderError("internal", `The store ${instance.name} is not a strongroom.`);
}

function asRef(ref: Ref): StrongroomRef {
	if ("namespace" in ref && "name" in ref) return ref as StrongroomRef;
	throw new ProviderError("internal", "A ref of another store came to the strongroom.");
}

function toOutcome(answer: Answer, ref: StrongroomRef, pod: PodIdentity): Outcome {
	const described = ref.version === undefined ? describeAddress(ref) : `${describeAddress(ref)} version ${ref.version}`;
	if (answer.kind === "found") {
		return { kind: "found", value: new Secret(answer.revealed.bytes), structure: answer.revealed.content };
	}
	if (answer.kind === "absent") {
		const error = new ProviderError("absent", `The strongroom has no secret ${described}.`, {
			remedy: "Put it (claviger strongroom put), or mark the object optional.",
		});
		return { kind: "absent", error };
	}
	const who = `${pod.namespace}/${pod.serviceAccount}`;
	const error = new ProviderError(
		"denied",
		`The strongroom has no secret ${described} for the service account ${who}, or does not allow it.`,
		{
			remedy: `Ask its administrator for a binding (claviger strongroom bind)${pod.serviceAccount === "default" ? "; one for `*` does not include `default`" : ""}.`,
		},
	);
	return { kind: "denied", error };
}
