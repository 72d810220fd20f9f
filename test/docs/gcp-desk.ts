import type { ExecutionContext } from "ava";
import type { TrustedCluster } from "../servers/gcp/federation.ts";
import type { Gcp } from "../servers/gcp/gcp.ts";
import type { Role } from "../servers/gcp/iam.ts";
import { type Operation, type Options, openDesk, option } from "./desk.ts";

const roles: readonly Role[] = [
	"roles/secretmanager.secretAccessor",
	"roles/parametermanager.parameterAccessor",
	"roles/cloudkms.cryptoKeyDecrypter",
	"roles/iam.workloadIdentityUser",
];

type Perform = (options: Options, name: string) => unknown;

/**
 * A project of Google Cloud in which the documents' commands are done: secrets, parameters and keys, who may have them,
 * and whose tokens are taken.
 */
export class GcpDesk {
	readonly #gcp: Gcp;
	readonly #cluster: TrustedCluster["issuer"];
	readonly #made = new Set<string>();

	private constructor(gcp: Gcp, cluster: TrustedCluster["issuer"]) {
		this.#gcp = gcp;
		this.#cluster = cluster;
	}

	/** @returns its address. It ends with the test */
	static open(t: ExecutionContext<unknown>, gcp: Gcp, cluster: TrustedCluster["issuer"]): Promise<string> {
		const desk = new GcpDesk(gcp, cluster);
		const operations = { ...desk.#stores(), ...desk.#identities() };
		return openDesk(t, {
			...Object.fromEntries(Object.entries(operations).map(([words, [options, perform]]) => [words, operationOf(options, perform)])),
			"services enable": { options: ["project"], perform: (_options, names) => checkServices(names) },
		});
	}

	#stores(): Readonly<Record<string, readonly [readonly string[], Perform]>> {
		const binding = ["role", "member"];
		const located = ["project", "location"];
		return {
			"secrets create": [["project", "data-file"], (each, name) => this.#createSecret(each, name)],
			"secrets add-iam-policy-binding": [
				["project", ...binding],
				(each, name) => this.#allow(each, this.#existing(each, `secrets/${name}`)),
			],
			"parametermanager parameters create": [[...located, "parameter-format"], (each, name) => this.#make(each, `parameters/${name}`)],
			"parametermanager parameters versions create": [
				[...located, "parameter", "payload-data"],
				(each, name) => this.#createParameterVersion(each, name),
			],
			"projects describe": [[], (_each, name) => ({ projectId: this.#project(name), projectNumber: this.#gcp.project.number })],
			"projects add-iam-policy-binding": [[...binding, "condition"], (each, name) => this.#allow(each, `projects/${this.#project(name)}`)],
			"kms keyrings create": [located, (each, name) => this.#make(each, `keyRings/${name}`)],
			"kms keys create": [[...located, "keyring", "purpose"], (each, name) => this.#createKey(each, name)],
			"kms keys add-iam-policy-binding": [
				[...located, "keyring", ...binding],
				(each, name) => this.#allow(each, this.#existing(each, `keyRings/${each["keyring"]}/cryptoKeys/${name}`)),
			],
		};
	}

	#identities(): Readonly<Record<string, readonly [readonly string[], Perform]>> {
		return {
			"container clusters update": [["project", "location", "workload-pool"], (each, name) => this.#usePool(each, name)],
			"iam service-accounts create": [["project"], (each, name) => this.#createAccount(each, name)],
			"iam service-accounts add-iam-policy-binding": [["project", "role", "member"], (each, email) => this.#allowToAct(each, email)],
			"iam workload-identity-pools create": [["project", "location"], (each, name) => this.#make(each, `workloadIdentityPools/${name}`)],
			"iam workload-identity-pools providers create-oidc": [
				["project", "location", "workload-identity-pool", "issuer-uri", "attribute-mapping"],
				(each, name) => this.#createProvider(each, name),
			],
		};
	}

	#project(id: string | undefined): string {
		if (id !== this.#gcp.project.id) throw new Error(`there is no project ${id}`);
		return id;
	}

	#name({ project, location }: Options, rest: string): string {
		return `projects/${this.#project(project)}/${location === undefined ? "" : `locations/${location}/`}${rest}`;
	}

	#make(options: Options, rest: string): string {
		const name = this.#name(options, rest);
		this.#made.add(name);
		return name;
	}

	#existing(options: Options, rest: string): string {
		const name = this.#name(options, rest);
		if (!this.#made.has(name)) throw new Error(`there is no ${name}`);
		return name;
	}

	#createSecret(options: Options, name: string): void {
		this.#gcp.secrets.add(this.#make(options, `secrets/${name}`), option(options, "data-file"));
	}

	#createParameterVersion(options: Options, name: string): void {
		const parameter = this.#existing(options, `parameters/${option(options, "parameter")}`);
		this.#gcp.parameters.add(`${parameter}/versions/${name}`, option(options, "payload-data"));
	}

	#createKey(options: Options, name: string): void {
		if (options["purpose"] !== "encryption") throw new Error("values are encrypted with symmetric keys");
		const ring = `keyRings/${option(options, "keyring")}`;
		this.#existing(options, ring);
		this.#gcp.keys.add(this.#make(options, `${ring}/cryptoKeys/${name}`));
	}

	#allow(options: Options, resource: string): void {
		if (options["condition"] !== undefined && options["condition"] !== "None") throw new Error("the test knows no conditions");
		const role = roles.find((known) => known === options["role"]);
		if (role === undefined) throw new Error(`there is no role ${options["role"]}`);
		this.#gcp.iam.allow(option(options, "member"), role, resource);
	}

	#usePool(options: Options, name: string): void {
		const provider = `https://container.googleapis.com/v1/${this.#name(options, `clusters/${name}`)}`;
		this.#gcp.federation.trustCluster({ pool: option(options, "workload-pool"), provider, issuer: this.#cluster });
	}

	#createAccount(options: Options, name: string): void {
		this.#project(options["project"]);
		this.#gcp.accounts.add(name);
	}

	#allowToAct(options: Options, email: string): void {
		if (!this.#gcp.accounts.has(email)) throw new Error(`there is no account ${email}`);
		this.#allow(options, `projects/-/serviceAccounts/${email}`);
	}

	#createProvider(options: Options, name: string): void {
		if (options["issuer-uri"] !== this.#cluster.issuer) throw new Error(`${options["issuer-uri"]} is not the cluster's issuer`);
		if (options["attribute-mapping"] !== "google.subject=assertion.sub") throw new Error("the service account would not be the subject");
		const pool = this.#existing(options, `workloadIdentityPools/${option(options, "workload-identity-pool")}`);
		const byNumber = pool.replace(this.#gcp.project.id, this.#gcp.project.number);
		this.#gcp.federation.trustProvider({ name: `${byNumber}/providers/${name}`, issuer: this.#cluster });
	}
}

/** An operation on the one thing that it names. */
function operationOf(options: readonly string[], perform: Perform): Operation {
	return { options, names: 1, perform: (given, [name = ""]) => perform(given, name) };
}

const apis: ReadonlySet<string> = new Set(["secretmanager", "parametermanager", "iamcredentials", "cloudkms"]);

function checkServices(names: readonly string[]): void {
	const unknown = names.filter((name) => !apis.has(name.replace(/\.googleapis\.com$/, "")));
	if (unknown.length > 0 || names.length === 0) throw new Error(`there is no API ${unknown.join()}`);
}
