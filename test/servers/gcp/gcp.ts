import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { AccessTokens } from "./access-tokens.ts";
import { serverCertificate } from "./certificate.ts";
import type { Faults, Quotas } from "./faults.ts";
import { Federation } from "./federation.ts";
import { ForwardProxy } from "./forward-proxy.ts";
import { type CallRecord, Front } from "./front.ts";
import { readHost, regionalServices, services } from "./hosts.ts";
import { Iam } from "./iam.ts";
import { IamCredentials } from "./iam-credentials.ts";
import { KeyManagement } from "./kms.ts";
import { MetadataServer, type NodeIdentity } from "./metadata.ts";
import { ParameterManager } from "./parameter-manager.ts";
import { type Project, Projects } from "./projects.ts";
import { SecretManager } from "./secret-manager.ts";
import { ServiceAccounts } from "./service-accounts.ts";

export interface GcpOptions {
	/** The project of service accounts and of the node; `my-proj`, number 123456789012, unless given. */
	readonly project?: Project;
	/** Further projects. */
	readonly otherProjects?: readonly Project[];
	/** The node behind the metadata server; one of the service account `node` without a cluster unless given. */
	readonly node?: NodeIdentity;
}

/** Stand-ins on loopback for the parts of Google Cloud that secrets come from. */
export interface Gcp {
	readonly project: Project;
	/** The authority that has signed the certificate of every host, PEM. */
	readonly caFile: string;
	/** The way to the stand-ins by Google's own host names. */
	readonly proxy: ForwardProxy;
	/** `host:port` of the metadata server, for GCE_METADATA_HOST. */
	readonly metadataHost: string;
	/** What a process needs in its environment to find the stand-ins where it looks for Google. */
	readonly environment: Readonly<Record<string, string>>;
	/** `host:port` of all that a client of the stand-ins may connect to. */
	readonly addresses: readonly string[];
	/** Rights: `iam.allow(member, role, resource)`. */
	readonly iam: Iam;
	/** Whose tokens may be exchanged: `federation.trustCluster(…)`, `federation.trustProvider(…)`. */
	readonly federation: Federation;
	/** Google service accounts and key files. */
	readonly accounts: ServiceAccounts;
	readonly tokens: AccessTokens;
	readonly secrets: SecretManager;
	readonly parameters: ParameterManager;
	readonly keys: KeyManagement;
	readonly faults: Faults;
	readonly quotas: Quotas;
	/** Added to each answer. */
	latencyMilliseconds: number;
	/** An address of its own for one of Google's hosts, `https://127.0.0.1:<port>`. */
	address(host: string): Promise<string>;
	/** Addresses of their own for all APIs, by service (`sts`), and for those of some regions, by both (`secretmanager.us-central1`). */
	endpoints(regions?: readonly string[]): Promise<Readonly<Record<string, string>>>;
	/** The requests that ended, in their order; those of one operation only, or all. */
	calls(operation?: string): readonly CallRecord[];
	/** How often each operation was asked for. */
	counts(): Readonly<Record<string, number>>;
	/** Requests that have no whole answer yet and whose client still waits. */
	openRequests(): number;
	/** Forgets calls, faults, quotas and latency; not what is stored. */
	reset(): void;
	stop(): Promise<void>;
}

const defaultProject: Project = { id: "my-proj", number: "123456789012" };

/** Starts the stand-ins; they stop with the test, or by `stop()` where `t` is undefined because many tests share them. */
export async function startGcp(t: ExecutionContext<unknown> | undefined, options: GcpOptions = {}): Promise<Gcp> {
	const directory = mkdtempSync(join(tmpdir(), "clv-gcp-"));
	const gcp = new RunningGcp(directory, options);
	t?.teardown(() => gcp.stop());
	await gcp.listen();
	return gcp;
}

class RunningGcp implements Gcp {
	readonly project: Project;
	readonly caFile: string;
	readonly iam: Iam;
	readonly federation: Federation;
	readonly accounts: ServiceAccounts;
	readonly tokens = new AccessTokens();
	readonly secrets: SecretManager;
	readonly parameters: ParameterManager;
	readonly keys: KeyManagement;
	readonly #directory: string;
	readonly #front: Front;
	readonly #ports = new Map<string, Promise<number>>();
	#proxy: ForwardProxy | undefined;
	#addresses: readonly string[] = [];
	#metadataHost = "";

