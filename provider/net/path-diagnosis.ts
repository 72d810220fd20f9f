import { isIP, type Socket } from "node:net";
import { ProviderError } from "../errors.ts";
import { type Finding, failed, failure, ok, unchecked } from "../shared/finding.ts";
import { type Address, bareHost, serverName } from "./address.ts";
import { type AllowsAddress, guardedLookup, guardLiteral } from "./address-guard.ts";
import { clockFinding } from "./clock.ts";
import type { HttpAnswer } from "./exchange.ts";
import { toFailure } from "./failure.ts";
import { openConnection } from "./path-connection.ts";
import { diagnoseTls } from "./path-tls.ts";
import { type ProxyEnvironment, proxyFor } from "./proxy.ts";
import type { TlsOptions } from "./tls-trust.ts";
import { Transport } from "./transport.ts";

export interface PathOptions {
	readonly address: Address;
	readonly tls?: TlsOptions;
	/** What is asked for with GET, from the root of the server. Nothing else is sent: no token, no cookie. */
	readonly path: string;
	readonly allowsAddress: AllowsAddress;
	readonly signal: AbortSignal;
	/** Proxy and certificate variables; the process's own by default. */
	readonly environment?: ProxyEnvironment;
}

export interface PathDiagnosis {
	readonly findings: readonly Finding[];
	/** The server's answer; undefined when the way to it is broken. */
	readonly answer: HttpAnswer | undefined;
}

/** For each stage. Long enough for a slow name server's second try. */
const stageMilliseconds = 6000;
const maximumBytes = 256 * 1024;

/**
 * Walks the way to a server stage by stage (name, TCP, TLS, HTTP, clock) and stops at the first that is broken. It connects
 * to no address that the guard forbids. Never rejects: every failure is a finding.
 */
export async function diagnosePath(options: PathOptions): Promise<PathDiagnosis> {
	const findings: Finding[] = [];
	const { address } = options;
	const environment = options.environment ?? process.env;
	const proxy = proxyFor(address, environment);
	const proxyUrl = proxy === undefined ? undefined : URL.parse(proxy);
	if (proxyUrl === null) return { findings: [noProxy(serverName(address))], answer: undefined };
	const way = { address, proxy: proxyUrl, allowsAddress: options.allowsAddress };
	const isBroken = () => options.signal.aborted || findings.some(({ status }) => status === "failed");
	const signal = () => AbortSignal.any([options.signal, AbortSignal.timeout(stageMilliseconds)]);
	findings.push(await diagnoseName(options, proxyUrl?.host));
	if (isBroken()) return { findings, answer: undefined };
	let socket: Socket | undefined;
	try {
		const opened = await openConnection(way, signal());
		socket = opened.socket;
		findings.push(opened.finding);
		if (address.scheme === "https" && socket !== undefined) {
			findings.push(...(await diagnoseTls({ ...options, environment, socket, signal: signal() })));
		}
	} finally {
		socket?.destroy();
	}
	if (isBroken()) return { findings, answer: undefined };
	const { answer, found } = await diagnoseHttp(options, environment);
	return { findings: [...findings, ...found], answer };
}

/** The variable's value may hold a password, so it is not shown. */
function noProxy(server: string): Finding {
	return failed("proxy", `The proxy for ${server} is not a URL.`, "Write HTTPS_PROXY and HTTP_PROXY as http://host:port.");
}

async function diagnoseName({ address, allowsAddress }: PathOptions, proxy: string | undefined): Promise<Finding> {
	const check = "name";
	const host = bareHost(address);
	if (address.socketPath !== undefined) return ok(check, `${address.socketPath} is a socket of this node; nothing is looked up.`);
	try {
		guardLiteral(host, allowsAddress);
		if (isIP(host) !== 0) return ok(check, `${host} is an IP address; nothing is looked up.`);
		if (proxy !== undefined) return unchecked(check, `${host} is looked up by the proxy ${proxy}.`);
		const addresses = await lookUp(host, allowsAddress);
		return ok(check, `${host} is ${addresses.slice(0, 4).join(", ")}${addresses.length > 4 ? ", …" : ""}.`);
	} catch (reason) {
		const error = toFailure(reason, "resolve", serverName(address));
		const probe = `kubectl run name-probe --rm --stdin --restart=Never --image=busybox -- nslookup ${host}`;
		return failure(check, error, `Check the name, and what the cluster's name server says of it: ${probe}`);
	}
}

function lookUp(host: string, allowsAddress: AllowsAddress): Promise<readonly string[]> {
	const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
	guardedLookup(allowsAddress)(host, { all: true }, (error, found) => {
		if (error !== null) reject(error);
		else resolve(Array.isArray(found) ? found.map(({ address }) => address) : [found]);
	});
	const late = new ProviderError("unreachable", `The name server said nothing of ${host} within ${stageMilliseconds / 1000} s.`);
	const timer = setTimeout(() => reject(late), stageMilliseconds);
	return promise.finally(() => clearTimeout(timer));
}

async function diagnoseHttp(options: PathOptions, environment: ProxyEnvironment) {
	const { address, tls, path, allowsAddress, signal } = options;
	const transport = new Transport({ address, environment, ...(tls === undefined ? {} : { tls }) });
	const server = serverName(address);
	const sentAt = Date.now();
	try {
		const limits = { timeoutMilliseconds: stageMilliseconds, maximumBytes };
		const answer = await transport.request({
			method: "GET",
			path,
			headers: { accept: "application/json" },
			signal,
			allowsAddress,
			...limits,
		});
		const times = { sentAt, answeredAt: Date.now() };
		const milliseconds = times.answeredAt - sentAt;
		const spoke = ok("HTTP", `${server} answers GET ${path} with status ${answer.status} in ${milliseconds} ms.`);
		return { answer, found: [spoke, clockFinding(server, answer.headers.date, times)].filter((finding) => finding !== undefined) };
	} catch (reason) {
		const remedy = "See the server's own log for this moment, and check that the address is its own.";
		return { answer: undefined, found: [failure("HTTP", reason, remedy)] };
	} finally {
		transport.close();
	}
}
