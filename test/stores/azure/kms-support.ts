import { Faults } from "../../../provider/plan/faults.ts";
import type { CiphertextPlace } from "../../../provider/stores/azure/ciphertext.ts";
import type { CiphertextRef } from "../../../provider/stores/azure/ciphertext-ref.ts";
import type { AzureInstance } from "../../../provider/stores/azure/instance.ts";
import { readAzureRef } from "../../../provider/stores/azure/native-ref.ts";
import { readObjects } from "../../../provider/stores/azure/objects.ts";
import type { AzureRef } from "../../../provider/stores/azure/ref.ts";
import type { Session } from "../../../provider/stores/store.ts";
import { type AzureServers, startAzure } from "../../servers/azure/azure.ts";
import { defaultTenant } from "../../servers/azure/entra/directory.ts";
import type { NewKey } from "../../servers/azure/vault/vaults.ts";
import { makePod } from "../../support/pods.ts";
import { Openings, readNativeItem, sealedEntry, trust } from "../kms-support.ts";
import { connect, issuer, kept, makeInstance, vault } from "./harness.ts";

/** Where bound values alone are decrypted, as everywhere unless the administrator says more. */
export const strict: CiphertextPlace = { allowUnboundKms: false };
export const keyName = "shop-key";

/** Sets this process's environment as somebody has it who seals: nothing of Azure's but the credentials. */
export function logIn(azure: AzureServers, secret = "operators-secret"): void {
	for (const name of Object.keys(process.env)) if (/^AZURE_/.test(name)) delete process.env[name];
	Object.assign(process.env, azure.environment, credentials(secret));
}

export function credentials(secret = "operators-secret"): Readonly<Record<string, string>> {
	return { AZURE_TENANT_ID: defaultTenant, AZURE_CLIENT_ID: "operator", AZURE_CLIENT_SECRET: secret };
}

/** Reads the first entry of a text as one of the dialect `azure`. @throws ProviderError `invalid` */
export function readAzureEntry(text: string, place = strict): CiphertextRef {
	const faults = new Faults();
	const nested = text.replace(/^(?=.)/gm, "  ");
	const switches = { constructPemChain: true, writeCertAndKeyInSeparateFiles: true, ...place };
	const [object] = readObjects(`array:\n${nested}`, switches, faults);
	faults.throwIfAny("The parameters");
	return ciphertextOf(object?.ref);
}

/** Reads the first entry of a text as one of the native dialect. @throws ProviderError `invalid` */
export function readNativeEntry(text: string, place = strict): CiphertextRef {
	return ciphertextOf(readNativeItem(text, (fields) => readAzureRef(fields, place)));
}

function ciphertextOf(ref: AzureRef | undefined): CiphertextRef {
	if (ref?.kind !== "ciphertext") throw new Error("the entry is of no ciphertext");
	return ref;
}

/** A vault with a key, accounts with clients that may use it, and somebody who seals for the pods of `shop/web`. */
export class KmsWorld extends Openings<CiphertextRef> {
	readonly azure: AzureServers;
	readonly key: NewKey;
	/** The options of `claviger seal azure` but for whom. */
	readonly usual: readonly string[];
	readonly forWeb: readonly string[];
	readonly #instance: AzureInstance;
	readonly #once = kept();

	private constructor(azure: AzureServers, key: NewKey, instance: AzureInstance) {
		super();
		this.azure = azure;
		this.key = key;
		this.#instance = instance;
		this.usual = ["azure", "--key", `${azure.vaultUrl(vault)}/keys/${keyName}`];
		this.forWeb = [...this.usual, "--namespace", "shop", "--service-account", "web", "--object", "db/password"];
	}

	static async start(): Promise<KmsWorld> {
		const azure = await startAzure(undefined);
		azure.vaults.add(vault);
		const key = await azure.vaults.putKey(vault, keyName);
		azure.directory.addClientSecret({ client: "operator", secret: "operators-secret" });
		azure.vaults.allow("operator", vault, { keys: ["get"] });
		for (const [namespace, account] of [
			["shop", "web"],
			["shop", "api"],
			["office", "web"],
		] as const) {
			const client = `client-of-${namespace}-${account}`;
			azure.directory.federate({ client, issuer, subject: `system:serviceaccount:${namespace}:${account}` });
			azure.vaults.allow(client, vault, { keys: ["decrypt", "unwrapKey"] });
		}
		logIn(azure);
		trust(azure.caFile);
		return new KmsWorld(azure, key, makeInstance({ vault, tenant: defaultTenant }));
	}

	/** Seals with the command and reads what it printed as the dialect does. */
	async sealed(value: Buffer | string, args = this.forWeb): Promise<CiphertextRef> {
		const entry = await sealedEntry(args, value);
		const place = { allowUnboundKms: args.includes("none") };
		return args.includes("claviger") ? readNativeEntry(entry, place) : readAzureEntry(entry, place);
	}

	/** How often Key Vault was asked to use a key. */
	get operations(): number {
		return this.azure.calls({ operation: "keys/unwrapkey" }).length + this.azure.calls({ operation: "keys/decrypt" }).length;
	}

	override logIn(account: string): Promise<Session> {
		const [namespace = "", serviceAccount = ""] = account.split("/");
		const pod = makePod({ namespace, serviceAccount });
		return connect(this.#instance, { pod, role: `client-of-${namespace}-${serviceAccount}`, context: { once: this.#once } });
	}
}
