import { generateKeyPairSync, randomUUID } from "node:crypto";
import { sealValue } from "../../../provider/sealing/sealed-value.ts";
import { readPublicKey, type SealingKey } from "../../../provider/sealing/sealing-key.ts";
import { textField } from "../../servers/kubernetes/api-client.ts";
import { Objects } from "../../servers/kubernetes/objects.ts";
import { installationNamespace } from "../installation.ts";
import type { StoreOffer } from "../store-case.ts";
import { type CaseTraits, token, UsualCase, usualFiles } from "../usual-case.ts";

const name = "sealed";
const kind = { apiVersion: "secrets-store.csi.x-k8s.io/v1", kind: "SecretProviderClass" } as const;

/** Values in the classes themselves, sealed for the accounts of each namespace; the chart gives the provider the keys that open them. */
export const offer: StoreOffer = {
	name,
	providers: [],
	audiences: ["claviger"],
	cases: [name],
	async start({ cluster, namespaces }) {
		const objects = new Objects(cluster);
		const keys = await Keys.make(objects);
		return {
			policy: { stores: { [name]: { type: name, keyDirectory: "/etc/claviger/sealing", defaultServiceAccounts: namespaces } } },
			values: { sealing: { existingSecret: keys.secret } },
			cases: new Map([[name, await UsualCase.make(traits(new Values(objects, keys, namespaces), keys))]]),
			calls: () => 0,
			callsForAll: 0,
			stop: async () => {},
		};
	},
};

/** A key pair: what seals, and what opens. */
interface KeyPair {
	readonly sealing: SealingKey;
	/** PEM, in base64 as a Secret has it. */
	readonly opening: string;
}

/** The installation's key pairs, whose private halves are in a Secret: one for most values, one that can be taken away. */
class Keys {
	/** The Secret's name. */
	readonly secret = "sealing-keys";
	readonly usual = makeKeyPair();
	readonly revocable = makeKeyPair();
	readonly #objects: Objects;

	private constructor(objects: Objects) {
		this.#objects = objects;
	}

	static async make(objects: Objects): Promise<Keys> {
		const keys = new Keys(objects);
		await objects.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: installationNamespace } });
		await keys.#write(true);
		return keys;
	}

	async revoke(): Promise<void> {
		await this.#write(false);
		await this.#refresh();
	}

	async restore(): Promise<void> {
		await this.#write(true);
		await this.#refresh();
	}

	async #write(withRevocable: boolean): Promise<void> {
		const data = { "sealing-1.pem": withRevocable ? this.revocable.opening : null, "sealing-2.pem": this.usual.opening };
		await this.#objects.apply({
			apiVersion: "v1",
			kind: "Secret",
			metadata: { name: this.secret, namespace: installationNamespace },
			data,
		});
	}

	/** Has kubelet look after the provider's pods, and so after the files of the Secret, which it does once a minute by itself. */
	async #refresh(): Promise<void> {
		const pods = { apiVersion: "v1", kind: "Pod", namespace: installationNamespace };
		for (const pod of await this.#objects.list(pods))
			await this.#objects.change(
				{ ...pods, name: textField(pod, "metadata", "name") },
				{ metadata: { annotations: { keys: randomUUID() } } },
			);
	}
}

function makeKeyPair(): KeyPair {
	const { publicKey, privateKey } = generateKeyPairSync("x25519");
	const sealing = readPublicKey(publicKey.export({ type: "spki", format: "pem" }).toString());
	if (typeof sealing === "string") throw new Error(sealing);
	const opening = Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" })).toString("base64");
	return { sealing, opening };
}

/** The values as the classes of each namespace have them. */
class Values {
	readonly #objects: Objects;
	readonly #keys: Keys;
	readonly #parameters = new Map<string, Readonly<Record<string, string>>>();
	readonly #namespaces: readonly string[];

	constructor(objects: Objects, keys: Keys, namespaces: readonly string[]) {
		this.#objects = objects;
		this.#keys = keys;
		this.#namespaces = namespaces;
	}

	/** What a class of this namespace says. One of any other gets what was sealed for the first. */
	parameters(namespace: string): Readonly<Record<string, string>> {
		const [first = ""] = this.#namespaces;
		return this.#parameters.get(namespace) ?? this.#parameters.get(first) ?? {};
	}

	/** Seals `app` anew for each namespace, and the others too, and changes the classes that are there. */
	async write(app: string): Promise<void> {
		for (const namespace of this.#namespaces) {
			const before = this.#parameters.get(namespace);
			const after = await this.#seal(namespace, app);
			this.#parameters.set(namespace, after);
			if (before !== undefined) await this.#changeClasses(namespace, after);
		}
	}

	async #seal(namespace: string, app: string): Promise<Readonly<Record<string, string>>> {
		const { usual, revocable } = this.#keys;
		const values = [
			{ object: "app", value: app, key: usual.sealing },
			{ object: "token", value: token, key: revocable.sealing },
			{ object: "stays", value: "unchanged\n", key: usual.sealing },
		];
		const sealed = values.map(async ({ object, value, key }) => ({
			...{ name: object, store: name },
			sealed: await sealValue(Buffer.from(value), key, { kind: "object", namespace, serviceAccount: "default", object }),
		}));
		return { stores: `[${name}]`, objects: JSON.stringify(await Promise.all(sealed)), files: JSON.stringify(usualFiles) };
	}

	async #changeClasses(namespace: string, parameters: Readonly<Record<string, string>>): Promise<void> {
		const all = await this.#objects.list({ ...kind, namespace });
		const names = all.map((each) => textField(each, "metadata", "name")).filter((each) => each.startsWith(name));
		for (const each of names) await this.#objects.change({ ...kind, namespace, name: each }, { spec: { parameters } });
	}
}

/** The class changes with `app`; the key of `token` is taken away. */
function traits(values: Values, keys: Keys): CaseTraits {
	return {
		provider: "claviger",
		parameters: (namespace) => values.parameters(namespace),
		changesIn: "class",
		onRevoked: "removed",
		refusal: /negative-test-ns\/default gets no sealed values/,
		stays: "unchanged\n",
		write: async (password) => {
			const app = JSON.stringify({ user: "app", password });
			await values.write(app);
			return app;
		},
		revoke: async () => keys.revoke(),
		restore: async () => keys.restore(),
	};
}
