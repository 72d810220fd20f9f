import type { JSONWebKeySet } from "jose";
import { type Conjur, startConjur } from "../../servers/conjur/conjur.ts";
import { audience, branch, letIn, service } from "../../servers/conjur/site.ts";
import { nameHosts } from "../host-names.ts";
import type { RunningStore, StoreOffer, StorePlace } from "../store-case.ts";
import { type CaseTraits, token, UsualCase, usualFiles } from "../usual-case.ts";

const compatible = "conjur";
const native = "conjur-native";
const variablesOf = (name: string) => ["app", "token", "stays"].map((variable) => `${name}/${variable}`);
const address = "https://conjur.example";

/** Conjur, which lets in pods by the cluster's keys. Classes of today's form have their list in the pods' annotation. */
export const offer: StoreOffer = {
	name: "conjur",
	providers: ["conjur"],
	audiences: [audience],
	cases: [compatible, native],
	async start(place) {
		const conjur = await startConjur(undefined);
		try {
			const keys = (await place.cluster.jwks()) as JSONWebKeySet;
			const issuer = { issuer: place.cluster.address, keys };
			conjur.authenticators.add(service, { ...issuer, audience, tokenAppProperty: "sub", identityPath: branch });
			const hostAliases = await nameHosts(place, { [new URL(address).host]: conjur.address });
			return { ...(await describe(conjur, place)), hostAliases };
		} catch (error) {
			await conjur.stop();
			throw error;
		}
	},
};

async function describe(conjur: Conjur, { namespaces }: StorePlace): Promise<RunningStore> {
	const variables = offer.cases.flatMap(variablesOf);
	const hosts = namespaces.map((namespace) => letIn(conjur, { namespace, serviceAccount: "default" }, variables));
	const server = { address, account: conjur.account, caCertificate: conjur.authority };
	return {
		policy: {
			endpoints: [{ origin: address, ownTrust: true }],
			stores: { [offer.name]: { type: "conjur", ...server, service } },
		},
		values: { readPodAnnotations: { enabled: true } },
		podAnnotations: { "conjur.org/secrets": JSON.stringify(annotatedSecrets) },
		// A login and a batch of variables for each case.
		callsForAll: 2 * offer.cases.length,
		calls: () => conjur.calls().length,
		cases: new Map([
			[compatible, await UsualCase.make(compatibleTraits(conjur))],
			[native, await UsualCase.make(nativeTraits(conjur, hosts))],
		]),
		stop: () => conjur.stop(),
	};
}

const annotatedSecrets = [
	{ password: `${compatible}/app` },
	{ "nested/app": `${compatible}/app` },
	{ token: `${compatible}/token` },
	{ stays: `${compatible}/stays` },
];

/** A class as it is written for today's provider; the variable is deleted. */
function compatibleTraits(conjur: Conjur): CaseTraits {
	const { account, authority: sslCertificate, variables } = conjur;
	const parameters = { account, applianceUrl: address, authnId: `authn-jwt/${service}`, sslCertificate };
	variables.set(`${compatible}/stays`, "unchanged\n");
	return {
		provider: "conjur",
		parameters: () => parameters,
		onRevoked: "kept",
		refusal: /CKCP031.*401/,
		stays: "unchanged\n",
		write: async (password) => {
			variables.set(`${compatible}/app`, password);
			return password;
		},
		revoke: async () => variables.delete(`${compatible}/token`),
		restore: async () => void variables.set(`${compatible}/token`, token),
	};
}

/** A class of the own dialect; the hosts lose their right to the variable. */
function nativeTraits({ policy, variables }: Conjur, hosts: readonly string[]): CaseTraits {
	const objects = ["app", "token", "stays"].map((name) => ({ name, store: offer.name, path: `${native}/${name}` }));
	const parameters = { stores: `[${offer.name}]`, objects: JSON.stringify(objects), files: JSON.stringify(usualFiles) };
	variables.set(`${native}/token`, token);
	variables.set(`${native}/stays`, "unchanged\n");
	return {
		provider: "claviger",
		parameters: () => parameters,
		onRevoked: "removed",
		refusal: /the login of service account negative-test-ns\/default .* \(status 401\)/,
		stays: "unchanged\n",
		write: async (password) => {
			const app = JSON.stringify({ user: "app", password });
			variables.set(`${native}/app`, app);
			return app;
		},
		revoke: async () => {
			for (const host of hosts) policy.revoke(host, `variable:${native}/token`);
		},
		restore: async () => {
			for (const host of hosts) policy.permit(host, ["read", "execute"], `variable:${native}/token`);
		},
	};
}
