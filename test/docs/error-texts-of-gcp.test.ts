import test from "ava";
import { type Gcp, startGcp } from "../servers/gcp/gcp.ts";
import { useEnvironment } from "../stores/gcp/fixture.ts";
import { CallFailure } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider } from "../support/provider.ts";
import { createTokenIssuer, type TokenIssuer } from "../support/token-issuer.ts";
import { documented, patternOf } from "./error-texts.ts";

const workloadPool = "my-proj.svc.id.goog";
const identityProvider = "https://container.googleapis.com/v1/projects/my-proj/locations/europe-west3/clusters/shop";
const secret = "projects/my-proj/secrets/db";
const pod = makePod();
const member = `serviceAccount:${workloadPool}[${pod.namespace}/${pod.serviceAccount}]`;

function trust(gcp: Gcp, issuer: TokenIssuer): void {
	gcp.federation.trustCluster({ pool: workloadPool, provider: identityProvider, issuer });
}

/** The cluster is known, and the pod may read. */
function allow(gcp: Gcp, issuer: TokenIssuer): void {
	trust(gcp, issuer);
	gcp.iam.allow(member, "roles/secretmanager.secretAccessor", "projects/my-proj");
}

/** What a project does to a pod that has a token. */
const provocations: readonly {
	readonly text: string;
	readonly code: string;
	readonly store?: object;
	readonly version?: string;
	readonly provoke: (gcp: Gcp, issuer: TokenIssuer) => unknown;
}[] = [
	{ text: "… knows no such pool or provider for …", code: "invalid", provoke: () => undefined },
	{
		text: "Google's token service … does not take the token as a proof of …",
		code: "unidentified",
		provoke: async (gcp) => trust(gcp, await createTokenIssuer()),
	},
	{ text: "… denies … to …", code: "denied", provoke: trust },
	{
		text: "IAM does not let … act as …",
		code: "denied",
		store: { role: "shop@my-proj.iam.gserviceaccount.com" },
		provoke: (gcp, issuer) => {
			allow(gcp, issuer);
			gcp.accounts.add("shop");
		},
	},
	{
		text: "… gives … to nobody, because it is disabled or its key is",
		code: "denied",
		provoke: (gcp, issuer) => {
			allow(gcp, issuer);
			gcp.secrets.setState(secret, gcp.secrets.add(secret, "made-up"), "DISABLED");
		},
	},
	{ text: "… has no …. Check its name and version: …", code: "absent", provoke: allow },
	{
		text: "… has destroyed …",
		code: "absent",
		version: "1",
		provoke: (gcp, issuer) => {
			allow(gcp, issuer);
			gcp.secrets.setState(secret, gcp.secrets.add(secret, "made-up"), "DESTROYED");
		},
	},
	{
		text: "… is switched off for the project…",
		code: "unreachable",
		provoke: (gcp, issuer) => {
			allow(gcp, issuer);
			gcp.faults.add({ kind: "error", status: "PERMISSION_DENIED", reason: "SERVICE_DISABLED" }, { operation: "secrets.access" });
		},
	},
	{
		text: "The node's identity is not for pods of the namespace …",
		code: "refused",
		store: { identity: "node" },
		provoke: () => undefined,
	},
];

for (const { text, code, store = {}, version = "latest", provoke } of provocations) {
	// The stand-ins are found by the environment, which is the whole process's.
	test.serial(`who sees ${JSON.stringify(text)} of Google finds it under ${code}`, async (t) => {
		t.true(documented().some((row) => row.text === text && row.code === code));
		const [gcp, issuer] = await Promise.all([startGcp(t), createTokenIssuer()]);
		useEnvironment(t, gcp.environment);
		await provoke(gcp, issuer);
		const main = { type: "gcp", project: "my-proj", workloadPool, identityProvider, impersonation: "none", ...store };
		const provider = await startTestProvider(t, { policy: JSON.stringify({ stores: { main } }), issuer });
		const objects = JSON.stringify([{ name: "db", store: "main", path: "db", version }]);
		const failure = await t.throwsAsync(provider.mount("claviger", pod, { objects }, { audience: workloadPool }), {
			instanceOf: CallFailure,
		});
		t.is(failure?.errorCode, code, failure?.details);
		t.regex(failure?.details ?? "", patternOf(text));
	});
}
