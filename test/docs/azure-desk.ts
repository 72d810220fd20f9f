import type { ExecutionContext } from "ava";
import type { AzureServers } from "../servers/azure/azure.ts";
import { defaultTenant, exchangeAudience, type Federation } from "../servers/azure/entra/directory.ts";
import type { Permissions } from "../servers/azure/vault/vault.ts";
import { CertificateFactory } from "../stores/azure/certificate-support.ts";
import { type Operation, type Options, openDesk, option } from "./desk.ts";

/** The client that the documents' identity is given. */
const client = "8f6c1c2e-58a7-4c1e-a5cf-3f2f5c1f0d11";
/** Its object in the directory, by which roles are assigned. */
const principal = "6a9d1d0f-1d5c-4f57-8c52-2b7a0f3d7e01";
/** Who runs the documents' commands, and seals. */
export const operator = "operator";

/** What the roles of Key Vault allow. Source: Azure, "Azure built-in roles for Security". */
const roles: Readonly<Record<string, Permissions>> = {
	"Key Vault Secrets User": { secrets: ["get"] },
	"Key Vault Certificate User": { secrets: ["get"], certificates: ["get", "list"] },
	"Key Vault Crypto User": { keys: ["get", "list", "decrypt", "encrypt", "wrapKey", "unwrapKey"] },
};

/**
 * An Azure subscription in which the documents' commands are done: vaults with what they hold, one identity, the
 * service accounts that it is federated with, and its roles.
 */
export class AzureDesk {
	readonly #azure: AzureServers;
	readonly #cluster: Federation["issuer"];
	readonly #certificates = new CertificateFactory();
	#identity: string | undefined;
	#permissions: Permissions = {};

	private constructor(azure: AzureServers, cluster: Federation["issuer"]) {
		this.#azure = azure;
		this.#cluster = cluster;
	}

	/** @returns its address. It ends with the test */
	static async open(t: ExecutionContext<unknown>, azure: AzureServers, cluster: Federation["issuer"]): Promise<string> {
		const desk = new AzureDesk(azure, cluster);
		t.teardown(() => desk.#certificates.remove());
		return openDesk(t, desk.#operations());
	}

	#operations(): Readonly<Record<string, Operation>> {
		const inGroup = ["resource-group", "name"];
		const inVault = ["vault-name", "name"];
		const assignment = ["assignee-object-id", "assignee-principal-type", "role", "scope"];
		const list: Readonly<Record<string, readonly [readonly string[], (options: Options) => unknown]>> = {
			"keyvault create": [[...inGroup, "enable-rbac-authorization"], (each) => this.#createVault(each)],
			"keyvault show": [["name"], ({ name = "" }) => ({ id: vaultId(name) })],
			"keyvault secret set": [[...inVault, "value"], (each) => this.#setSecret(each)],
			"keyvault certificate get-default-policy": [[], () => ({ secretProperties: { contentType: "application/x-pkcs12" } })],
			"keyvault certificate create": [[...inVault, "policy"], (each) => this.#createCertificate(each)],
			"keyvault key create": [[...inVault, "kty", "size"], (each) => this.#createKey(each)],
			"identity create": [inGroup, (each) => this.#createIdentity(each)],
			"identity show": [inGroup, (each) => this.#showIdentity(each)],
			"identity federated-credential create": [
				[...inGroup, "identity-name", "issuer", "subject", "audiences"],
				(each) => this.#federate(each),
			],
			"role assignment create": [assignment, (each) => this.#assign(each)],
		};
		return Object.fromEntries(Object.entries(list).map(([name, [options, perform]]) => [name, { options, names: 0, perform }]));
	}

	#createVault(options: Options): void {
		if (options["enable-rbac-authorization"] !== "true") throw new Error("the documents assign roles, so the vault must go by them");
		const name = option(options, "name");
		this.#azure.vaults.add(name, { authorization: "roles" });
		this.#azure.vaults.allow(operator, name, { keys: ["get"] });
	}

	#setSecret(options: Options): void {
		this.#azure.vaults.putSecret(option(options, "vault-name"), option(options, "name"), option(options, "value"));
	}

	#createCertificate(options: Options): void {
		const policy = JSON.parse(option(options, "policy")) as { readonly secretProperties?: { readonly contentType?: string } };
		const { contentType } = policy.secretProperties ?? {};
		if (contentType !== "application/x-pkcs12") throw new Error("the policy is not the default one");
		const chain = this.#certificates.chain("rsa");
		const secret = this.#certificates.pkcs12(chain).toString("base64");
		const certificate = { certificate: chain.leaf, privateKey: chain.key, secret, contentType } as const;
		this.#azure.vaults.putCertificate(option(options, "vault-name"), option(options, "name"), certificate);
	}

	async #createKey(options: Options): Promise<void> {
		if (options["kty"] !== "RSA") throw new Error("values are encrypted for RSA keys alone");
		await this.#azure.vaults.putKey(option(options, "vault-name"), option(options, "name"), { bits: Number(options["size"]) });
	}

	#createIdentity(options: Options): void {
		this.#identity = option(options, "name");
	}

	#showIdentity({ name }: Options): object {
		this.#requireIdentity(name);
		return { clientId: client, principalId: principal, tenantId: defaultTenant };
	}

	#federate(options: Options): void {
		this.#requireIdentity(options["identity-name"]);
		if (options["issuer"] !== this.#cluster.issuer) throw new Error(`${options["issuer"]} is not the cluster's issuer`);
		if (options["audiences"] !== exchangeAudience) throw new Error(`no pod has a token for ${options["audiences"]}`);
		this.#azure.directory.federate({ client, issuer: this.#cluster, subject: option(options, "subject") });
	}

	#assign(options: Options): void {
		if (options["assignee-object-id"] !== principal || options["assignee-principal-type"] !== "ServicePrincipal")
			throw new Error("this is not the identity");
		const role = roles[option(options, "role")];
		const vault = scopeForm.exec(option(options, "scope"))?.[1];
		if (role === undefined || vault === undefined) throw new Error("there is no such role or scope");
		this.#permissions = together(this.#permissions, role);
		this.#azure.vaults.allow(client, vault, this.#permissions);
	}

	#requireIdentity(name: string | undefined): void {
		if (name === undefined || name !== this.#identity) throw new Error(`there is no identity ${name}`);
	}
}

function together(one: Permissions, other: Permissions): Permissions {
	return {
		secrets: [...(one.secrets ?? []), ...(other.secrets ?? [])],
		keys: [...(one.keys ?? []), ...(other.keys ?? [])],
		certificates: [...(one.certificates ?? []), ...(other.certificates ?? [])],
	};
}

/** A vault, or one thing in it; the test's vaults give a right to all of a kind. */
const scopeForm = new RegExp(`^${vaultId("([a-z-]+)")}(?:/(?:secrets|keys|certificates)/[a-z-]+)?$`);

function vaultId(vault: string): string {
	return `/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/${vault}`;
}
