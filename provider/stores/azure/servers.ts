import { type Address, parseAddress } from "../../net/address.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import type { ProxyEnvironment } from "../../net/proxy.ts";
import type { TlsOptions } from "../../net/tls-trust.ts";
import { type HttpRequest, Transport } from "../../net/transport.ts";
import { RetryBudget } from "../../shared/retry-budget.ts";
import type { AzureInstance } from "./instance.ts";
import { Quota } from "./quota.ts";

/** One server: its connections, and how much it may be asked again. */
export interface Server {
	readonly address: Address;
	readonly budget: RetryBudget;
	request(request: HttpRequest): Promise<HttpAnswer>;
}

/** How one server is reached. */
export interface ServerOptions {
	readonly url: string;
	readonly tls: TlsOptions;
	/** Proxy and certificate variables; absent: the process's own. */
	readonly environment?: ProxyEnvironment;
}

/** The vault, and who is asked for access tokens. */
export function serverOptions(instance: AzureInstance): { readonly vault: ServerOptions; readonly login: ServerOptions } {
	const { vaultUrl, loginUrl, identity, caFile, tokenProxy } = instance;
	const tls = trusting(caFile);
	const vault = { url: vaultUrl, tls };
	// The metadata service is asked on the node itself: what came through a proxy it refuses.
	if (identity === "vm") return { vault, login: { url: loginUrl, tls: {}, environment: {} } };
	if (identity !== "binding") return { vault, login: { url: loginUrl, tls } };
	const { serverName } = tokenProxy;
	return { vault, login: { url: loginUrl, tls: { ...trusting(tokenProxy.caFile), ...(serverName === "" ? {} : { serverName }) } } };
}

/** What all sessions of one instance share. */
export class Servers {
	readonly vault: Server;
	readonly login: Server;
	/** What one vault answers. Source: Azure, "Key Vault service limits", secrets and vault transactions. */
	readonly quota = new Quota({ requests: 4000, milliseconds: 10_000 });

	constructor(instance: AzureInstance) {
		const { vault, login } = serverOptions(instance);
		this.vault = makeServer(vault);
		this.login = makeServer(login);
	}
}

function makeServer({ url, tls, environment }: ServerOptions): Server {
	const address = parseAddress(url);
	if ("problem" in address) throw new Error(`the address ${url} ${address.problem}`);
	const transport = new Transport({ address, tls, ...(environment === undefined ? {} : { environment }) });
	return { address, budget: new RetryBudget(), request: (request) => transport.request(request) };
}

function trusting(caFile: string): TlsOptions {
	return caFile === "" ? {} : { caFile };
}
