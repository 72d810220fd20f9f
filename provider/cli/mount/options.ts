import { resolve } from "node:path";
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { parseFileMode } from "../../shared/file-mode.ts";

/** What the command line says about the pod; what is missing comes from the Pod manifest. */
export interface PodOptions {
	readonly name: string | undefined;
	readonly namespace: string | undefined;
	readonly uid: string | undefined;
	readonly serviceAccount: string | undefined;
}

export interface MountOptions {
	readonly kind: "mount";
	readonly classFile: string;
	readonly className: string | undefined;
	readonly podFile: string | undefined;
	readonly pod: PodOptions;
	/** Audience to the file that holds its token; `-` is standard input. */
	readonly tokenFiles: ReadonlyMap<string, string>;
	readonly secretsFile: string | undefined;
	/** Either the socket itself or the directory in which the class's provider names it. */
	readonly socket: { readonly file: string } | { readonly directory: string };
	/** Default file mode, 0…0o777. */
	readonly permission: number;
	readonly target: string;
	readonly timeoutMilliseconds: number;
	readonly tmpfs: boolean;
	readonly json: boolean;
}

export interface UnmountOptions {
	readonly kind: "unmount";
	readonly target: string;
	readonly json: boolean;
}

/** The command line asks for help, or cannot be understood; `problem` then says why, as a sentence. */
export interface UsageRequest {
	readonly kind: "usage";
	readonly problem?: string;
}

export const usage = `claviger mount: play the Secrets Store CSI driver and mount a SecretProviderClass

Usage: claviger mount --spc FILE --target DIR (--socket FILE | --socket-dir DIR) [OPTIONS]
       claviger mount --unmount --target DIR

What to mount
  --spc FILE               SecretProviderClass manifest; may hold several documents
  --name NAME              which SecretProviderClass of the file
  --secrets-file FILE      JSON object with the data of nodePublishSecretRef
  --permission MODE        default file mode in octal digits (0644)

The pod it is mounted for
  --pod-file FILE          Pod manifest: name, namespace, service account, volumeAttributes
  --namespace NAME         these four win over the manifest
  --pod NAME
  --pod-uid UID            default: a new one
  --service-account NAME   default: default
  --token AUDIENCE=FILE    service account token for an audience, read from a file, or from
                           standard input for "-"; repeat it for more audiences

Where
  --socket FILE            the provider's socket
  --socket-dir DIR         directory of the sockets; spec.provider names the socket
  --target DIR             the volume's directory
  --no-tmpfs               write into the directory itself, even where that is a disk
  --unmount                remove the files and the volume
  --timeout DURATION       how long the provider may take: 500ms, 30s, 2m (120s)
  --json                   print the result as JSON

The table shows paths, modes, sizes and versions, never a value. A failed mount leaves what was mounted before.
Exit status: 0 mounted, 1 failed, 2 wrong usage.
`;

const flags = {
	spc: { type: "string" },
	name: { type: "string" },
	"pod-file": { type: "string" },
	namespace: { type: "string" },
	pod: { type: "string" },
	"pod-uid": { type: "string" },
	"service-account": { type: "string" },
	token: { type: "string", multiple: true },
	"secrets-file": { type: "string" },
	socket: { type: "string" },
	"socket-dir": { type: "string" },
	permission: { type: "string", default: "0644" },
	target: { type: "string" },
	timeout: { type: "string", default: "120s" },
	"no-tmpfs": { type: "boolean", default: false },
	unmount: { type: "boolean", default: false },
	json: { type: "boolean", default: false },
	help: { type: "boolean", short: "h", default: false },
} as const satisfies ParseArgsOptionsConfig;

type Values = ReturnType<typeof parseValues>;

/** Reads the command line. Paths come back absolute. */
export function parseMountOptions(args: readonly string[]): MountOptions | UnmountOptions | UsageRequest {
	let values: Values;
	try {
		values = parseValues(args);
	} catch (error) {
		return wrong(error instanceof Error ? error.message : "The command line cannot be read.");
	}
	if (values.help) return { kind: "usage" };
	if (values.target === undefined) return wrong("--target is missing: say which directory is the volume.");
	const target = resolve(values.target);
	if (values.unmount) return { kind: "unmount", target, json: values.json };
	return mountOptions(values, target);
}

function parseValues(args: readonly string[]) {
	return parseArgs({ args: [...args], options: flags, strict: true, allowPositionals: false }).values;
}

function mountOptions(values: Values, target: string): MountOptions | UsageRequest {
	if (values.spc === undefined) return wrong("--spc is missing: say which SecretProviderClass to mount.");
	const socket = socketOption(values);
	if (socket === undefined) return wrong("Give the provider's socket with --socket, or the directory of the sockets with --socket-dir.");
	const permission = parseFileMode(values.permission);
	if (permission === undefined) return wrong("--permission is not a file mode: write octal digits from 0000 to 0777, such as 0400.");
	const timeoutMilliseconds = parseDuration(values.timeout);
	if (timeoutMilliseconds === undefined) return wrong("--timeout is not a duration: write a number and a unit, such as 500ms, 30s or 2m.");
	const tokenFiles = parseTokens(values.token ?? []);
	if (typeof tokenFiles === "string") return wrong(tokenFiles);
	return {
		kind: "mount",
		classFile: values.spc,
		className: values.name,
		podFile: values["pod-file"],
		pod: {
			name: values.pod,
			namespace: values.namespace,
			uid: values["pod-uid"],
			serviceAccount: values["service-account"],
		},
		tokenFiles,
		secretsFile: values["secrets-file"],
		socket,
		permission,
		target,
		timeoutMilliseconds,
		tmpfs: !values["no-tmpfs"],
		json: values.json,
	};
}

function socketOption(values: Values): MountOptions["socket"] | undefined {
	const directory = values["socket-dir"];
	if (values.socket !== undefined) return directory === undefined ? { file: resolve(values.socket) } : undefined;
	return directory === undefined ? undefined : { directory: resolve(directory) };
}

/** The token itself never stands on a command line, where every process of the machine can read it. */
function parseTokens(texts: readonly string[]): ReadonlyMap<string, string> | string {
	const files = new Map<string, string>();
	for (const text of texts) {
		const end = text.indexOf("=");
		if (end === -1 || end === text.length - 1) return "--token is written AUDIENCE=FILE; the token itself is read from the file.";
		const audience = text.slice(0, end);
		if (files.has(audience)) return `--token gives the audience ${JSON.stringify(audience)} twice.`;
		files.set(audience, text.slice(end + 1));
	}
	if ([...files.values()].filter((file) => file === "-").length > 1) return "--token reads standard input (-) once only.";
	return files;
}

const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** Reads `500ms`, `1.5s`, `2m`; undefined for anything else, and for zero. */
function parseDuration(text: string): number | undefined {
	const [, amount, unit] = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m)$/.exec(text) ?? [];
	if (amount === undefined || unit === undefined) return undefined;
	const duration = Math.round(Number(amount) * (milliseconds[unit] ?? 0));
	return duration > 0 ? duration : undefined;
}

function wrong(problem: string): UsageRequest {
	return { kind: "usage", problem };
}
