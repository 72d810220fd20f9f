import { hash } from "node:crypto";
import { ProviderError } from "../errors.ts";
import { quote } from "../plan/fields.ts";
import type { Identity, StoreContext } from "../stores/store.ts";
import { Caller } from "./caller.ts";
import type { AwsCredentials } from "./clients.ts";
import type { Connections } from "./connections.ts";
import type { AwsPlaces } from "./endpoints.ts";
import { isRoleArn } from "./role.ts";
import { trustError } from "./trust.ts";

const longestSessionName = 64;

/** What a login gives. */
export interface AwsLogin {
	readonly credentials: AwsCredentials;
	readonly expiresAt: Date;
}

/** What a login takes. */
export interface LoginParts {
	readonly instance: AwsPlaces;
	readonly connections: Connections;
	readonly identity: Identity;
	readonly context: StoreContext;
}

/**
 * Asks STS for the role's credentials (AssumeRoleWithWebIdentity, unsigned). Those of one region are valid in all
 * regions of its partition, so the second region's STS is asked only when the first one's gives no answer.
 *
 * @throws ProviderError `denied` when STS refuses the identity, `unidentified` when it does not take the token,
 * `invalid` when the role is none, `unreachable` on an outage
 */
export async function assumeRole(parts: LoginParts): Promise<AwsLogin> {
	const { identity, instance, connections } = parts;
	if (!isRoleArn(identity.role)) throw noRole(identity);
	const { region, failoverRegion } = instance;
	if (failoverRegion === undefined) return assumeIn(region, parts);
	if (connections.isResting("sts", region)) return assumeIn(failoverRegion, parts);
	try {
		return await assumeIn(region, parts);
	} catch (reason) {
		const error = ProviderError.from(reason);
		if (error.code !== "unreachable" || parts.context.signal.aborted) throw error;
		connections.note("sts", region, false);
		return await assumeIn(failoverRegion, parts).catch(() => {
			throw error;
		});
	}
}

async function assumeIn(region: string, { identity, instance, connections, context }: LoginParts): Promise<AwsLogin> {
	const { AssumeRoleWithWebIdentityCommand } = await import("@aws-sdk/client-sts");
	const input = {
		RoleArn: identity.role,
		RoleSessionName: sessionName(identity),
		WebIdentityToken: context.token.reveal().toString("utf8"),
	};
	const caller = new Caller({ instance, connections, context });
	const answer = await caller
		.send("sts", region, context.signal, (client, signal) =>
			client.send(new AssumeRoleWithWebIdentityCommand(input), { abortSignal: signal }),
		)
		.catch((error: unknown) => {
			throw trustError(error, { region, identity, token: context.token });
		});
	const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials ?? {};
	if (!AccessKeyId || !SecretAccessKey || !SessionToken || !(Expiration instanceof Date) || Number.isNaN(Expiration.getTime())) {
		throw new ProviderError("unreachable", `STS in ${region} gave no usable answer: it holds no credentials.`, {
			stage: "login",
			remedy: "Check that the endpoint leads to AWS itself and not to a proxy's page.",
		});
	}
	const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
	return { credentials, expiresAt: Expiration };
}

/**
 * What CloudTrail shows of the session: namespace and service account, in the 2 to 64 characters that STS allows. A
 * longer name is cut, and told from others by a digest.
 */
export function sessionName({ namespace, serviceAccount }: Pick<Identity, "namespace" | "serviceAccount">): string {
	const name = `${namespace}@${serviceAccount}`.replace(/[^\w+=,.@-]/g, "-");
	if (name.length <= longestSessionName) return name;
	const digest = hash("sha256", name, "hex").slice(0, 8);
	return `${name.slice(0, longestSessionName - digest.length - 1)}-${digest}`;
}

function noRole({ role, namespace, serviceAccount }: Identity): ProviderError {
	return new ProviderError("invalid", `${quote(role)}, the role of service account ${namespace}/${serviceAccount}, is no role's ARN.`, {
		stage: "login",
		remedy: `Correct it: kubectl annotate --overwrite serviceaccount ${serviceAccount} --namespace ${namespace} eks.amazonaws.com/role-arn=arn:aws:iam::111122223333:role/shop`,
	});
}
