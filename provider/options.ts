import { parseArgs } from "node:util";
import { ProviderError } from "./errors.ts";
import { parseDuration } from "./plan/native/duration.ts";
import { type ListenAddress, parseListenAddress } from "./telemetry/health.ts";
import { type LogLevel, logLevels } from "./telemetry/log.ts";
import { tracesUrl } from "./telemetry/tracing.ts";

/** How the provider verifies pods' tokens. */
export type TokenVerification = "keys" | "review" | "off";

/** What `claviger serve` was started with. */
export interface ServeOptions {
	readonly socketDirectory: string;
	readonly providers: readonly string[];
	readonly policyFile: string | undefined;
	readonly http: ListenAddress | undefined;
	/** Whether the address was asked for: then it must be had, while the default may be somebody else's. */
	readonly httpRequired: boolean;
	/** Where traces are sent, an OTLP/HTTP endpoint; undefined for nowhere. */
	readonly tracesUrl: string | undefined;
	readonly logLevel: LogLevel;
	readonly audit: string;
	readonly tokenVerification: TokenVerification;
	readonly tokenKeysFile: string | undefined;
	readonly tokenIssuer: string | undefined;
	readonly versionKeyFile: string | undefined;
	readonly versionKeySecret: string | undefined;
	/** Where leases, and what volumes hold, are kept over a restart. */
	readonly stateDirectory: string | undefined;
	/** Whether the last known good values are kept there too. */
	readonly keepsValues: boolean;
	readonly kubernetesApi: string | undefined;
	readonly kubernetesTokenFile: string;
	readonly kubernetesCaFile: string;
	readonly fetchConcurrency: number;
	/** The authorities for stores without a CA of their own. */
	readonly caFile: string | undefined;
	readonly pollSeconds: number;
	/** How old a known value may be when a Mount is answered with it. */
	readonly maximumAgeSeconds: number;
	/** How old a known value may be when it stands in for a store that cannot be reached. */
	readonly maximumStaleSeconds: number;
	readonly push: "off" | "annotation";
	/** Whether Kubernetes Events tell about pods. */
	readonly tellsEvents: boolean;
	readonly nodeName: string | undefined;
	/** The key of the taint that the node loses when its sockets are served. */
	readonly startupTaint: string | undefined;
	readonly revocationHoldSeconds: number;
	readonly cacheBytes: number;
	readonly drainMilliseconds: number;
	readonly maximumResponseBytes: number;
}

interface Flag {
	readonly value: string;
	readonly fallback?: string;
	readonly help: string;
}

