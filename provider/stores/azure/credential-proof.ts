import { ProviderError } from "../../errors.ts";
import type { Secret } from "../../shared/secret.ts";
import type { StoreContext } from "../store.ts";
import { isClientId } from "./client-id.ts";
import type { LoginParts } from "./credential.ts";

/** Who logs in, and by what. */
export interface Proof {
	readonly client: string;
	/** The class of `@azure/identity` that logs in this way; Azure's other SDKs have the same names in their error texts. */
	readonly credential: "ClientAssertionCredential" | "ClientSecretCredential";
	/** The pod's token, or the client secret. */
	readonly secret: Secret;
}

/**
 * What the identity proves itself with: the pod's newest token, or what nodePublishSecretRef brings.
 *
 * @throws ProviderError `invalid` for an annotation that names no client, `unidentified` without a client secret
 */
export function proofOf({ instance, identity, context }: LoginParts): Proof {
	if (instance.identity === "principal") return secretProof(identity.role, context);
	if (!isClientId(identity.role)) {
		const { namespace, serviceAccount } = identity;
		throw new ProviderError("invalid", `The client of service account ${namespace}/${serviceAccount} is no client id.`, {
			stage: "login",
			remedy: `Correct it: kubectl annotate --overwrite serviceaccount ${serviceAccount} --namespace ${namespace} azure.workload.identity/client-id=CLIENT_ID`,
		});
	}
	return { client: identity.role, credential: "ClientAssertionCredential", secret: context.token };
}

/** Source: Azure Key Vault Provider for Secrets Store CSI Driver, "Service Principal": `clientid` and `clientsecret`, in any case. */
function secretProof(role: string, { credentials }: StoreContext): Proof {
	if (credentials.size === 0) throw noCredentials("there is none", "failed to get credentials, nodePublishSecretRef secret is not set");
	const client = role || (findCredential(credentials, "clientid")?.reveal().toString("utf8").trim() ?? "");
	if (!isClientId(client)) throw noCredentials("it has no clientid", "could not find clientid in secrets");
	const secret = findCredential(credentials, "clientsecret");
	if (secret === undefined || secret.reveal().length === 0)
		throw noCredentials("it has no clientsecret", "could not find clientsecret in secrets");
	return { client, credential: "ClientSecretCredential", secret };
}

function findCredential(credentials: ReadonlyMap<string, Secret>, name: string): Secret | undefined {
	const written = [...credentials.keys()].find((key) => key.toLowerCase() === name);
	return written === undefined ? undefined : credentials.get(written);
}

function noCredentials(problem: string, legacyText: string): ProviderError {
	return new ProviderError("unidentified", `The login takes a client secret from nodePublishSecretRef, and ${problem}.`, {
		stage: "login",
		legacyText: `failed to build auth config for mode None: ${legacyText}`,
		remedy:
			"Put clientid and clientsecret into a Secret of the pod's namespace, and name it as nodePublishSecretRef; or use workload identity.",
	});
}
