import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { type Certificate, issue, makeAuthority } from "../../net/certificates.ts";
import type { Call, CallFilter } from "./calls.ts";
import { allClouds, publicCloud } from "./clouds.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { AccessTokens } from "./entra/access-tokens.ts";
import type { Directory } from "./entra/directory.ts";
import type { NodeIdentities } from "./entra/node-identities.ts";
import type { Faults } from "./faults.ts";
import type { ForwardProxy } from "./forward-proxy.ts";
import { Network } from "./network.ts";
import type { Vaults } from "./vault/vaults.ts";
import { metadataHost, podIdentityHost, tokenProxyName, World } from "./world.ts";

export interface AzureOptions {
	/** The most items on one page of a list; the service's 25 unless given. */
	readonly pageSize?: number;
	/** What is wrong with the servers' certificate; nothing unless given. */
	readonly certificate?: "expired" | "foreign" | "other-name";
}

/**
 * Stand-ins for Entra ID and Key Vault on loopback, which check what the services check.
 * They stop with the test, or by `stop()` where `t` is undefined because many tests share them.
 */
export async function startAzure(t: ExecutionContext<unknown> | undefined, options: AzureOptions = {}): Promise<AzureServers> {
	const files = mkdtempSync(join(tmpdir(), "clv-azure-"));
	try {
		const servers = await startIn(files, options);
		t?.teardown(() => servers.stop());
		return servers;
	} catch (error) {
		rmSync(files, { recursive: true, force: true });
		throw error;
	}
}

async function startIn(files: string, options: AzureOptions): Promise<AzureServers> {
	const world = await World.create(options.pageSize ?? 25);
	const dispatcher = new Dispatcher((request) => world.understand(request));
	const { caFile, certificate } = makeCertificate(files, options.certificate);
	const network = await Network.start({
		certificate,
		listener: (host) => dispatcher.listenerFor(host),
		knows: (host) => world.knows(host),
	});
	return new AzureServers({ world, dispatcher, network, files, caFile });
}

interface Parts {
	readonly world: World;
	readonly dispatcher: Dispatcher;
	readonly network: Network;
	/** Removed at the end. */
	readonly files: string;
	readonly caFile: string;
}

export class AzureServers {
	/** The certificate authority to trust, PEM. */
	readonly caFile: string;
	/** Tenants and applications: whose assertions and secrets are taken. */
	readonly directory: Directory;
	/** What the vaults keep, and who may have it. */
	readonly vaults: Vaults;
	/** The access tokens: how long they live, and their end. */
	readonly tokens: AccessTokens;
	/** The identities that nodes and pods are given without a proof. */
	readonly nodeIdentities: NodeIdentities;
	/** The way to the real host names: every authority, every vault, the metadata service. */
	readonly proxy: ForwardProxy;
	readonly faults: Faults;
	/** Names that clients gave in TLS handshakes, one a connection. */
	readonly handshakes: readonly string[];
	readonly #dispatcher: Dispatcher;
	readonly #network: Network;
	readonly #files: string;
	#stopped: Promise<void> | undefined;

	constructor({ world, dispatcher, network, files, caFile }: Parts) {
		this.caFile = caFile;
		this.directory = world.directory;
		this.vaults = world.vaults;
		this.tokens = world.tokens;
		this.nodeIdentities = world.nodeIdentities;
		this.proxy = network.proxy;
		this.faults = dispatcher.faults;
		this.handshakes = network.handshakes;
		this.#dispatcher = dispatcher;
		this.#network = network;
		this.#files = files;
	}

	/** Variables by which a process finds the stand-ins at the real names, and trusts them. */
	get environment(): Readonly<Record<string, string>> {
		const { address } = this.proxy;
		return { HTTPS_PROXY: address, HTTP_PROXY: address, NO_PROXY: "127.0.0.1,localhost", SSL_CERT_FILE: this.caFile };
	}

	/** Of the public cloud. */
	get authority(): string {
		return `https://${publicCloud.authorityHost}`;
	}

	/** By its real name, such as `https://kv-main.vault.azure.net`. */
	vaultUrl(vault: string): string {
		return `https://${this.vaults.hostOf(vault)}`;
	}

	/** An address on loopback that is this vault, for clients without a proxy. */
	listenAsVault(vault: string): Promise<string> {
		return this.#network.listenAs(this.vaults.hostOf(vault), "https");
	}

	/** An address on loopback that is the public cloud's authority. */
	listenAsAuthority(): Promise<string> {
		return this.#network.listenAs(publicCloud.authorityHost, "https");
	}

	/** An address on loopback, in plain HTTP, that is the instance metadata service. */
	listenAsMetadata(): Promise<string> {
		return this.#network.listenAs(metadataHost, "http");
	}

	/** An address on loopback, in plain HTTP, that is the node managed identity service. */
	listenAsPodIdentity(): Promise<string> {
		return this.#network.listenAs(podIdentityHost, "http");
	}

	/** An address on loopback that is the token proxy of identity bindings, for clients that name {@link tokenProxyName} in the handshake. */
	listenAsTokenProxy(): Promise<string> {
		return this.#network.listenNamed(tokenProxyName);
	}

	/** The requests so far that fit all that the filter says. */
	calls(filter: CallFilter = {}): readonly Call[] {
		return this.#dispatcher.calls.matching(filter);
	}

	/** Added to each answer. */
	set latencyMilliseconds(milliseconds: number) {
		this.#dispatcher.latencyMilliseconds = milliseconds;
	}

	/** Requests without a whole answer, whose client still waits. */
	get openRequests(): number {
		return this.#dispatcher.openRequests;
	}

	/** The most that were open at the same time since {@link forget}. */
	get peakOpenRequests(): number {
		return this.#dispatcher.peakOpenRequests;
	}

	/** Forgets calls, faults, handshakes and the peak; what the services know stays. */
	forget(): void {
		this.#dispatcher.clear();
		this.#network.handshakes.length = 0;
		this.proxy.tunnels.length = 0;
	}

	stop(): Promise<void> {
		this.#stopped ??= this.#network.stop().finally(() => rmSync(this.#files, { recursive: true, force: true }));
		return this.#stopped;
	}
}

function makeCertificate(directory: string, fault: AzureOptions["certificate"]): { caFile: string; certificate: Certificate } {
	const trusted = makeAuthority(directory, "azure-authority", "ec");
	const signer = fault === "foreign" ? makeAuthority(directory, "foreign-authority", "ec") : trusted;
	const names = fault === "other-name" ? "DNS:elsewhere.test" : serverNames();
	const certificate = issue(directory, signer, "azure-server", { names, keyType: "ec", ...(fault === "expired" ? { days: -1 } : {}) });
	return { caFile: trusted.certificate, certificate };
}

function serverNames(): string {
	const hosts = allClouds.flatMap(({ authorityHost, vaultSuffix }) => [authorityHost, `*.${vaultSuffix}`]);
	return ["IP:127.0.0.1", ...[...hosts, tokenProxyName].map((host) => `DNS:${host}`)].join();
}
