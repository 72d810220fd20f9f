import type { ExecutionContext } from "ava";
import { type Gcp, startGcp } from "../../servers/gcp/gcp.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import type { StoreFixture } from "../store-test.ts";

const reader = { namespace: "shop", serviceAccount: "web" };
const stranger = { namespace: "shop", serviceAccount: "stranger" };
const pool = "my-proj.svc.id.goog";
const identityProvider = "https://container.googleapis.com/v1/projects/my-proj/locations/us-central1/clusters/c";

/** Secret Manager for the shared store test. It is found at Google's own names, by the way of a proxy. */
export async function openGcpFixture(t: ExecutionContext<unknown>): Promise<StoreFixture> {
	const [gcp, issuer] = await Promise.all([startGcp(t), createTokenIssuer(identityProvider)]);
	useEnvironment(t, gcp.environment);
	gcp.federation.trustCluster({ pool, provider: identityProvider, issuer });
	const member = `serviceAccount:${pool}[${reader.namespace}/${reader.serviceAccount}]`;
	gcp.iam.allow(member, "roles/secretmanager.secretAccessor", "projects/my-proj");
	const secret = (name: string) => `projects/my-proj/secrets/${name}`;
	// No API server could tell of an annotation that names somebody to act as.
	const login = `workloadPool: ${pool}, identityProvider: "${identityProvider}", impersonation: none`;
	return {
		issuer,
		audience: pool,
		policy: `stores:\n  main: {type: gcp, project: my-proj, ${login}}\n`,
		reader,
		stranger,
		addresses: gcp.addresses,
		async put(name, value) {
			gcp.secrets.add(secret(name), value);
		},
		async remove(name) {
			gcp.secrets.delete(secret(name));
		},
		object: (name) => ({ path: `${secret(name)}/versions/latest` }),
		// All that Secret Manager allows in a name beside letters and digits.
		unicodeNames: ["UPPER_and-lower", "_", "-9"],
		bigBytes: 64 * 1024,
		breakDown: async () => failing(gcp, { kind: "error", status: "UNAVAILABLE" }),
		async hang() {
			return { openRequests: () => gcp.openRequests(), release: failing(gcp, { kind: "hang" }) };
		},
	};
}

/** Lets this process find the stand-ins where it looks for Google, until the test ends. */
export function useEnvironment(t: ExecutionContext<unknown>, environment: Readonly<Record<string, string>>): void {
	const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
	Object.assign(process.env, environment);
	t.teardown(() => {
		for (const [name, value] of before) {
			if (value === undefined) delete process.env[name];
			else process.env[name] = value;
		}
	});
}

function failing(gcp: Gcp, fault: Parameters<Gcp["faults"]["add"]>[0]): () => Promise<void> {
	const end = gcp.faults.add(fault);
	return async () => end();
}
