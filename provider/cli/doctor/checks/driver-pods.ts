import { type Finding, failed, ok, unchecked, warning } from "../../../shared/finding.ts";
import type { Connected } from "../context.ts";
import { at, listAt, textAt, textsAt } from "../json-fields.ts";
import { chart } from "./audience-patch.ts";

/** Driver 1.6 rotates through kubelet; older ones have a controller of their own. */
const builtFor = { major: 1, minor: 6 };
/** What the driver has unless its flags say otherwise. */
const defaults = { interval: "2m", receiveLimit: 4 * 1024 * 1024, directory: "/var/run/secrets-store-csi-providers" };

/** The driver as it runs, of one DaemonSet. */
interface Driver {
	readonly where: string;
	readonly namespace: string;
	readonly name: string;
	readonly image: string;
	readonly flags: ReadonlyMap<string, string>;
	/** The node's directory that the driver looks for sockets in. */
	readonly directory: string;
}

/** The DaemonSet that runs the driver: its version and the flags that a provider depends on. */
export async function checkDriverPods({ kubernetes, account, serve, signal }: Connected): Promise<readonly Finding[]> {
	const answer = await kubernetes.call("GET", "/apis/apps/v1/daemonsets?limit=500", signal);
	if (answer.status !== 200) return [account.notAllowed("driver", answer, { verb: "list", resource: "daemonsets.apps" })];
	const drivers = listAt(answer.body, "items").flatMap(toDriver);
	if (drivers.length === 0) return [unchecked("driver", "No DaemonSet of the cluster runs the driver, as far as its image tells.")];
	return drivers.flatMap((driver) => [
		checkVersion(driver),
		checkRotation(driver),
		checkInterval(driver),
		checkReceiveLimit(driver, serve.maximumResponseBytes),
		checkDirectory(driver),
	]);
}

function toDriver(object: unknown): readonly Driver[] {
	const spec = at(object, "spec", "template", "spec");
	if (textAt(spec, "nodeSelector", "kubernetes.io/os") === "windows") return [];
	const container = listAt(spec, "containers").find((candidate) => isDriver(textAt(candidate, "image") ?? ""));
	if (container === undefined) return [];
	const [namespace, name] = [textAt(object, "metadata", "namespace") ?? "", textAt(object, "metadata", "name") ?? ""];
	const flags = new Map([...textsAt(container, "command"), ...textsAt(container, "args")].map(toFlag));
	const mountPath = flags.get("provider-volume") ?? defaults.directory;
	const volume = textAt(
		listAt(container, "volumeMounts").find((mount) => textAt(mount, "mountPath") === mountPath),
		"name",
	);
	const directory = textAt(
		listAt(spec, "volumes").find((entry) => textAt(entry, "name") === volume),
		"hostPath",
		"path",
	);
	return [
		{ where: `${namespace}/${name}`, namespace, name, image: textAt(container, "image") ?? "", flags, directory: directory ?? mountPath },
	];
}

/** `registry.k8s.io/csi-secrets-store/driver:v1.6.0`, or the same name in a mirror; its CRD image and sidecars are none. */
function isDriver(image: string): boolean {
	return /(^|\/)csi-secrets-store\/driver[:@]|secrets-store-csi-driver(\/driver)?[:@]/.test(image);
}

function toFlag(word: string): readonly [string, string] {
	const [, name = word, value = "true"] = /^--?([^=]+)(?:=(.*))?$/.exec(word) ?? [];
	return [name, value];
}

function checkVersion({ where, image }: Driver): Finding {
	const [, major, minor] = /:v?(\d+)\.(\d+)/.exec(image) ?? [];
	if (major === undefined) return unchecked("driver version", `The image of ${where}, ${image}, tells no version.`);
	const version = `${major}.${minor}`;
	const isOlder = Number(major) < builtFor.major || (Number(major) === builtFor.major && Number(minor) < builtFor.minor);
	if (!isOlder) return ok("driver version", `${where} runs the driver ${version}.`);
	const message = `${where} runs the driver ${version}; Claviger is built for ${builtFor.major}.${builtFor.minor}, which rotates through kubelet.`;
	return warning("driver version", message, `Run: helm upgrade csi-secrets-store ${chart} --namespace kube-system --reuse-values`);
}

function checkRotation(driver: Driver): Finding {
	if (driver.flags.get("enable-secret-rotation") === "true") return ok("rotation", `${driver.where} rotates (--enable-secret-rotation).`);
	const message = `${driver.where} does not rotate: changes and revocations never reach running pods.`;
	return failed("rotation", message, setFlag(driver, "enable-secret-rotation=true", "enableSecretRotation=true"));
}

function checkInterval(driver: Driver): Finding {
	const text = driver.flags.get("rotation-poll-interval") ?? defaults.interval;
	const seconds = secondsOf(text);
	if (seconds === undefined) return unchecked("rotation interval", `--rotation-poll-interval of ${driver.where} is ${text}.`);
	const remedy = setFlag(driver, "rotation-poll-interval=1s", "rotationPollInterval=1s");
	if (seconds > 120) {
		const message = `--rotation-poll-interval of ${driver.where} is ${text}. For that long after a first mount that failed, a pod may start on an empty volume, and a second change waits.`;
		return warning("rotation interval", message, remedy);
	}
	return ok(
		"rotation interval",
		`--rotation-poll-interval of ${driver.where} is ${text}; a short one costs nothing, and lets changes in sooner.`,
	);
}

/** A Go duration of hours, minutes and seconds, such as `2m`, `1m30s`, `2m0s`. */
function secondsOf(text: string): number | undefined {
	const [, hours = 0, minutes = 0, seconds = 0] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
	const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
	return total > 0 ? total : undefined;
}

function checkReceiveLimit(driver: Driver, ours: number): Finding {
	const theirs = Number(driver.flags.get("max-call-recv-msg-size") ?? defaults.receiveLimit);
	if (ours <= theirs)
		return ok("receive limit", `${driver.where} takes answers of ${theirs} bytes, and this provider sends ${ours} at most.`);
	const message = `This provider may send ${ours} bytes, and ${driver.where} takes ${theirs}: larger volumes fail as RESOURCE_EXHAUSTED.`;
	return failed("receive limit", message, `Start the provider with --max-response-bytes=${theirs}`);
}

function checkDirectory({ where, directory, flags }: Driver): Finding {
	const others = flags.get("additional-provider-volume-paths");
	const besides = others === undefined ? "" : ` It looks into ${others} before.`;
	if (directory === defaults.directory) return ok("driver directory", `${where} looks for sockets in ${directory}.${besides}`);
	const message = `${where} looks for sockets in ${directory}, not in ${defaults.directory}.${besides}`;
	return warning(
		"driver directory",
		message,
		`Mount ${directory} as the provider's socket directory (hostPath of manifests/deploy/4-daemonset.yaml).`,
	);
}

function setFlag({ namespace, name }: Driver, flag: string, value: string): string {
	return `Run: helm upgrade csi-secrets-store ${chart} --namespace ${namespace} --reuse-values --set ${value}; without Helm add --${flag} to the driver's arguments: kubectl --namespace ${namespace} edit daemonset ${name}`;
}