	constructor(directory: string, options: GcpOptions) {
		this.#directory = directory;
		this.project = options.project ?? defaultProject;
		this.caFile = join(directory, "ca.pem");
		writeFileSync(this.caFile, serverCertificate().authority);
		const { tokens } = this;
		const projects = new Projects([this.project, ...(options.otherProjects ?? [])]);
		this.iam = new Iam(projects);
		this.federation = new Federation(projects, tokens);
		this.accounts = new ServiceAccounts(this.project, tokens);
		const parts = {
			tokens,
			iam: this.iam,
			projects,
			accounts: this.accounts,
			judgeForeign: this.accounts.judgeSelfSigned.bind(this.accounts),
		};
		this.secrets = new SecretManager(parts);
		this.parameters = new ParameterManager(parts, this.secrets);
		this.keys = new KeyManagement(parts);
		const node = options.node ?? { email: this.accounts.add("node") };
		const apis = [
			this.secrets,
			this.parameters,
			this.keys,
			this.federation,
			this.accounts,
			new IamCredentials(parts),
			new MetadataServer(this.project, tokens, node),
		];
		this.#front = new Front(
			apis.flatMap((api) => api.routes),
			tokens,
			serverCertificate(),
		);
	}

	get proxy(): ForwardProxy {
		if (this.#proxy === undefined) throw new Error("the stand-ins do not listen yet");
		return this.#proxy;
	}

	get metadataHost(): string {
		return this.#metadataHost;
	}

	get faults(): Faults {
		return this.#front.faults;
	}

	get quotas(): Quotas {
		return this.#front.quotas;
	}

	get latencyMilliseconds(): number {
		return this.#front.latencyMilliseconds;
	}

	set latencyMilliseconds(milliseconds: number) {
		this.#front.latencyMilliseconds = milliseconds;
	}

	get environment(): Readonly<Record<string, string>> {
		const { address } = this.proxy;
		const proxies = { HTTPS_PROXY: address, https_proxy: address, NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" };
		return { ...proxies, SSL_CERT_FILE: this.caFile, NODE_EXTRA_CA_CERTS: this.caFile, GCE_METADATA_HOST: this.#metadataHost };
	}

	get addresses(): readonly string[] {
		return this.#addresses;
	}

	async listen(): Promise<void> {
		const port = await this.#front.listen();
		this.#proxy = new ForwardProxy(port);
		await this.#proxy.listen();
		const metadataPort = await this.#front.listenPlain({ name: "metadata.google.internal", service: "metadata", location: "global" });
		this.#metadataHost = `127.0.0.1:${metadataPort}`;
		this.#addresses = [new URL(this.#proxy.address).host, `127.0.0.1:${port}`, this.#metadataHost];
	}

	async address(name: string): Promise<string> {
		const host = readHost(name);
		if (host === undefined) throw new Error(`${name} is no host of Google's here`);
		const listening = this.#ports.get(name) ?? this.#front.listen(host);
		this.#ports.set(name, listening);
		const origin = `https://127.0.0.1:${await listening}`;
		this.#addresses = [...new Set([...this.#addresses, new URL(origin).host])];
		return origin;
	}

	async endpoints(regions: readonly string[] = []): Promise<Readonly<Record<string, string>>> {
		const regional = regions.flatMap((region) => regionalServices.map((service) => [`${service}.${region}`, `${service}.${region}.rep`]));
		const labels = [...services.map((service) => [service, service]), ...regional];
		const found = labels.map(async ([name = "", label]) => [name, await this.address(`${label}.googleapis.com`)] as const);
		return Object.fromEntries(await Promise.all(found));
	}

	calls(operation?: string): readonly CallRecord[] {
		return this.#front.calls.filter((call) => operation === undefined || call.operation === operation);
	}

	counts(): Readonly<Record<string, number>> {
		const counts: Record<string, number> = {};
		for (const { operation } of this.#front.calls) counts[operation] = (counts[operation] ?? 0) + 1;
		return counts;
	}

	openRequests(): number {
		return this.#front.openRequests;
	}

	reset(): void {
		this.#front.calls.length = 0;
		this.faults.clear();
		this.quotas.clear();
		this.latencyMilliseconds = 0;
		if (this.#proxy !== undefined) {
			this.#proxy.conduct = "open";
			this.#proxy.targets.length = 0;
		}
	}

	async stop(): Promise<void> {
		await this.#proxy?.stop();
		await this.#front.stop();
		rmSync(this.#directory, { recursive: true, force: true });
	}
}
