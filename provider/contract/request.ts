import { LRUCache } from "lru-cache";
import { ProviderError } from "../errors.ts";
import type { MountRequest, Pod } from "../plan/mount-request.ts";
import { maximumFileMode } from "../shared/file-mode.ts";
import { Secret } from "../shared/secret.ts";
import type { MountRequestMessage } from "./codec.ts";

const kubeletPrefix = "csi.storage.k8s.io/";
const tokensKey = "csi.storage.k8s.io/serviceAccount.tokens";
const podKeys = {
	name: "csi.storage.k8s.io/pod.name",
	namespace: "csi.storage.k8s.io/pod.namespace",
	uid: "csi.storage.k8s.io/pod.uid",
	serviceAccount: "csi.storage.k8s.io/serviceAccount.name",
} satisfies Record<keyof Pod, string>;
const classKey = "secretProviderClass";

const maximumEntries = 1000;
const maximumAudiences = 100;
const maximumVersions = 10_000;
const longestTargetPath = 4096;
const shownFaults = 20;

/** What the API server lets a pod, a namespace or a service account be called, without its rules on case and dots. */
const kubernetesName = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;

/** Of all that is kept, in characters: the volumes of a full node, 110 pods, take a third of it. */
const maximumKept = 1536 * 1024;

/** What the message itself says: nothing of the socket it came by or of the call. */
type Parsed = Omit<MountRequest, "provider" | "signal">;

interface Kept {
	readonly secrets: string;
	readonly permission: string;
	readonly targetPath: string;
	readonly parsed: Parsed;
}

/**
 * Reads Mount requests. Kubelet hands a pod one token for the most of an hour, so a remount is most often letter for
 * letter what came a minute ago: it is parsed once, and gives the very same pod, tokens and parameters again.
 */
export class RequestReader {
	readonly #kept = new LRUCache<string, Kept>({
		maxSize: maximumKept,
		sizeCalculation: ({ secrets }, attributes) => 1 + attributes.length + secrets.length,
	});

	/**
	 * @param signal asked for by those alone who wait
	 * @throws ProviderError `invalid`
	 */
	read(message: MountRequestMessage, provider: string, signal: () => AbortSignal): MountRequest {
		const parsed = this.#parse(message);
		return {
			...parsed,
			provider,
			get signal() {
				return signal();
			},
		};
	}

	#parse(message: MountRequestMessage): Parsed {
		const { attributes, secrets, permission, targetPath } = message;
		const kept = this.#kept.get(attributes);
		const isSame = kept?.secrets === secrets && kept.permission === permission && kept.targetPath === targetPath;
		if (kept !== undefined && isSame && message.currentObjectVersion.length === 0) return kept.parsed;
		const parsed = parseMessage(message);
		if (parsed.currentVersions.size === 0) this.#kept.set(attributes, { secrets, permission, targetPath, parsed });
		return parsed;
	}
}

/**
 * Parses what the driver sent. Nothing is decided here, and everything wrong is reported at once,
 * by the names of fields and keys, never by their values.
 *
 * Source: secrets-store-csi-driver v1.6.0, pkg/secrets-store/nodeserver.go and provider_client.go.
 *
 * @throws ProviderError `invalid`
 */
function parseMessage(message: MountRequestMessage): Parsed {
	const faults: string[] = [];
	const attributes = readTexts("attributes", message.attributes, faults);
	// Without nodePublishSecretRef the driver sends the text `null`, and other callers send nothing.
	const secrets = isNothing(message.secrets) ? new Map<string, string>() : readTexts("secrets", message.secrets, faults);
	const parsed: Parsed = {
		pod: readPod(attributes, faults),
		tokens: readTokens(secrets?.get(tokensKey) || attributes?.get(tokensKey), faults),
		parameters: readParameters(attributes),
		credentials: readCredentials(secrets),
		defaultMode: readMode(message.permission, faults),
		targetPath: readTargetPath(message.targetPath, faults),
		currentVersions: readVersions(message.currentObjectVersion, faults),
	};
	if (faults.length > 0) throw faultsError(faults);
	return parsed;
}

type Texts = ReadonlyMap<string, string> | undefined;

/** The entries of a JSON object of strings; undefined with a fault when it is none. Keys such as `__proto__` are data. */
function readTexts(field: string, json: string, faults: string[]): Texts {
	const object = parseObject(json);
	if (object === undefined) {
		faults.push(json === "" ? `${field} is empty.` : `${field} is not a JSON object of strings.`);
		return undefined;
	}
	const entries: readonly [string, unknown][] = Object.entries(object);
	if (entries.length > maximumEntries) {
		faults.push(`${field} has ${entries.length} entries; ${maximumEntries} are read.`);
		return undefined;
	}
	const texts = new Map<string, string>();
	for (const [key, value] of entries) {
		if (typeof value === "string") texts.set(key, value);
		else faults.push(`${field} ${name(key)} is not a string.`);
	}
	return texts;
}

