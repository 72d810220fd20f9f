import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { ServerOptions } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { issue, makeAuthority } from "../../net/certificates.ts";
import { ForwardProxy } from "../gcp/forward-proxy.ts";
import { type CallRecord, type Faults, StandIn } from "../stand-in.ts";
import { AccessTokens } from "./access-tokens.ts";
import { Authenticators } from "./authenticators.ts";
import { ConjurDesk } from "./desk.ts";
import { Policy } from "./policy.ts";
import type { Route } from "./routes.ts";
import { Secrets } from "./secrets.ts";
import { Variables } from "./variables.ts";

export interface ConjurOptions {
	/** Default `acme`. */
	readonly account?: string;
	/** Without TLS. */
	readonly plain?: boolean;
	/** Conjur Cloud: the API lies beneath `/api`, and has the batch with a status for each id. */
	readonly cloud?: boolean;
}

/** A Conjur server on loopback. */
export interface Conjur {
	readonly account: string;
	/** `https://127.0.0.1:<port>`, for a Cloud with `/api`. */
	readonly address: string;
	/** The certificate of the only authority that has signed the server's, PEM, which is `conjur.example`'s too. Made for servers without TLS too. */
	readonly authority: string;
	/** The way to a Cloud by the names of its tenants, such as `https://acme.secretsmgr.cyberark.cloud`. */
	readonly proxy: ForwardProxy;
	readonly policy: Policy;
	readonly variables: Variables;
	readonly authenticators: Authenticators;
	readonly tokens: AccessTokens;
	readonly secrets: Secrets;
	readonly faults: Faults;
	/** Characters of path and query; 8192 unless set. */
	longestUrl: number;
	/** Added to each answer. */
	latencyMilliseconds: number;
	/** In the order of arrival; those of one operation only, or all. */
	calls(operation?: Route["operation"]): readonly CallRecord[];
	/** How often each operation was asked for; `""` counts what the API does not have. */
	counts(): Readonly<Record<string, number>>;
	/** Requests that have no whole answer yet and whose client still waits. */
	openRequests(): number;
	/** Forgets calls, faults and latency; not what is stored. */
	reset(): void;
	stop(): Promise<void>;
}

/** The hosts of Conjur Cloud's tenants. */
const cloudSuffix = ".secretsmgr.cyberark.cloud";

interface ServerCertificate {
	readonly authority: string;
	readonly tls: ServerOptions;
}

let made: ServerCertificate | undefined;

/** Starts a server; it stops with the test, or by `stop()` where `t` is undefined because many tests share it. */
export async function startConjur(t: ExecutionContext<unknown> | undefined, options: ConjurOptions = {}): Promise<Conjur> {
	const { account = "acme", plain = false, cloud = false } = options;
	made ??= makeCertificate();
	const { authority, tls } = made;
	const policy = new Policy();
	const variables = new Variables();
	const tokens = new AccessTokens(policy);
	const authenticators = new Authenticators({ account, policy, tokens });
	const secrets = new Secrets({ account, policy, variables });
	const desk = new ConjurDesk({ account, policy, variables, tokens, authenticators, secrets, isCloud: cloud });
	const server = new StandIn(desk);
	const port = await server.listen(plain ? undefined : tls);
	const proxy = new ForwardProxy(port, (host) => host.endsWith(cloudSuffix));
	await proxy.listen();
	const stop = async () => void (await Promise.all([proxy.stop(), server.stop()]));
	t?.teardown(stop);
	return {
		...{ account, authority, proxy, policy, variables, authenticators, tokens, secrets, faults: server.faults, stop },
		address: `${plain ? "http" : "https"}://127.0.0.1:${port}${cloud ? "/api" : ""}`,
		get longestUrl() {
			return desk.longestUrl;
		},
		set longestUrl(length) {
			desk.longestUrl = length;
		},
		get latencyMilliseconds() {
			return server.latencyMilliseconds;
		},
		set latencyMilliseconds(milliseconds) {
			server.latencyMilliseconds = milliseconds;
		},
		calls: (operation) => server.calls.filter((call) => operation === undefined || call.operation === operation),
		counts: () => server.counts(),
		openRequests: () => server.openRequests,
		reset: () => server.reset(),
	};
}

/** Once for a process, because it takes a while. */
function makeCertificate(): ServerCertificate {
	const directory = mkdtempSync(join(tmpdir(), "clv-conjur-"));
	try {
		const authority = makeAuthority(directory, "conjur-ca", "ec");
		const { certificate, key } = issue(directory, authority, "conjur", {
			names: `IP:127.0.0.1,DNS:conjur.example,DNS:*${cloudSuffix}`,
			keyType: "ec",
		});
		return { authority: readFileSync(authority.certificate, "utf8"), tls: { cert: readFileSync(certificate), key: readFileSync(key) } };
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}
