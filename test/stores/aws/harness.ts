import { audiences } from "../../../provider/aws/endpoints.ts";
import { ProviderError } from "../../../provider/errors.ts";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import { module } from "../../../provider/stores/aws/index.ts";
import type { AwsInstance } from "../../../provider/stores/aws/instance.ts";
import { readAwsRef } from "../../../provider/stores/aws/native-ref.ts";
import type { Failed, Identity, Outcome, Session, StoreContext } from "../../../provider/stores/store.ts";
import type { AwsServers } from "../../servers/aws/aws.ts";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer, type TokenIssuer } from "../../support/token-issuer.ts";
import { fieldsOf, makeInstance } from "./dialect-support.ts";

export const everything = { allow: [{ actions: ["*"] }] } as const;

/** One issuer for all tests of a file: making its keys takes longer than most of them. */
export const issuer: TokenIssuer = await createTokenIssuer();

/** A service account that may act as a role of its own, both ways, and the pod that runs as it. */
export function makeAccount(aws: AwsServers, serviceAccount: string, permissions: Parameters<AwsServers["permit"]>[1] = everything) {
	const pod = makePod({ namespace: "shop", serviceAccount });
	const role = aws.roleArn(serviceAccount);
	aws.permit(role, permissions);
	aws.trust(role, { issuer, subject: `system:serviceaccount:shop:${serviceAccount}` });
	aws.associate(role, { issuer, namespace: "shop", serviceAccount });
	return { pod, role };
}

/** An instance at these servers, with further options as YAML lines. */
export function instanceAt(aws: AwsServers, options: Readonly<Record<string, unknown>> = {}): AwsInstance {
	return makeInstance(JSON.stringify({ region: "us-east-1", endpoints: aws.endpoints, ...options }));
}

export interface SessionOptions {
	readonly pod: Pod;
	readonly role?: string;
	readonly token?: string;
	readonly context?: Partial<StoreContext>;
}

/** Logs in as the broker does. */
export async function connect(instance: AwsInstance, { pod, role = "", token, context }: SessionOptions): Promise<Session> {
	const audience = audiences[instance.identity];
	const { namespace, serviceAccount } = pod;
	const identity: Identity = {
		key: JSON.stringify([audience, namespace, serviceAccount, role]),
		audience,
		namespace,
		serviceAccount,
		role,
	};
	return module.store.connect(instance, identity, {
		token: new Secret(token ?? (await issuer.token(pod, { audience }))),
		credentials: new Map(),
		signal: AbortSignal.timeout(60_000),
		schedule: (task) => task(),
		once: (make) => make(),
		allowsAddress: () => true,
		...context,
	});
}

/** Reads entries of the native dialect, such as `{path: app}`. */
export function read(session: Session, instance: AwsInstance, ...entries: readonly string[]): Promise<readonly (Outcome | Failed)[]> {
	const refs = entries.map((entry) => {
		const fields = fieldsOf(entry, "objects[0]");
		const ref = readAwsRef(fields, instance);
		fields.faults.throwIfAny("The entry");
		return ref;
	});
	return session.read(refs, AbortSignal.timeout(60_000));
}

/** What an outcome says: the value, or the error's code. */
export function told(outcome: Outcome | Failed | undefined): string {
	if (outcome === undefined) return "nothing";
	return outcome.kind === "found" ? outcome.value.reveal().toString() : outcome.error.code;
}

/** The error of a login that fails. */
export async function loginError(instance: AwsInstance, options: SessionOptions): Promise<ProviderError> {
	try {
		await connect(instance, options);
	} catch (error) {
		if (error instanceof ProviderError) return error;
		throw error;
	}
	throw new Error("the login did not fail");
}

/** What all sessions of an instance share, as the broker keeps it. */
export function kept(): StoreContext["once"] {
	let made: { readonly value: unknown } | undefined;
	return <T>(make: () => T) => {
		made ??= { value: make() };
		return made.value as T;
	};
}
