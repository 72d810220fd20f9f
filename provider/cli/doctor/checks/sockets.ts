import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { isAnswered } from "../../../contract/probe.ts";
import { type Finding, failed, failure, ok, unchecked, warning } from "../../../shared/finding.ts";
import { runtimeVersion } from "../../../shared/runtime-version.ts";
import type { DoctorContext } from "../context.ts";
import { execution } from "../options.ts";
import { askProvider } from "../provider-call.ts";

const ourName = "claviger";
const answerMilliseconds = 3000;
const check = "socket";

/** The sockets in the provider's own directory, and the same names where the driver looks besides. */
export async function checkSockets(context: DoctorContext): Promise<readonly Finding[]> {
	const { serve, running, options } = context;
	const directory = resolve(serve.socketDirectory);
	const isElsewhere = running === undefined && !options.socketsWanted && !existsSync(directory);
	if (isElsewhere) return [unchecked("directory", `There is no ${directory} here, and no provider.`, `Run it there: ${execution}`)];
	const found = checkDirectory(directory);
	if (found.some(({ status }) => status === "failed")) return found;
	const own = await Promise.all(serve.providers.map((name) => checkOwn(context, directory, name)));
	const others = await Promise.all(othersIn(directory, serve.providers).map((file) => checkOther(context, join(directory, file))));
	return [...found, ...own, ...others, ...(await checkDriverDirectories(context, directory))];
}

function checkDirectory(directory: string): readonly Finding[] {
	const remedy = "Mount the driver's directory there as a hostPath: /var/run/secrets-store-csi-providers";
	const status = statSync(directory, { throwIfNoEntry: false });
	if (status === undefined) return [failed("directory", `The socket directory ${directory} does not exist.`, remedy)];
	if (!status.isDirectory()) return [failed("directory", `${directory} is not a directory.`, remedy)];
	const mode = (status.mode & 0o7777).toString(8).padStart(4, "0");
	const what = `${directory} belongs to user ${status.uid}, mode ${mode}`;
	if ((status.mode & 0o002) === 0) return [ok("directory", `The socket directory ${what}.`)];
	const message = `Anybody on the node may put sockets into the directory ${what}, and be handed pods' tokens.`;
	return [warning("directory", message, `On the node: chmod 0755 ${directory}`)];
}

async function checkOwn({ signal, account }: DoctorContext, directory: string, name: string): Promise<Finding> {
	const path = join(directory, `${name}.sock`);
	const start = `Start the provider with ${name} among its --providers: ${account.kubectl("rollout restart")}`;
	try {
		if (statSync(path, { throwIfNoEntry: false }) === undefined) {
			return failed(check, `There is no ${path}: the driver says that the provider ${name} is not found.`, start);
		}
		if (!(await isAnswered(path))) return stale(path);
		const self = await askProvider(path, AbortSignal.any([signal, AbortSignal.timeout(answerMilliseconds)]));
		if (self === undefined) return failed(check, `A process listens on ${path}, and does not answer as a provider.`, start);
		if (self.name !== ourName) {
			const message = `${path} is served by another provider, ${self.name} ${self.version}.`;
			return failed(check, message, `Remove that provider, or take ${name} out of --providers. Two cannot serve one name on a node.`);
		}
		if (self.health !== "SERVING") return failed(check, `${path} is answered, and its health is ${self.health ?? "unknown"}.`, start);
		if (self.version !== runtimeVersion) {
			const message = `${path} is served by claviger ${self.version}, and this is ${runtimeVersion}.`;
			return warning(check, message, "Use the doctor of the provider's own image, or wait for the end of the upgrade.");
		}
		return ok(check, `${path} is served by claviger ${self.version}, which answers Version and is healthy.`);
	} catch (reason) {
		return failure(check, reason, start);
	}
}

function stale(path: string): Finding {
	const message = `${path} is a stale socket: nobody listens on it, and the driver waits on it until each mount's deadline (120 s).`;
	return failed(check, message, `On the node: rm ${path}; then restart the driver's pod there, which keeps its first choice of a socket.`);
}

function othersIn(directory: string, ours: readonly string[]): readonly string[] {
	return readdirSync(directory)
		.filter((file) => file.endsWith(".sock") && !ours.includes(file.slice(0, -".sock".length)))
		.sort();
}

async function checkOther({ signal }: DoctorContext, path: string): Promise<Finding> {
	try {
		if (!(await isAnswered(path))) {
			return warning(check, `${path}, of another provider, is a stale socket: nobody listens on it.`, `On the node: rm ${path}`);
		}
		const self = await askProvider(path, AbortSignal.any([signal, AbortSignal.timeout(answerMilliseconds)]));
		return ok(check, `${path} belongs to another provider${self === undefined ? "" : `, ${self.name} ${self.version}`}.`);
	} catch (reason) {
		return unchecked(check, failure(check, reason, "").message);
	}
}

/** The driver takes the first file of a name that it finds, dead or alive, and keeps to it. */
async function checkDriverDirectories({ options, serve, running }: DoctorContext, own: string): Promise<readonly Finding[]> {
	const ownFile = statSync(own).ino;
	const findings: Finding[] = [];
	for (const directory of options.driverDirectories) {
		const status = statSync(directory, { throwIfNoEntry: false });
		if (resolve(directory) === own || status?.ino === ownFile) continue;
		if (status === undefined) {
			// A container sees only what is mounted into it.
			if (running?.id === 1)
				findings.push(unchecked("two directories", `${directory} is not visible here.`, `On the node: ls ${directory}`));
			continue;
		}
		for (const name of serve.providers) findings.push(...(await checkDouble(join(directory, `${name}.sock`), name)));
	}
	return findings;
}

async function checkDouble(path: string, name: string): Promise<readonly Finding[]> {
	if (statSync(path, { throwIfNoEntry: false }) === undefined) return [];
	const who = (await isAnswered(path).catch(() => true)) ? "served" : "stale";
	const message = `The name ${name} is there twice: ${path} (${who}) besides our own, and the driver takes the first that it finds.`;
	return [failed("two directories", message, `On the node: rm ${path}; then restart the driver's pod there.`)];
}