const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Every flag of `claviger serve`; each is also an environment variable, `--socket-dir` being `CLAVIGER_SOCKET_DIR`. */
const flags = {
	"socket-dir": { value: "DIR", fallback: "/var/run/secrets-store-csi-providers", help: "where the driver looks for provider sockets" },
	providers: { value: "LIST", fallback: "claviger", help: "provider names to serve, by comma: claviger, vault, openbao" },
	policy: { value: "FILE", help: "the administrator's policy; without it nothing outside this process may be asked" },
	http: { value: "ADDR", fallback: "127.0.0.1:8085", help: "health, readiness and metrics, as host:port; off for none" },
	traces: { value: "URL", help: "an OTLP/HTTP endpoint that traces are sent to, such as http://collector:4318; default: none" },
	"log-level": { value: "LEVEL", fallback: "info", help: "debug, info, warn, error or silent; JSON lines on stderr" },
	audit: { value: "FILE", fallback: "off", help: "audit records as JSON lines: a file, stdout or off" },
	"token-verification": {
		value: "HOW",
		help: "keys: by the cluster's public keys; review: by TokenReview; off. Default: keys where there are any",
	},
	"token-keys": { value: "FILE", help: "the public keys of the cluster's token issuer, JWKS or PEM; default: asked from the API server" },
	"token-issuer": { value: "URL", help: "the only token issuer to accept" },
	"version-key": { value: "FILE", help: "32 bytes or more, equal on all nodes: the key of the object versions" },
	"version-key-secret": { value: "NS/NAME", help: "the same from a Kubernetes Secret, made when it does not exist" },
	"state-dir": {
		value: "DIR",
		help: "a memory-backed folder of the provider's own: keeps leases and what volumes hold over a restart, encrypted",
	},
	"keep-values": {
		value: "HOW",
		fallback: "off",
		help: "on: keep the last known good values in --state-dir too, for outages that outlast a restart; off",
	},
	"kubernetes-api": { value: "URL", help: "the API server; default: the cluster this runs in" },
	"kubernetes-token-file": { value: "FILE", fallback: `${serviceAccountFolder}/token`, help: "the provider's own token" },
	"kubernetes-ca": { value: "FILE", fallback: `${serviceAccountFolder}/ca.crt`, help: "the API server's CA" },
	"ca-file": {
		value: "FILE",
		help: "the authorities that stores' certificates are verified with where nothing else is said (SSL_CERT_FILE)",
	},
	"poll-interval": { value: "TIME", fallback: "60s", help: "how often the stores are asked for what pods hold" },
	"max-age": {
		value: "TIME",
		help: "how old a known value may be when a Mount is answered with it; 0 asks the store each time (default: the poll interval)",
	},
	"max-stale": {
		value: "TIME",
		fallback: "12h",
		help: "how old a known value may be when it stands in for a store that cannot be reached; 0 for never",
	},
	push: { value: "HOW", fallback: "off", help: "annotation: have kubelet republish a pod's volumes as soon as one changes; off" },
	events: {
		value: "HOW",
		fallback: "off",
		help: "on: tell by Kubernetes Events what befalls a pod's secrets, with remedies (needs --node-name); off",
	},
	"node-name": {
		value: "NAME",
		help: "the node this runs on: its pods are watched, so that leases end with them; needed for --push annotation",
	},
	"startup-taint": { value: "KEY", help: "the taint that --node-name loses when its sockets are served, so that pods wait for it" },
	"revocation-hold": {
		value: "TIME",
		fallback: "10m",
		help: "how long removals are held back when most of a node's secrets vanish at once",
	},
	"cache-bytes": { value: "N", fallback: "16777216", help: "how many bytes of values are kept in memory" },
	"fetch-concurrency": { value: "N", fallback: "32", help: "calls under way at once to one store instance" },
	"drain-seconds": { value: "N", fallback: "20", help: "how long a stopping provider lets Mounts finish" },
	"max-response-bytes": { value: "N", fallback: "4194304", help: "the driver's --max-call-recv-msg-size" },
} as const satisfies Readonly<Record<string, Flag>>;

type FlagName = keyof typeof flags;
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads flags, then environment, then defaults.
 *
 * @returns the options, or `help` when help was asked for
 * @throws ProviderError `invalid` naming the flag
 */
export function readServeOptions(args: readonly string[], environment: Environment): ServeOptions | "help" {
	const given = parseFlags(args);
	if (given["help"] === true) return "help";
	const text = (name: FlagName): string | undefined => {
		const flag: Flag = flags[name];
		return textOf(given[name]) ?? environment[environmentName(name)] ?? flag.fallback;
	};
	const required = (name: FlagName) => text(name) ?? "";
	const pollSeconds = Math.max(1, readDuration("poll-interval", required("poll-interval")));
	const maximumAge = text("max-age");
	return {
		socketDirectory: required("socket-dir"),
		providers: readProviders(required("providers")),
		policyFile: text("policy"),
		http: readHttp(required("http")),
		httpRequired: given["http"] !== undefined || environment[environmentName("http")] !== undefined,
		tracesUrl: readTraces(text("traces")),
		logLevel: readChoice("log-level", required("log-level"), logLevels),
		audit: required("audit"),
		tokenVerification: readChoice("token-verification", text("token-verification") ?? defaultVerification(text, environment), [
			"keys",
			"review",
			"off",
		]),
		tokenKeysFile: text("token-keys"),
		tokenIssuer: text("token-issuer"),
		versionKeyFile: text("version-key"),
		versionKeySecret: readSecretName(text("version-key-secret")),
		stateDirectory: text("state-dir"),
		keepsValues: readChoice("keep-values", required("keep-values"), ["on", "off"]) === "on",
		kubernetesApi: text("kubernetes-api") ?? inClusterApi(environment),
		kubernetesTokenFile: required("kubernetes-token-file"),
		kubernetesCaFile: required("kubernetes-ca"),
		caFile: text("ca-file"),
		pollSeconds,
		maximumAgeSeconds: maximumAge === undefined ? pollSeconds : readDuration("max-age", maximumAge),
		maximumStaleSeconds: readDuration("max-stale", required("max-stale")),
		push: readChoice("push", required("push"), ["off", "annotation"]),
		tellsEvents: readChoice("events", required("events"), ["on", "off"]) === "on",
		nodeName: text("node-name"),
		startupTaint: text("startup-taint"),
		revocationHoldSeconds: readDuration("revocation-hold", required("revocation-hold")),
		cacheBytes: readNumber("cache-bytes", required("cache-bytes"), 1024, 1 << 30),
		fetchConcurrency: readNumber("fetch-concurrency", required("fetch-concurrency"), 1, 1000),
		drainMilliseconds: readNumber("drain-seconds", required("drain-seconds"), 0, 600) * 1000,
		maximumResponseBytes: readNumber("max-response-bytes", required("max-response-bytes"), 1024, 1 << 30),
	};
}

