import { readFileSync } from "node:fs";
import type { JSONWebKeySet } from "jose";
import { type Gcp, startGcp } from "../../servers/gcp/gcp.ts";
import { Objects } from "../../servers/kubernetes/objects.ts";
import { nameHosts } from "../host-names.ts";
import type { RunningStore, StoreOffer, StorePlace } from "../store-case.ts";
import { type CaseTraits, token, UsualCase, usualFiles } from "../usual-case.ts";

const compatible = "gcp";
const native = "gcp-native";
const services = ["securetoken", "sts", "iamcredentials", "secretmanager"];
const accessor = "roles/secretmanager.secretAccessor";
/** The cluster as one of GKE, and as any cluster whose issuer a pool trusts: two ways to log in, with tokens of their own. */
const pool = "my-proj.svc.id.goog";
const cluster = "https://container.googleapis.com/v1/projects/my-proj/locations/us-central1/clusters/e2e";
const federation = "projects/123456789012/locations/global/workloadIdentityPools/clusters";
const provider = `${federation}/providers/e2e`;

/** Secret Manager and those who let pods in, who know the cluster's keys, at their real names. */
export const offer: StoreOffer = {
	name: "gcp",
	providers: ["gcp"],
	audiences: [pool, `//iam.googleapis.com/${provider}`],
	cases: [compatible, native],
	async start(place) {
		const gcp = await startGcp(undefined);
		try {
			await trustPods(gcp, place);
			const hosts = services.map((service) => `${service}.googleapis.com`);
			const servers = await Promise.all(hosts.map(async (host) => [host, await gcp.address(host)] as const));
			return { ...(await describe(gcp, place)), hostAliases: await nameHosts(place, Object.fromEntries(servers)) };
		} catch (error) {
			await gcp.stop();
			throw error;
		}
	},
};

/** Knows the cluster in both ways, and lets the accounts act as the service account that their annotation names. */
async function trustPods(gcp: Gcp, place: StorePlace): Promise<void> {
	const issuer = { issuer: place.cluster.address, keys: (await place.cluster.jwks()) as JSONWebKeySet };
	const objects = new Objects(place.cluster);
	gcp.federation.trustCluster({ pool, provider: cluster, issuer });
	gcp.federation.trustProvider({ name: provider, issuer });
	const app = gcp.accounts.add("app");
	gcp.iam.allow(`serviceAccount:${app}`, accessor, "projects/my-proj");
	for (const namespace of place.namespaces) {
		const member = `serviceAccount:${pool}[${namespace}/default]`;
		gcp.iam.allow(member, "roles/iam.workloadIdentityUser", `projects/-/serviceAccounts/${app}`);
		const account = { apiVersion: "v1", kind: "ServiceAccount", namespace, name: "default" };
		await objects.change(account, { metadata: { annotations: { "iam.gke.io/gcp-service-account": app } } });
	}
}

async function describe(gcp: Gcp, { namespaces }: StorePlace): Promise<RunningStore> {
	const store = { type: "gcp", project: "my-proj", identityProvider: `//iam.googleapis.com/${provider}`, impersonation: "none" };
	return {
		policy: { stores: { [offer.name]: store }, dialects: { gcp: { workloadPool: pool, identityProvider: cluster } } },
		values: { roleAnnotations: { enabled: true } },
		authority: readFileSync(gcp.caFile, "utf8"),
		// Two exchanges of tokens, one more to act as the service account, and three secrets for each case.
		callsForAll: 3 + 3 * offer.cases.length,
		calls: () => gcp.calls().length,
		cases: new Map([
			[compatible, await UsualCase.make(compatibleTraits(gcp))],
			[native, await UsualCase.make(nativeTraits(gcp, namespaces))],
		]),
		stop: () => gcp.stop(),
	};
}

function secretOf(name: string): string {
	return `projects/my-proj/secrets/${name}`;
}

/** Writes a secret of two parts. @returns it */
function writeApp(gcp: Gcp, name: string, password: string): string {
	const app = JSON.stringify({ user: "app", password });
	gcp.secrets.add(secretOf(name), app);
	return app;
}

/** A class as it is written for today's provider, whose pods act as a service account; the secret is deleted. */
function compatibleTraits(gcp: Gcp): CaseTraits {
	const name = (secret: string) => `${secretOf(`${compatible}-${secret}`)}/versions/latest`;
	const secrets = [
		{ resourceName: name("app"), path: "password", extractJSONKey: "password" },
		{ resourceName: name("app"), path: "nested/app" },
		{ resourceName: name("token"), path: "token" },
		{ resourceName: `${secretOf(`${compatible}-stays`)}/versions/1`, path: "stays" },
	];
	gcp.secrets.add(secretOf(`${compatible}-stays`), "unchanged\n");
	return {
		provider: "gcp",
		parameters: () => ({ secrets: JSON.stringify(secrets) }),
		onRevoked: "kept",
		refusal: /PERMISSION_DENIED/,
		stays: "unchanged\n",
		write: async (password) => writeApp(gcp, `${compatible}-app`, password),
		revoke: async () => gcp.secrets.delete(secretOf(`${compatible}-token`)),
		restore: async () => void gcp.secrets.add(secretOf(`${compatible}-token`), token),
	};
}

/** A class of the own dialect, whose pods are themselves; they lose their right to the secret. */
function nativeTraits(gcp: Gcp, namespaces: readonly string[]): CaseTraits {
	const secrets = ["app", "token", "stays"];
	const objects = secrets.map((name) => ({ name, store: offer.name, path: `${native}-${name}` }));
	const parameters = { stores: `[${offer.name}]`, objects: JSON.stringify(objects), files: JSON.stringify(usualFiles) };
	const members = namespaces.map(
		(namespace) => `principal://iam.googleapis.com/${federation}/subject/system:serviceaccount:${namespace}:default`,
	);
	const allow = (secret: string) => {
		for (const member of members) gcp.iam.allow(member, accessor, secretOf(`${native}-${secret}`));
	};
	allow("app");
	allow("stays");
	gcp.secrets.add(secretOf(`${native}-token`), token);
	gcp.secrets.add(secretOf(`${native}-stays`), "unchanged\n");
	return {
		provider: "claviger",
		parameters: () => parameters,
		onRevoked: "removed",
		refusal: /PERMISSION_DENIED/,
		stays: "unchanged\n",
		write: async (password) => writeApp(gcp, `${native}-app`, password),
		revoke: async () => {
			for (const member of members) gcp.iam.revoke(member);
			allow("app");
			allow("stays");
		},
		restore: async () => allow("token"),
	};
}