function parseObject(json: string): object | undefined {
	try {
		const value: unknown = JSON.parse(json);
		return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
	} catch {
		return undefined;
	}
}

function readPod(attributes: Texts, faults: string[]): Pod {
	const read = (key: string): string => {
		const value = attributes?.get(key) ?? "";
		if (attributes === undefined || kubernetesName.test(value)) return value;
		faults.push(
			value === ""
				? `attribute ${key} is missing. Set podInfoOnMount: true in the CSIDriver object.`
				: `attribute ${key} is not a Kubernetes name.`,
		);
		return "";
	};
	return {
		name: read(podKeys.name),
		namespace: read(podKeys.namespace),
		uid: read(podKeys.uid),
		serviceAccount: read(podKeys.serviceAccount),
	};
}

/** Tokens as kubelet writes them: `{"<audience>": {"token": "…", "expirationTimestamp": "…"}}`. */
function readTokens(json: string | undefined, faults: string[]): ReadonlyMap<string, Secret> {
	const tokens = new Map<string, Secret>();
	if (isNothing(json)) return tokens;
	const object = parseObject(json);
	if (object === undefined) {
		faults.push(`${tokensKey} is not a JSON object of tokens by audience.`);
		return tokens;
	}
	const entries: readonly [string, unknown][] = Object.entries(object);
	if (entries.length > maximumAudiences) faults.push(`${tokensKey} has ${entries.length} audiences; ${maximumAudiences} are read.`);
	for (const [audience, entry] of entries.slice(0, maximumAudiences)) {
		const token = typeof entry === "object" && entry !== null && "token" in entry ? entry.token : undefined;
		if (typeof token === "string" && token !== "") tokens.set(audience, new Secret(token));
		else faults.push(`${tokensKey} has no token for the audience ${name(audience)}.`);
	}
	return tokens;
}

function readParameters(attributes: Texts): ReadonlyMap<string, string> {
	const parameters = new Map<string, string>();
	for (const [key, value] of attributes ?? []) {
		if (key !== classKey && !key.startsWith(kubeletPrefix)) parameters.set(key, value);
	}
	return parameters;
}

function readCredentials(secrets: Texts): ReadonlyMap<string, Secret> {
	const credentials = new Map<string, Secret>();
	for (const [key, value] of secrets ?? []) {
		if (key !== tokensKey) credentials.set(key, new Secret(value));
	}
	return credentials;
}

function readMode(permission: string, faults: string[]): number {
	const mode = /^\s*\d{1,3}\s*$/.test(permission) ? Number(permission) : Number.NaN;
	if (mode <= maximumFileMode) return mode;
	faults.push(`permission is not a file mode: a decimal number from 0 to ${maximumFileMode}, such as 420.`);
	return 0;
}

function readTargetPath(targetPath: string, faults: string[]): string {
	// These very words are what other providers of the contract answer.
	if (targetPath === "") faults.push("missing target path field");
	else if (Buffer.byteLength(targetPath) > longestTargetPath) faults.push(`target_path is longer than ${longestTargetPath} bytes.`);
	return targetPath;
}

function readVersions(list: MountRequestMessage["currentObjectVersion"], faults: string[]): ReadonlyMap<string, string> {
	if (list.length <= maximumVersions) return new Map(list.map(({ id, version }) => [id ?? "", version ?? ""]));
	faults.push(`current_object_version has ${list.length} entries; ${maximumVersions} are read.`);
	return new Map();
}

function isNothing(json: string | undefined): json is "" | "null" | undefined {
	return json === undefined || json === "" || json === "null";
}

/** A key for a message: shortened, and without control characters. */
function name(key: string): string {
	return JSON.stringify(key.length > 80 ? `${key.slice(0, 77)}…` : key);
}

function faultsError(faults: readonly string[]): ProviderError {
	const [first = "", ...others] = faults;
	if (others.length === 0) return new ProviderError("invalid", first);
	const shown = faults.slice(0, shownFaults).map((fault, index) => `(${index + 1}) ${fault}`);
	const rest = faults.length > shownFaults ? ` And ${faults.length - shownFaults} more.` : "";
	return new ProviderError("invalid", `The mount request has ${faults.length} faults: ${shown.join(" ")}${rest}`);
}
