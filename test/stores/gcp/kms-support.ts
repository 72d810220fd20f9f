import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Faults } from "../../../provider/plan/faults.ts";
import { Fields } from "../../../provider/plan/fields.ts";
import { readYaml } from "../../../provider/plan/yaml.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import type { CiphertextRef } from "../../../provider/stores/gcp/ciphertext-ref.ts";
import { makeGcpDialect } from "../../../provider/stores/gcp/dialect.ts";
import { module } from "../../../provider/stores/gcp/index.ts";
import { readGcpRef } from "../../../provider/stores/gcp/native-ref.ts";
import type { Identity, Ref, Session, StoreContext, StoreInstance } from "../../../provider/stores/store.ts";
import { clusterProvider, openSite, pool, type Site } from "../../servers/gcp/servers-support.ts";
import { requestOf } from "../../support/fake-store.ts";
import { makePod } from "../../support/pods.ts";
import { Openings, readNativeItem, sealedEntry, trust } from "../kms-support.ts";

export const keyName = "projects/my-proj/locations/europe-west3/keyRings/shop/cryptoKeys/app";
const decrypter = "roles/cloudkms.cryptoKeyDecrypter";
const accounts = ["shop/web", "shop/api", "office/web"];

/** Sets this process's environment as somebody has it who seals: nothing of Google's but the credentials. */
export function logIn({ gcp }: Site, credentials: Readonly<Record<string, string>>): void {
	for (const name of ["GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"]) delete process.env[name];
	// The metadata server is nobody's own, and asking whether there is one takes seconds.
	Object.assign(process.env, gcp.environment, { METADATA_SERVER_DETECTION: "none", CLOUDSDK_CONFIG: "/nonexistent" }, credentials);
}

/** Reads the first entry of a text as one of the dialect `gcp`. @throws ProviderError `invalid` */
export function readGcpEntry(text: string, allowUnboundKms = false): CiphertextRef {
	const defaults = `{workloadPool: ${pool}, identityProvider: "${clusterProvider}", allowUnboundKms: ${allowUnboundKms}}`;
	const parameters = new Map([["secrets", text]]);
	const plan = makeGcpDialect("gcp", fieldsOf(defaults, "dialects.gcp")).plan({ ...requestOf(makePod()), provider: "gcp", parameters });
	return ciphertextOf(plan.objects[0]?.ref);
}

/** Reads the first entry of a text as one of the native dialect. @throws ProviderError `invalid` */
export function readNativeEntry(text: string, allowUnboundKms = false): CiphertextRef {
	return ciphertextOf(readNativeItem(text, (fields) => readGcpRef(fields, { project: "", location: "", allowUnboundKms })));
}

function fieldsOf(yaml: string, path: string): Fields {
	const node = readYaml(yaml);
	return new Fields(node instanceof Map ? node : new Map(), path, new Faults());
}

function ciphertextOf(ref: Ref | undefined): CiphertextRef {
	if (ref === undefined || !("kind" in ref) || ref.kind !== "ciphertext") throw new Error("the entry is of no ciphertext");
	return ref as CiphertextRef;
}

/** A key, accounts of a cluster that may decrypt with it, and somebody who seals for the pods of `shop/web`. */
export class KmsWorld extends Openings<CiphertextRef> {
	readonly site: Site;
	/** The key file of who seals. */
	readonly credentials: Readonly<Record<string, string>>;
	/** The options of `claviger seal gcp` but for whom. */
	readonly usual = ["gcp", "--key", keyName];
	readonly forWeb = [...this.usual, "--namespace", "shop", "--service-account", "web", "--object", "db/password"];
	readonly #instance = makeInstance();
	#shared: { readonly value: unknown } | undefined;

	private constructor(site: Site, credentials: Readonly<Record<string, string>>) {
		super();
		this.site = site;
		this.credentials = credentials;
	}

	/** @param directory for the key file */
	static async start(directory: string): Promise<KmsWorld> {
		const site = await openSite(undefined);
		const { gcp } = site;
		gcp.keys.add(keyName);
		const operator = gcp.accounts.add("operator");
		gcp.iam.allow(`serviceAccount:${operator}`, "roles/cloudkms.cryptoKeyEncrypter", "projects/my-proj");
		for (const account of accounts) gcp.iam.allow(`serviceAccount:${pool}[${account}]`, decrypter, "projects/my-proj");
		const file = join(directory, "operator.json");
		writeFileSync(file, gcp.accounts.createKey(operator));
		const credentials = { GOOGLE_APPLICATION_CREDENTIALS: file };
		logIn(site, credentials);
		trust(gcp.caFile);
		return new KmsWorld(site, credentials);
	}

	/** Seals with the command and reads what it printed as the dialect does. */
	async sealed(value: Buffer | string, args: readonly string[] = this.forWeb): Promise<CiphertextRef> {
		const entry = await sealedEntry(args, value);
		const allowUnboundKms = args.includes("none");
		return args.includes("claviger") ? readNativeEntry(entry, allowUnboundKms) : readGcpEntry(entry, allowUnboundKms);
	}

	/** Logs in anew as pods of an account, with Google's services at other addresses. */
	connect(account: string, endpoints: Readonly<Record<string, string>>): Promise<Session> {
		return this.#logIn(account, makeInstance(endpoints), (make) => make());
	}

	override logIn(account: string): Promise<Session> {
		return this.#logIn(account, this.#instance, (make) => this.#once(make));
	}

	async #logIn(account: string, instance: StoreInstance, once: StoreContext["once"]): Promise<Session> {
		const [namespace = "", serviceAccount = ""] = account.split("/");
		const pod = makePod({ namespace, serviceAccount });
		const identity: Identity = { key: account, audience: pool, namespace, serviceAccount, role: "" };
		const context: StoreContext = {
			token: new Secret(await this.site.issuer.token(pod, { audience: pool })),
			credentials: new Map(),
			signal: AbortSignal.timeout(60_000),
			schedule: (task) => task(),
			once,
			allowsAddress: () => true,
		};
		return module.store.connect(instance, identity, context);
	}

	#once<T>(make: () => T): T {
		this.#shared ??= { value: make() };
		return this.#shared.value as T;
	}
}

function makeInstance(endpoints: Readonly<Record<string, string>> = {}): StoreInstance {
	const options = { workloadPool: pool, identityProvider: clusterProvider, endpoints };
	return module.store.instance("main", fieldsOf(JSON.stringify(options), "stores.main"));
}
