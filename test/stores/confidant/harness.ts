import { audiences } from "../../../provider/aws/endpoints.ts";
import { ProviderError } from "../../../provider/errors.ts";
import { Faults } from "../../../provider/plan/faults.ts";
import { Fields } from "../../../provider/plan/fields.ts";
import { readYaml } from "../../../provider/plan/yaml.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import { module } from "../../../provider/stores/confidant/index.ts";
import { type ConfidantInstance, readInstance } from "../../../provider/stores/confidant/instance.ts";
import { readRef } from "../../../provider/stores/confidant/ref.ts";
import type { Failed, Identity, Outcome, Session, StoreContext } from "../../../provider/stores/store.ts";
import type { Confidant } from "../../servers/confidant/confidant.ts";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer, type TokenIssuer } from "../../support/token-issuer.ts";

/** One issuer for all tests of a file: making its keys takes longer than most of them. */
export const issuer: TokenIssuer = await createTokenIssuer();

const namespace = "shop";

/** Makes a role that the pods of one service account may act as, and that may prove to be the service of its name. */
export function addRole(confidant: Confidant, service: string, serviceAccount = service): string {
	return confidant.addRole(service, { issuer, subject: `system:serviceaccount:${namespace}:${serviceAccount}` });
}

/** An entry under `stores` that reaches a server, with further options. */
export function entryAt(confidant: Confidant, options: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
	return {
		type: "confidant",
		address: confidant.address,
		region: confidant.region,
		authKey: confidant.keys.authentication.alias,
		to: confidant.context,
		endpoints: { sts: confidant.aws.endpoints.sts, kms: confidant.aws.endpoints.kms },
		...options,
	};
}

/** The instance of an entry. @throws ProviderError `invalid` with its faults */
export function makeInstance(entry: Readonly<Record<string, unknown>>): ConfidantInstance {
	const fields = fieldsOf(entry, "stores.main");
	fields.text("type");
	fields.text("role");
	const instance = readInstance("main", fields, {});
	fields.done();
	fields.faults.throwIfAny("The entry");
	return instance;
}

export function fieldsOf(entry: Readonly<Record<string, unknown>>, path: string): Fields {
	const node = readYaml(JSON.stringify(entry));
	if (!(node instanceof Map)) throw new Error("the entry is no mapping");
	return new Fields(node, path, new Faults());
}

export interface LoginOptions {
	readonly role: string;
	/** Default: that of the role's name. */
	readonly serviceAccount?: string;
	readonly context?: Partial<StoreContext>;
}

/** Logs in as the broker does. */
export async function connect(instance: ConfidantInstance, { role, serviceAccount, context }: LoginOptions): Promise<Session> {
	const pod = makePod({ namespace, serviceAccount: serviceAccount ?? role.slice(role.lastIndexOf("/") + 1) });
	const audience = audiences.web;
	const key = JSON.stringify([audience, namespace, pod.serviceAccount, role]);
	const identity: Identity = { key, audience, namespace, serviceAccount: pod.serviceAccount, role };
	return module.store.connect(instance, identity, {
		token: new Secret(await issuer.token(pod, { audience })),
		credentials: new Map(),
		signal: AbortSignal.timeout(60_000),
		schedule: (task) => task(),
		once: (make) => make(),
		allowsAddress: () => true,
		...context,
	});
}

/** Reads credentials by name or id. */
export function read(session: Session, ...credentials: readonly string[]): Promise<readonly (Outcome | Failed)[]> {
	const refs = credentials.map((credential) => readRef(fieldsOf({ credential }, "objects[0]")));
	return session.read(refs, AbortSignal.timeout(60_000));
}

/** What outcomes say: the values, or the errors' codes. */
export async function told(session: Session, ...credentials: readonly string[]): Promise<readonly string[]> {
	return (await read(session, ...credentials)).map((outcome) =>
		outcome.kind === "found" ? outcome.value.reveal().toString() : outcome.error.code,
	);
}

/** The error of a read, told for the one credential or thrown for all. */
export async function readError(session: Session, credential: string): Promise<ProviderError> {
	const [outcome] = await read(session, credential).catch((error: unknown) => {
		if (error instanceof ProviderError) return [{ kind: "failed", error } as const];
		throw error;
	});
	if (outcome === undefined || outcome.kind === "found") throw new Error("the read did not fail");
	return outcome.error;
}
