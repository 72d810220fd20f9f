import type { ExecutionContext } from "ava";
import { type Fault, Faults } from "../../../provider/plan/faults.ts";
import { Fields } from "../../../provider/plan/fields.ts";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import { readYaml } from "../../../provider/plan/yaml.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import { type CyberArkInstance, readInstance } from "../../../provider/stores/cyberark-epv/instance.ts";
import { type AccountRef, readRef } from "../../../provider/stores/cyberark-epv/ref.ts";
import type { Identity, StoreContext } from "../../../provider/stores/store.ts";
import type { Ccp, CcpOptions } from "../../servers/cyberark/ccp.ts";
import type { ClientCertificate } from "../../servers/cyberark/certificates.ts";
import { openSite } from "../../servers/cyberark/site.ts";
import { CallFailure, type MountCallOptions, type MountResult } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider, type TestProvider, type TestProviderOptions } from "../../support/provider.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { writeFiles } from "./fixture.ts";

/** Fields as a policy file or a class brings them. */
function fieldsOf(written: object, path: string): Fields {
	const node = readYaml(JSON.stringify(written));
	return new Fields(node instanceof Map ? node : new Map(), path, new Faults());
}

/** The faults of an entry under `stores`. */
export function faultsOfInstance(options: object): readonly Fault[] {
	const fields = fieldsOf(options, "stores.main");
	readInstance("main", fields);
	fields.done();
	return fields.faults.list;
}

export function makeInstance(options: object): CyberArkInstance {
	const fields = fieldsOf(options, "stores.main");
	const instance = readInstance("main", fields);
	fields.done();
	fields.faults.throwIfAny("The store");
	return instance;
}

/** The faults of an entry of `objects`. */
export function faultsOfRef(written: object): readonly Fault[] {
	const fields = fieldsOf(written, "objects[0]");
	readRef(fields);
	return fields.faults.list;
}

export function refOf(written: object): AccountRef {
	const fields = fieldsOf(written, "objects[0]");
	const ref = readRef(fields);
	fields.faults.throwIfAny("The object");
	return ref;
}

export const appId = "shop-app";

/** A server with the application `shop-app` and the account `pg-prod` of safe `DB`, and a provider before it. */
export interface Bench {
	readonly ccp: Ccp;
	/** The certificate by which `shop-app` is let in. */
	readonly shop: ClientCertificate;
	readonly provider: TestProvider;
	/** A folder of the test's own. */
	readonly directory: string;
	/** Mounts a class of `provider: claviger`, by default one with the account's content as the file `pg`, with the Secret of `shop-app`. */
	mount(options?: MountOptions): Promise<MountResult>;
	/** The refusal of a mount that fails. */
	refusal(options?: MountOptions): Promise<CallFailure>;
}

export interface MountOptions extends MountCallOptions {
	readonly pod?: Pod;
	readonly objects?: readonly object[];
	readonly files?: readonly object[];
	/** Fields of the class's own store, beside type, address and authority. */
	readonly store?: Readonly<Record<string, unknown>>;
}

export interface BenchOptions extends CcpOptions {
	/** The administrator's stores, which classes name then. */
	stores?(bench: Pick<Bench, "ccp" | "shop" | "directory">): Readonly<Record<string, object>>;
	readonly provider?: Pick<TestProviderOptions, "ages" | "flags">;
}

export const account = { name: "pg", safe: "DB", object: "pg-prod" };

/** What a namespace's Secret holds. */
export function secretOf(name: string, { certificate, key }: ClientCertificate): Readonly<Record<string, string>> {
	return { appId: name, clientCertificate: certificate, clientKey: key };
}

export async function openBench(t: ExecutionContext<unknown>, options: BenchOptions = {}): Promise<Bench> {
	const { stores, provider: flags = {}, ...ccpOptions } = options;
	const { ccp, shop } = await openSite(t, ccpOptions);
	const directory = temporaryDirectory(t);
	const { caFile } = writeFiles(directory, ccp, shop);
	const policy = {
		profile: "strict",
		endpoints: [ccp.address, ccp.strictAddress, ccp.lateAddress],
		...(stores === undefined ? {} : { stores: stores({ ccp, shop, directory }) }),
	};
	const provider = await startTestProvider(t, { ...flags, providers: "claviger", policy: JSON.stringify(policy) });
	const mount = ({ pod = makePod(), objects = [account], files, store, ...call }: MountOptions = {}) => {
		const own = { pv: { type: "cyberark-epv", address: ccp.address, caFile, ...store } };
		const parameters = {
			...(stores === undefined || store !== undefined ? { stores: JSON.stringify(own) } : {}),
			objects: JSON.stringify(objects),
			...(files === undefined ? {} : { files: JSON.stringify(files) }),
		};
		const secrets = stores === undefined ? { secrets: secretOf(appId, shop) } : {};
		return provider.mount("claviger", pod, parameters, { tokens: {}, ...secrets, ...call });
	};
	const refusal = async (call?: MountOptions) => {
		try {
			await mount(call);
		} catch (error) {
			if (error instanceof CallFailure) return error;
			throw error;
		}
		throw new Error("the mount did not fail");
	};
	return { ccp, shop, provider, directory, mount, refusal };
}

/** The text of a file of an answer. */
export function textOf({ files }: MountResult, path = "pg"): string | undefined {
	return files.get(path)?.contents.toString();
}

export function identityOf({ namespace, serviceAccount }: Pod): Identity {
	return { key: JSON.stringify([namespace, serviceAccount]), audience: "", namespace, serviceAccount, role: "" };
}

/** What the broker brings to a login. */
export function contextOf(secrets: Readonly<Record<string, string>>): StoreContext {
	return {
		token: new Secret(""),
		credentials: new Map(Object.entries(secrets).map(([name, text]) => [name, new Secret(text)])),
		signal: new AbortController().signal,
		schedule: (task) => task(),
		once: (make) => make(),
		allowsAddress: () => true,
	};
}