export function serveHelp(): string {
	const lines = Object.entries<Flag>(flags).map(([name, { value, fallback, help }]) => {
		const left = `  --${name} ${value}`.padEnd(34);
		return `${left}${help}${fallback === undefined ? "" : ` (default ${fallback})`}`;
	});
	return `Usage: claviger serve [OPTIONS]\n\nServes the Secrets Store CSI driver on one unix socket per provider name.\n\n${lines.join("\n")}\n\nEach flag may be given as an environment variable too, such as CLAVIGER_SOCKET_DIR.\n`;
}

function parseFlags(args: readonly string[]): Readonly<Record<string, unknown>> {
	const strings = Object.keys(flags).map((name) => [name, { type: "string" }] as const);
	try {
		return parseArgs({ args: [...args], options: { help: { type: "boolean", short: "h" }, ...Object.fromEntries(strings) }, strict: true })
			.values;
	} catch (cause) {
		const message = cause instanceof Error ? cause.message.split("\n", 1)[0] : "The flags cannot be read.";
		throw new ProviderError("invalid", message ?? "", { remedy: 'See "claviger serve --help".', cause });
	}
}

function textOf(value: unknown): string | undefined {
	return typeof value === "string" ? value : undefined;
}

function environmentName(flag: FlagName): string {
	return `CLAVIGER_${flag.toUpperCase().replaceAll("-", "_")}`;
}

function readProviders(text: string): readonly string[] {
	const names = text.split(",").map((name) => name.trim());
	const bad = names.find((name) => !/^[a-zA-Z0-9_-]{1,30}$/.test(name));
	if (bad !== undefined)
		throw invalid(
			"providers",
			`holds ${JSON.stringify(bad)}, which the driver takes for no provider name`,
			"Write names by comma, such as claviger,vault.",
		);
	return [...new Set(names)];
}

function readHttp(text: string): ListenAddress | undefined {
	if (text === "off") return undefined;
	const address = parseListenAddress(text);
	if (address === undefined) throw invalid("http", `is ${JSON.stringify(text)}`, "Write host:port, or off.");
	return address;
}

function readTraces(text: string | undefined): string | undefined {
	if (text === undefined) return undefined;
	const url = tracesUrl(text);
	if (url === undefined) throw invalid("traces", "is no http or https URL", "Write it as http://collector:4318.");
	return url;
}

function readSecretName(text: string | undefined): string | undefined {
	if (text !== undefined && !/^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/.test(text)) {
		throw invalid("version-key-secret", `is ${JSON.stringify(text)}`, "Write namespace/name.");
	}
	return text;
}

function readChoice<Choice extends string>(name: FlagName, text: string, choices: readonly Choice[]): Choice {
	const choice = choices.find((candidate) => candidate === text);
	if (choice === undefined) throw invalid(name, `is ${JSON.stringify(text)}`, `Write one of ${choices.join(", ")}.`);
	return choice;
}

function readNumber(name: FlagName, text: string, least: number, most: number): number {
	const number = Number(text);
	if (!/^\d+$/.test(text) || number < least || number > most)
		throw invalid(name, `is ${JSON.stringify(text)}`, `Write a whole number from ${least} to ${most}.`);
	return number;
}

function readDuration(name: FlagName, text: string): number {
	const seconds = text === "0" ? 0 : parseDuration(text);
	if (seconds === undefined) throw invalid(name, `is ${JSON.stringify(text)}`, "Write a time such as 30s, 5m or 1h, or 0.");
	return seconds;
}

function defaultVerification(text: (name: FlagName) => string | undefined, environment: Environment): TokenVerification {
	const keysAtHand = text("token-keys") !== undefined || text("kubernetes-api") !== undefined || inClusterApi(environment) !== undefined;
	return keysAtHand ? "keys" : "off";
}

function inClusterApi(environment: Environment): string | undefined {
	const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
	if (host === undefined || port === undefined) return undefined;
	return `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function invalid(name: FlagName, problem: string, remedy: string): ProviderError {
	return new ProviderError("invalid", `--${name} ${problem}.`, { remedy });
}
