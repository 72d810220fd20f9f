import type { ServerResponse } from "node:http";
import { AwsError } from "./aws-error.ts";
import type { GateRequest } from "./gate-request.ts";
import type { AwsSession, Sessions } from "./sessions.ts";
import { type IssuerKeys, type TokenRefusals, verifyToken } from "./trust.ts";

const audience = "pods.eks.amazonaws.com";

const invalidToken = new AwsError("InvalidTokenException", "The token included in the request is invalid.");
const refusals: TokenRefusals = {
	malformed: invalidToken,
	unknownIssuer: () => invalidToken,
	unknownKey: invalidToken,
	signature: invalidToken,
	audience: new AwsError("InvalidTokenException", "The token included in the request has the wrong audience."),
	expired: new AwsError("ExpiredTokenException", "The token included in the request is expired."),
};

/** Which role the pods of a service account get. */
export interface PodIdentityAssociation {
	/** Of the cluster. */
	readonly issuer: IssuerKeys;
	readonly namespace: string;
	readonly serviceAccount: string;
}

/** The associations of a cluster. */
export class PodIdentityAssociations {
	readonly #issuers = new Map<string, IssuerKeys>();
	readonly #roles = new Map<string, string>();

	add(role: string, { issuer, namespace, serviceAccount }: PodIdentityAssociation): void {
		this.#issuers.set(issuer.issuer, issuer);
		this.#roles.set(`${namespace}/${serviceAccount}`, role);
	}

	get issuers(): ReadonlyMap<string, IssuerKeys> {
		return this.#issuers;
	}

	/** @param account `namespace/service-account` */
	roleOf(account: string): string | undefined {
		return this.#roles.get(account);
	}
}

/**
 * The EKS Pod Identity agent: the pod's token in, credentials of the associated role out.
 * Source: the agent's own answers, and the EKS Auth API reference, AssumeRoleForPodIdentity.
 *
 * @throws AwsError
 */
export async function podCredentials(
	{ headers, names, method }: GateRequest,
	associations: PodIdentityAssociations,
	sessions: Sessions,
	seconds: number,
): Promise<AwsSession> {
	const token = headers.authorization ?? "";
	if (method !== "GET") throw new AwsError("InvalidRequestException", "Only GET is served.", 405);
	if (token === "") throw new AwsError("InvalidRequestException", "Service account token cannot be empty");
	await verifyToken(token, associations.issuers, [audience], refusals);
	const [account = ""] = names;
	const role = associations.roleOf(account);
	if (role === undefined) throw new AwsError("ResourceNotFoundException", `No association for ${account}.`, 404);
	return sessions.issue(role, `eks-${account.replace("/", "-")}`.slice(0, 64), seconds);
}

/** Writes the agent's answer. */
export function writeCredentials(outgoing: ServerResponse, session: AwsSession, account: string): void {
	const { accessKeyId, secretAccessKey, sessionToken, expiresAt = 0 } = session;
	outgoing.writeHead(200, { "content-type": "application/json" }).end(
		JSON.stringify({
			AccessKeyId: accessKeyId,
			SecretAccessKey: secretAccessKey,
			Token: sessionToken,
			AccountId: account,
			Expiration: new Date(expiresAt).toISOString().replace(/\.\d+Z$/, "Z"),
		}),
	);
}
