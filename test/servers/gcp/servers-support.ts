import type { ExecutionContext } from "ava";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer, type TokenIssuer } from "../../support/token-issuer.ts";
import { cloudPlatformScope } from "./access-tokens.ts";
import type { PlainAnswer } from "./client.ts";
import { type Gcp, startGcp } from "./gcp.ts";
import { serviceAccount } from "./iam.ts";

export const pool = "my-proj.svc.id.goog";
export const clusterProvider = "https://container.googleapis.com/v1/projects/my-proj/locations/us-central1/clusters/c";
/** The audience of an exchange by GKE. */
export const clusterAudience = `identitynamespace:${pool}:${clusterProvider}`;
export const providerName = "projects/123456789012/locations/global/workloadIdentityPools/clusters/providers/one";
/** The audience of an exchange by workload identity federation, and of the tokens that it takes. */
export const providerAudience = `//iam.googleapis.com/${providerName}`;
export const web = makePod();
export const webMember = `serviceAccount:${pool}[shop/web]`;

export interface Site {
	readonly gcp: Gcp;
	readonly issuer: TokenIssuer;
	/** The email of a service account. */
	readonly app: string;
}

/** The stand-ins with one issuer that both kinds of federation trust, and a service account `app`. */
export async function openSite(t: ExecutionContext<unknown> | undefined): Promise<Site> {
	const [gcp, issuer] = await Promise.all([startGcp(t), createTokenIssuer(clusterProvider)]);
	gcp.federation.trustCluster({ pool, provider: clusterProvider, issuer });
	gcp.federation.trustProvider({ name: providerName, issuer });
	return { gcp, issuer, app: gcp.accounts.add("app") };
}

/** An access token of a service account, given out without any check. */
export function tokenOf(gcp: Gcp, email: string, scopes: readonly string[] = [cloudPlatformScope], seconds?: number): string {
	return gcp.tokens.issue(serviceAccount(email), scopes, seconds).token;
}

/** What an error says, such as `403 PERMISSION_DENIED: …` or `400 invalid_grant: …`; `200` for none. */
export function verdict({ status, body }: PlainAnswer): string {
	if (status === 200) return "200";
	const fields = typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>) : {};
	const { error, error_description: description } = fields;
	if (typeof error === "string") return `${status} ${error}: ${String(description)}`;
	const { status: name, message } = Object(error) as Readonly<Record<string, unknown>>;
	return `${status} ${String(name)}: ${String(message)}`;
}
