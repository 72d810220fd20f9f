import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { parseDuration } from "../../plan/native/duration.ts";

export interface DoctorOptions {
	readonly kind: "doctor";
	/** Flags of `claviger serve` that this command line repeats or replaces, each as `--name=value`. */
	readonly serveFlags: readonly string[];
	/** The process whose flags are taken; 0 for none. */
	readonly processId: number;
	/** Whether the directory of the sockets was named here. */
	readonly socketsWanted: boolean;
	/** The directories in which the driver looks, in its order. */
	readonly driverDirectories: readonly string[];
	/** A SecretProviderClass and the identity that it is planned for. */
	readonly planned: PlannedClassOptions | undefined;
	readonly timeoutMilliseconds: number;
	readonly json: boolean;
}

export interface PlannedClassOptions {
	/** A manifest's file, or the name of a class in the cluster. */
	readonly className: string;
	/** Which class of the file. */
	readonly nameInFile: string | undefined;
	readonly namespace: string;
	readonly serviceAccount: string;
}

/** The command line asks for help, or cannot be understood; `problem` then says why, as a sentence. */
export interface UsageRequest {
	readonly kind: "usage";
	readonly problem?: string;
}

const driverDirectories = "/etc/kubernetes/secrets-store-csi-providers,/var/run/secrets-store-csi-providers";

/** How the doctor runs in a provider's container. */
export const execution = "kubectl --namespace claviger-system exec daemonset/claviger -- claviger doctor";

export const usage = `claviger doctor: look at everything that a mount needs, and say what to mend

Usage: claviger doctor [OPTIONS]

In the cluster, in the container of one node's provider, whose flags and environment it then goes by:
  ${execution}
On a workstation, for what can be seen from there:
  kubectl create token claviger --namespace claviger-system >token
  claviger doctor --kubernetes-api https://HOST:PORT --kubernetes-ca ca.crt --kubernetes-token-file token --policy policy.yaml

It looks at the driver's objects, the sockets, the clock, the API server and the provider's rights, the policy, the way to
each store by stage (name, TCP, TLS, HTTP) with what the store tells anybody, and the process. It sends no pod's
token, fetches no secret, changes nothing, and asks no address that the policy does not allow.

What is looked at
  --pid N                      the running provider whose flags are taken (1); 0 for none
  --driver-socket-dirs LIST    where the driver looks for sockets, by comma
                               (${driverDirectories.replace(",", ",\n                                ")})
  --class FILE|NAME            also plan this SecretProviderClass, from a manifest or from the cluster, and say what
                               would be asked, where, and as whom; needs the next two
  --namespace NS               the pod's namespace
  --service-account SA         the pod's service account
  --name NAME                  which SecretProviderClass of the file

Flags of "claviger serve" that win over those of the running provider and over CLAVIGER_* variables
  --socket-dir DIR  --providers LIST  --policy FILE  --http ADDR  --state-dir DIR  --ca-file FILE  --push HOW
  --node-name NAME  --events HOW  --startup-taint KEY
  --token-verification HOW  --token-keys FILE  --token-issuer URL  --version-key-secret NS/NAME  --max-response-bytes N
  --kubernetes-api URL  --kubernetes-token-file FILE  --kubernetes-ca FILE

Output
  --timeout TIME               for all of it: 10s, 1m (30s)
  --json                       print the findings as JSON

Exit status: 0 nothing failed, though there may be warnings; 1 something failed; 2 wrong usage.
`;

const serveFlagNames = [
	"socket-dir",
	"providers",
	"policy",
	"http",
	"state-dir",
	"ca-file",
	"push",
	"node-name",
	"events",
	"startup-taint",
	"token-verification",
	"token-keys",
	"token-issuer",
	"version-key-secret",
	"max-response-bytes",
	"kubernetes-api",
	"kubernetes-token-file",
	"kubernetes-ca",
] as const;

const ownFlags = {
	pid: { type: "string", default: "1" },
	"driver-socket-dirs": { type: "string", default: driverDirectories },
	class: { type: "string" },
	name: { type: "string" },
	namespace: { type: "string" },
	"service-account": { type: "string" },
	timeout: { type: "string", default: "30s" },
	json: { type: "boolean", default: false },
	help: { type: "boolean", short: "h", default: false },
} as const satisfies ParseArgsOptionsConfig;

type OwnValues = ReturnType<typeof parseOwn>;

export function parseDoctorOptions(args: readonly string[]): DoctorOptions | UsageRequest {
	let values: OwnValues;
	try {
		values = parseOwn(args);
	} catch (error) {
		return wrong(error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : "The command line cannot be read.");
	}
	if (values.help) return { kind: "usage" };
	if (!/^\d{1,9}$/.test(values.pid)) return wrong("--pid is not a number.");
	const seconds = parseDuration(values.timeout);
	if (seconds === undefined) return wrong("--timeout is not a time: write a number and a unit, such as 10s or 1m.");
	const planned = plannedOptions(values);
	if (typeof planned === "string") return wrong(planned);
	return {
		kind: "doctor",
		serveFlags: serveFlagNames.flatMap((name) => (values.serve.has(name) ? [`--${name}=${values.serve.get(name)}`] : [])),
		processId: Number(values.pid),
		socketsWanted: values.serve.has("socket-dir"),
		driverDirectories: values["driver-socket-dirs"].split(",").filter((directory) => directory !== ""),
		planned,
		timeoutMilliseconds: seconds * 1000,
		json: values.json,
	};
}

function parseOwn(args: readonly string[]) {
	const serveFlags = Object.fromEntries(serveFlagNames.map((name) => [name, { type: "string" as const }]));
	const { values } = parseArgs({ args: [...args], options: { ...serveFlags, ...ownFlags }, strict: true, allowPositionals: false });
	const given: Readonly<Record<string, unknown>> = values;
	const serve = serveFlagNames.flatMap((name) => (typeof given[name] === "string" ? [[name, given[name]] as const] : []));
	return { ...values, serve: new Map<string, string>(serve) };
}

function plannedOptions(values: OwnValues): PlannedClassOptions | undefined | string {
	const { class: className, namespace, "service-account": serviceAccount } = values;
	if (className === undefined) {
		const stray = (["name", "namespace", "service-account"] as const).find((flag) => values[flag] !== undefined);
		return stray === undefined ? undefined : `--${stray} is for --class, which is missing.`;
	}
	if (namespace === undefined || serviceAccount === undefined) {
		return `--class needs --${namespace === undefined ? "namespace" : "service-account"}: say for whose pod it is planned.`;
	}
	return { className, nameInFile: values.name, namespace, serviceAccount };
}

function wrong(problem: string): UsageRequest {
	return { kind: "usage", problem };
}
