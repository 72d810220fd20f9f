import type { JSONWebKeySet } from "jose";
import { startAws } from "../../servers/aws/aws.ts";
import { type Confidant, startConfidant } from "../../servers/confidant/confidant.ts";
import type { RunningStore, StoreOffer, StorePlace } from "../store-case.ts";
import { type CaseTraits, token, UsualCase } from "../usual-case.ts";

const name = "confidant";
const ports = { confidant: 8080, aws: 4566 } as const;
/** What the pods' role may prove to be. */
const service = "e2e";

/** A real Confidant, and the STS and KMS of its account, where the pods' accounts have the role of the service. */
export const offer: StoreOffer = {
	name,
	providers: [],
	audiences: ["sts.amazonaws.com"],
	cases: [name],
	async start(place) {
		const aws = await startAws(undefined);
		try {
			const confidant = await startConfidant(undefined, { aws });
			try {
				return await describe(confidant, place);
			} catch (error) {
				await confidant.stop();
				throw error;
			}
		} catch (error) {
			await aws.stop();
			throw error;
		}
	},
};

async function describe(confidant: Confidant, place: StorePlace): Promise<RunningStore> {
	const address = place.newAddress();
	const portOf = (server: string) => Number(new URL(server).port);
	await place.node.connect([
		{ address, port: ports.confidant, server: portOf(confidant.address) },
		{ address, port: ports.aws, server: portOf(confidant.aws.endpoints.sts) },
	]);
	const role = await makeRole(confidant, place);
	const aws = `http://${address}:${ports.aws}`;
	const { region, context, keys } = confidant;
	const store = {
		...{ type: name, address: `http://${address}:${ports.confidant}`, role, region, to: context },
		authKey: keys.authentication.alias,
		endpoints: { sts: aws, kms: aws },
	};
	return {
		policy: { stores: { [name]: store } },
		// A login at STS, a token by KMS, the service with all of its credentials, and the key of the blind one.
		callsForAll: 4,
		calls: () => confidant.front.requests.length + confidant.aws.count({ role }),
		cases: new Map([[name, await UsualCase.make(await traits(confidant))]]),
		stop: async () => {
			await confidant.stop();
			await confidant.aws.stop();
		},
	};
}

async function makeRole(confidant: Confidant, { cluster, namespaces }: StorePlace): Promise<string> {
	const issuer = { issuer: cluster.address, keys: (await cluster.jwks()) as JSONWebKeySet };
	const [trust, ...others] = namespaces.map((namespace) => ({ issuer, subject: `system:serviceaccount:${namespace}:default` }));
	if (trust === undefined) throw new Error("no namespace may read");
	const role = confidant.addRole(service, trust);
	for (const other of others) confidant.aws.trust(role, other);
	return role;
}

const objects = [
	{ name: "app", store: name, credential: "app" },
	{ name: "token", store: name, credential: "token", key: "token" },
	{ name: "stays", store: name, credential: "stays", key: "stays" },
];
const files = [
	{ path: "password", from: "app", key: "password" },
	{ path: "nested/app", template: "{{app.user}}:{{app.password}}" },
	{ path: "token", from: "token" },
	{ path: "stays", from: "stays" },
];

/** The credential `app` changes, `token` is disabled, and `stays` is a blind one, which the provider opens. */
async function traits(confidant: Confidant): Promise<CaseTraits> {
	const parameters = { stores: `[${name}]`, objects: JSON.stringify(objects), files: JSON.stringify(files) };
	const app = await confidant.createCredential("app", { user: "app", password: "none yet" });
	const revocable = await confidant.createCredential("token", { token });
	const stays = await confidant.createBlindCredential("stays", { stays: "unchanged\n" });
	await confidant.putService(service, [app, revocable, stays]);
	return {
		provider: "claviger",
		parameters: () => parameters,
		onRevoked: "removed",
		refusal: /STS .* refuses the role .* of service account negative-test-ns\/default/,
		stays: "unchanged\n",
		write: async (password) => {
			await confidant.changeCredential(app, { pairs: { user: "app", password } });
			return `app:${password}`;
		},
		revoke: async () => void (await confidant.changeCredential(revocable, { enabled: false })),
		restore: async () => void (await confidant.changeCredential(revocable, { enabled: true })),
	};
}
