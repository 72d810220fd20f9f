import { readFileSync } from "node:fs";
import { startLatencyProxy } from "../../servers/latency-proxy.ts";
import { enableKv, startVault, type VaultServer, writePolicy } from "../../servers/vault/vault.ts";
import type { RunningStore, StoreCase, StoreOffer, StorePlace } from "../store-case.ts";

const port = 8200;

/** A real Vault that knows pods by their tokens, which it has reviewed by the API server. */
export const offer: StoreOffer = {
	name: "vault",
	providers: ["vault", "openbao"],
	audiences: ["vault", "openbao"],
	cases: ["vault", "openbao", "vault-native"],
	async start(place) {
		const vault = await startVault(undefined);
		const proxy = await startLatencyProxy(undefined, { target: vault.address });
		const stop = async () => {
			await proxy.stop();
			await vault.stop();
		};
		try {
			const address = place.newAddress();
			await place.node.connect([{ address, port, server: Number(new URL(proxy.address).port) }]);
			await enableKv(vault, "secret", 2);
			await trustPods(vault, place);
			return describe(vault, `http://${address}:${port}`, { calls: () => proxy.requests.length, stop });
		} catch (error) {
			await stop();
			throw error;
		}
	},
};

async function trustPods(vault: VaultServer, { cluster, namespaces }: StorePlace): Promise<void> {
	await vault.api("POST", "sys/auth/kubernetes", { type: "kubernetes" });
	await vault.api("POST", "auth/kubernetes/config", {
		kubernetes_host: cluster.address,
		kubernetes_ca_cert: readFileSync(cluster.caFile, "utf8"),
		token_reviewer_jwt: cluster.reviewerToken,
	});
	await writePolicy(vault, "app", { "secret/data/*": ["read"] });
	for (const audience of ["vault", "openbao"]) {
		await vault.api("POST", `auth/kubernetes/role/${audience}-app`, {
			bound_service_account_names: ["default"],
			bound_service_account_namespaces: namespaces,
			audience,
			policies: ["app"],
		});
	}
}

async function describe(vault: VaultServer, address: string, running: Pick<RunningStore, "calls" | "stop">): Promise<RunningStore> {
	const cases = new Map<string, StoreCase>();
	for (const name of ["vault", "openbao"]) cases.set(name, await VaultCase.make(vault, name, compatible(name, address)));
	cases.set("vault-native", await VaultCase.make(vault, "vault-native", native("vault-native")));
	return {
		...running,
		// Three secrets of each case. The two roles log in, since one role at one address is one identity in every dialect.
		callsForAll: 3 * offer.cases.length + 2,
		policy: {
			endpoints: [address],
			stores: { vault: { type: "vault", address, role: "vault-app" } },
			dialects: { openbao: { address } },
		},
		cases,
	};
}

type Class = Pick<StoreCase, "provider" | "parameters">;

/** A class as it is written for today's providers; the one for openbao leaves the address to the policy. */
function compatible(provider: string, address: string): Class {
	const objects = [
		{ objectName: "bar", secretPath: `secret/data/${provider}/foo`, secretKey: "bar" },
		{ objectName: "bar1", secretPath: `secret/data/${provider}/foo1`, secretKey: "bar" },
		{ objectName: "nested/bar", secretPath: `secret/data/${provider}/foo`, secretKey: "bar" },
		{ objectName: "stays", secretPath: `secret/data/${provider}/stays`, secretKey: "bar" },
	];
	const where: Readonly<Record<string, string>> = provider === "vault" ? { vaultAddress: address } : {};
	return { provider, parameters: () => ({ roleName: `${provider}-app`, ...where, objects: JSON.stringify(objects) }) };
}

function native(name: string): Class {
	const objects = [
		{ name: "foo", store: "vault", path: `secret/data/${name}/foo` },
		{ name: "foo1", store: "vault", path: `secret/data/${name}/foo1` },
		{ name: "stays", store: "vault", path: `secret/data/${name}/stays` },
	];
	const files = [
		{ path: "bar", from: "foo", key: "bar" },
		{ path: "bar1", from: "foo1", key: "bar" },
		{ path: "nested/bar", template: "{{foo.bar}}" },
		{ path: "stays", from: "stays", key: "bar" },
	];
	const parameters = { stores: "[vault]", objects: JSON.stringify(objects), files: JSON.stringify(files) };
	return { provider: "claviger", parameters: () => parameters };
}

/** `foo` changes and is in two files, `foo1` is taken away, `stays` is left alone. */
class VaultCase implements StoreCase {
	readonly changesIn = "store";
	readonly changing = "bar";
	readonly revocable = "bar1";
	readonly refusal = /namespace not authorized/;
	readonly sync = { username: "bar", nested: "nested/bar" };
	readonly files = new Map<string, string>();
	readonly provider: string;
	readonly parameters: StoreCase["parameters"];
	readonly onRevoked: StoreCase["onRevoked"];
	readonly #vault: VaultServer;
	readonly #folder: string;
	#changes = 0;

	private constructor(vault: VaultServer, folder: string, { provider, parameters }: Class) {
		this.#vault = vault;
		this.#folder = folder;
		this.provider = provider;
		this.parameters = parameters;
		this.onRevoked = provider === "claviger" ? "removed" : "kept";
	}

	static async make(vault: VaultServer, folder: string, ofClass: Class): Promise<VaultCase> {
		const made = new VaultCase(vault, folder, ofClass);
		await made.change();
		await made.restore();
		await made.#write("stays", "unchanged\n");
		made.files.set("stays", "unchanged\n");
		return made;
	}

	async change(): Promise<string> {
		this.#changes += 1;
		const value = `hello ${this.#changes} "ü" $x`;
		await this.#write("foo", value);
		this.files.set("bar", value).set("nested/bar", value);
		return value;
	}

	async revoke(): Promise<void> {
		await this.#vault.api("DELETE", `secret/metadata/${this.#folder}/foo1`);
		if (this.onRevoked === "removed") this.files.delete("bar1");
	}

	async restore(): Promise<void> {
		await this.#write("foo1", "hello1");
		this.files.set("bar1", "hello1");
	}

	async #write(secret: string, bar: string): Promise<void> {
		await this.#vault.api("POST", `secret/data/${this.#folder}/${secret}`, { data: { bar } });
	}
}
