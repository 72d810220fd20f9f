import { request } from "node:http";
import { resolve } from "node:path";
import { type Finding, failed, ok, unchecked, warning } from "../../../shared/finding.ts";
import type { DoctorContext } from "../context.ts";
import { readText, type ServeProcess } from "../serve-process.ts";
import { checkMemory } from "./memory.ts";
import { mountOf } from "./mount-table.ts";

const oldestMajor = 24;
const readyMilliseconds = 3000;

/** The running provider as a process: what it runs on, as whom, and whether it is ready. */
export async function checkProcess(context: DoctorContext): Promise<readonly Finding[]> {
	const { running } = context;
	const common = [checkNode(), checkSwap(readText("/proc/swaps")), await checkReady(context)];
	if (running === undefined) {
		const message = "No running provider is found beside this process, so its memory, rights and files are not looked at.";
		return [...common, unchecked("provider", message, "Run the doctor in the provider's container, or give --pid.")];
	}
	return [...common, checkUser(running), checkRoot(running), ...checkMemory(context, running), ...checkState(context, running)];
}

function checkNode(): Finding {
	const major = Number(process.versions.node.split(".")[0]);
	if (major >= oldestMajor) return ok("Node", `Node ${process.versions.node}.`);
	return warning(
		"Node",
		`Node ${process.versions.node} is older than ${oldestMajor}, which Claviger is tested with.`,
		"Use the image's Node.",
	);
}

/**
 * Secrets are files in memory, and memory that is swapped out is on a disk.
 *
 * @param table the text of `/proc/swaps`, with a line of headings
 */
export function checkSwap(table: string | undefined): Finding {
	const [, ...devices] = table?.trim().split("\n") ?? [];
	if (devices.length === 0) return ok("swap", "This node has no swap, so files in memory stay there.");
	const message = `This node swaps (${devices.map((line) => line.split(/\s/, 1)[0]).join(", ")}): pods' secret files may reach a disk.`;
	return warning("swap", message, "On the node: swapoff --all, and remove it from /etc/fstab; or encrypt it.");
}

async function checkReady({ serve, running, account, signal }: DoctorContext): Promise<Finding> {
	const { http } = serve;
	if (http === undefined) return unchecked("readiness", "--http is off, so nothing tells whether the provider is ready.");
	const host = http.host === "::" || http.host === "0.0.0.0" ? "127.0.0.1" : http.host;
	const where = `http://${host.includes(":") ? `[${host}]` : host}:${http.port}/readyz`;
	const status = await statusOf(where, AbortSignal.any([signal, AbortSignal.timeout(readyMilliseconds)]));
	if (status === 200) return ok("readiness", `${where} says that the provider serves.`);
	if (running === undefined && !serve.httpRequired) {
		return unchecked("readiness", `No provider is known here, and ${where} says nothing of one.`);
	}
	const see = `See why: ${account.kubectl("logs --tail 50")}`;
	if (status !== undefined) return failed("readiness", `${where} answers ${status}: the provider does not serve.`, see);
	return failed("readiness", `Nobody answers at ${where}.`, see);
}

function statusOf(url: string, signal: AbortSignal): Promise<number | undefined> {
	const { promise, resolve: settle } = Promise.withResolvers<number | undefined>();
	const asked = request(url, { signal, agent: false }, (response) => {
		response.destroy();
		settle(response.statusCode);
	});
	asked.on("error", () => settle(undefined));
	asked.end();
	return promise;
}

/** Fields of proc(5), `status`. */
function checkUser(running: ServeProcess): Finding {
	const status = running.read("status");
	const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status ?? "")?.[1];
	const capabilities = field("CapEff");
	if (status === undefined || capabilities === undefined) return unchecked("confinement", `Process ${running.id} cannot be looked at.`);
	const what = `The provider runs as user ${field("Uid")}`;
	const faults = [
		...(BigInt(`0x${capabilities}`) === 0n ? [] : ["it has capabilities"]),
		...(field("NoNewPrivs") === "0" ? ["it may gain privileges"] : []),
		...(field("Seccomp") === "0" ? ["no seccomp profile holds it"] : []),
	];
	if (faults.length === 0) return ok("confinement", `${what} without capabilities, may gain none, and is held by seccomp.`);
	const remedy =
		"Set the container's securityContext: capabilities.drop [ALL], allowPrivilegeEscalation false, seccompProfile RuntimeDefault.";
	return warning("confinement", `${what}, and ${faults.join(" and ")}.`, remedy);
}

function checkRoot(running: ServeProcess): Finding {
	const root = mountOf("/", running.read("mountinfo") ?? "");
	if (root === undefined) return unchecked("root", `The mounts of process ${running.id} cannot be looked at.`);
	if (root.isReadOnly) return ok("root", "The root file system is read-only.");
	const message = "The root file system can be written, so a fault could leave a secret on a disk.";
	return warning("root", message, "Set readOnlyRootFilesystem: true in the container's securityContext.");
}

function checkState({ serve }: DoctorContext, running: ServeProcess): readonly Finding[] {
	if (serve.stateDirectory === undefined) return [];
	const directory = resolve(serve.stateDirectory);
	const mount = mountOf(directory, running.read("mountinfo") ?? "");
	if (mount === undefined) return [unchecked("state", `It cannot be seen where ${directory} lies.`)];
	if (mount.type === "tmpfs") return [ok("state", `--state-dir ${directory} is in memory.`)];
	const message = `--state-dir ${directory} lies on ${mount.type}, not in memory: what is kept there outlives the pod, although sealed.`;
	return [warning("state", message, "Mount an emptyDir with medium: Memory there.")];
}
