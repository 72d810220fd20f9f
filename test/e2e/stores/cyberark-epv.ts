import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ccp, startCcp } from "../../servers/cyberark/ccp.ts";
import { nameHosts } from "../host-names.ts";
import type { RunningStore, StoreOffer, StorePlace, StoreVolume } from "../store-case.ts";
import { type CaseTraits, token, UsualCase } from "../usual-case.ts";

const name = "cyberark-epv";
const host = "ccp.example";
const mountPath = "/etc/claviger/cyberark";
const application = "e2e-pods";
/** A safe of its own for what is taken away, because rights are those of a safe's members. */
const safes = { usual: "Pods", revocable: "Pods-Token" } as const;

/** A Central Credential Provider, with the application of the administrator's list and its certificate. */
export const offer: StoreOffer = {
	name,
	providers: [],
	audiences: [],
	cases: [name],
	async start(place) {
		const ccp = await startCcp(undefined);
		try {
			const volume = writeCertificates(ccp, place);
			return { ...(await describe(ccp, place)), hostAliases: await nameHosts(place, { [host]: ccp.strictAddress }), volume };
		} catch (error) {
			await ccp.stop();
			throw error;
		}
	},
};

/** Makes the application, and the folder of what proves it. */
function writeCertificates(ccp: Ccp, { cluster }: StorePlace): StoreVolume {
	const { certificate, key, serial } = ccp.certificates.issue(application);
	ccp.applications.add(application, { serials: [serial] });
	for (const safe of Object.values(safes)) ccp.safes.add(safe, { members: [application] });
	const folder = join(cluster.directory, name);
	mkdirSync(folder);
	for (const [file, text] of Object.entries({ "ca.crt": ccp.authority, "tls.crt": certificate, "tls.key": key }))
		writeFileSync(join(folder, file), text);
	return { name, folder, mountPath };
}

async function describe(ccp: Ccp, { namespaces }: StorePlace): Promise<RunningStore> {
	const store = {
		type: name,
		address: `https://${host}`,
		caFile: `${mountPath}/ca.crt`,
		clientCertificateFile: `${mountPath}/tls.crt`,
		clientKeyFile: `${mountPath}/tls.key`,
		applications: [{ appId: application, serviceAccounts: namespaces.map((namespace) => `${namespace}/default`) }],
	};
	return {
		policy: { stores: { [name]: store } },
		callsForAll: objects.length,
		calls: () => ccp.calls("accounts.get").length,
		cases: new Map([[name, await UsualCase.make(traits(ccp))]]),
		stop: () => ccp.stop(),
	};
}

const objects = [
	{ name: "app", store: name, safe: safes.usual, object: "app" },
	{ name: "token", store: name, safe: safes.revocable, object: "token" },
	{ name: "stays", store: name, safe: safes.usual, object: "stays" },
];
const files = [
	{ path: "password", from: "app" },
	{ path: "nested/app", template: "{{app.UserName}}:{{app}}" },
	{ path: "token", from: "token" },
	{ path: "stays", from: "stays" },
];

/** The account `app` changes, the application is taken from the safe of `token`. */
function traits({ accounts, safes: allSafes }: Ccp): CaseTraits {
	const parameters = { stores: `[${name}]`, objects: JSON.stringify(objects), files: JSON.stringify(files) };
	accounts.put({ safe: safes.revocable, name: "token", content: token });
	accounts.put({ safe: safes.usual, name: "stays", content: "unchanged\n" });
	return {
		provider: "claviger",
		parameters: () => parameters,
		onRevoked: "removed",
		refusal: /No application of the store .* stands for service account negative-test-ns\/default/,
		stays: "unchanged\n",
		write: async (content) => {
			accounts.put({ safe: safes.usual, name: "app", content, userName: "app" });
			return `app:${content}`;
		},
		revoke: async () => allSafes.revoke(safes.revocable, application),
		restore: async () => allSafes.permit(safes.revocable, application),
	};
}
