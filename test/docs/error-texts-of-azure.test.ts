import test from "ava";
import { type AzureServers, startAzure } from "../servers/azure/azure.ts";
import { defaultTenant, exchangeAudience } from "../servers/azure/entra/directory.ts";
import { throttled } from "../servers/azure/faults.ts";
import { CallFailure } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider } from "../support/provider.ts";
import { createTokenIssuer, type TokenIssuer } from "../support/token-issuer.ts";
import { documented, patternOf } from "./error-texts.ts";

const [vault, client] = ["kv-shop", "8f6c1c2e-58a7-4c1e-a5cf-3f2f5c1f0d11"];
const pod = makePod();

interface Site {
	readonly azure: AzureServers;
	readonly issuer: TokenIssuer;
}

/** The client trusts the pod, and may read what is in the vault. */
function trust({ azure, issuer }: Site): void {
	azure.directory.federate({ client, issuer, subject: `system:serviceaccount:${pod.namespace}:${pod.serviceAccount}` });
	azure.vaults.allow(client, vault, { secrets: ["get"] });
}

/** What a subscription does to a pod that has a client and a token. */
const provocations: readonly {
	readonly text: string;
	readonly code: string;
	readonly identity?: string;
	readonly provoke: (site: Site) => void;
}[] = [
	{
		text: "… has no federated credential for the pod's token at …",
		code: "denied",
		provoke: ({ azure, issuer }) => azure.directory.federate({ client, issuer, subject: "system:serviceaccount:shop:another" }),
	},
	{ text: "… finds nobody of that id in the tenant …", code: "denied", provoke: () => undefined },
	{
		text: "… denies the … to …",
		code: "denied",
		provoke: (site) => {
			trust(site);
			site.azure.vaults.allow(client, vault, {});
		},
	},
	{
		text: "… is disabled, and given to nobody",
		code: "denied",
		provoke: (site) => {
			trust(site);
			site.azure.vaults.putSecret(vault, "db", "made-up", { enabled: false });
		},
	},
	{ text: "… has no …. Check its name and version: …", code: "absent", provoke: trust },
	{
		text: "… is deleted, and can still be recovered.",
		code: "absent",
		provoke: (site) => {
			trust(site);
			site.azure.vaults.putSecret(vault, "db", "made-up");
			site.azure.vaults.delete(vault, "secrets", "db");
		},
	},
	{
		text: "… limits the rate of requests…",
		code: "unreachable",
		provoke: (site) => {
			trust(site);
			site.azure.faults.add({ behaviour: throttled(0), operation: "secrets/get" });
		},
	},
	{
		text: "The node's identities are not for pods of the namespace …",
		code: "refused",
		identity: "vm",
		provoke: trust,
	},
];

for (const { text, code, identity = "workload", provoke } of provocations) {
	test(`who sees ${JSON.stringify(text)} of Azure finds it under ${code}`, async (t) => {
		t.true(documented().some((row) => row.text === text && row.code === code));
		const [azure, issuer] = await Promise.all([startAzure(t), createTokenIssuer()]);
		azure.vaults.add(vault);
		provoke({ azure, issuer });
		const [address, authority] = await Promise.all([azure.listenAsVault(vault), azure.listenAsAuthority()]);
		const store = { type: "azure", vault, tenant: defaultTenant, client, identity, address, authority, caFile: azure.caFile };
		const provider = await startTestProvider(t, { policy: JSON.stringify({ stores: { main: store } }), issuer });
		const mounted = provider.mount("claviger", pod, { objects: "- {name: db, store: main, path: db}" }, { audience: exchangeAudience });
		const failure = await t.throwsAsync(mounted, { instanceOf: CallFailure });
		t.is(failure?.errorCode, code, failure?.details);
		t.regex(failure?.details ?? "", patternOf(text));
	});
}
