import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { checkMemory } from "../../provider/cli/doctor/checks/memory.ts";
import { mountOf } from "../../provider/cli/doctor/checks/mount-table.ts";
import { checkProcess, checkSwap } from "../../provider/cli/doctor/checks/process.ts";
import { makeContext } from "../../provider/cli/doctor/context.ts";
import { parseDoctorOptions, usage } from "../../provider/cli/doctor/options.ts";
import { findServeProcess } from "../../provider/cli/doctor/serve-process.ts";
import { readServeOptions, serveHelp } from "../../provider/options.ts";
import { freePort } from "../servers/free-port.ts";
import { startTestProvider } from "../support/provider.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { doctor, examine, policyFlag } from "./doctor-support.ts";

test("help tells every flag, and of serve's flags none that serve has not", async (t) => {
	const { code, stdout } = await doctor(["--help"]);
	t.is(code, 0);
	t.is(stdout, usage);
	const known = new Set([...serveHelp().matchAll(/--[a-z-]+/g)].map(([flag]) => flag));
	const [, ownPart = "", servePart = ""] = /What is looked at([\s\S]*)Flags of "claviger serve"([\s\S]*)Output/.exec(usage) ?? [];
	for (const [flag] of servePart.matchAll(/--[a-z-]+/g)) t.true(known.has(flag), flag);
	for (const [flag] of [...ownPart.matchAll(/--[a-z-]+/g)]) t.false(known.has(flag), flag);
});

for (const [what, args, problem] of [
	["a flag that does not exist", ["--colour"], /Unknown option '--colour'/],
	["a time without a unit", ["--timeout", "10"], /--timeout is not a time/],
	["a process that is no number", ["--pid", "self"], /--pid is not a number/],
	["a class for nobody", ["--class", "shop"], /--class needs --namespace/],
	["a class for no account", ["--class", "shop", "--namespace", "shop"], /--class needs --service-account/],
	["an account without a class", ["--service-account", "web"], /--service-account is for --class/],
	["a word", ["everything"], /Unexpected argument 'everything'/],
] as const) {
	test(`${what} is wrong usage`, async (t) => {
		const { code, stderr, stdout } = await doctor(args);
		t.is(code, 2);
		t.is(stdout, "");
		t.regex(stderr, problem);
	});
}

test("a policy that the provider would not start with is told, with every fault and its remedy", async (t) => {
	const policy = policyFlag(t, "profile: loose\nendpoints: [ftp://x]\n");
	const seen = await examine(["--http=off", "--socket-dir", temporaryDirectory(t), policy]);
	t.is(seen.code, 1);
	t.regex(seen.of("policy")[0]?.message ?? "", /have 2 faults: .*profile is "loose".*endpoints\[0\]/);
	const without = await examine(["--http=off", "--socket-dir", temporaryDirectory(t)]);
	t.is(without.of("policy")[0]?.status, "warning");
	t.regex(without.of("policy")[0]?.remedy ?? "", /Give --policy FILE/);
});

test("far from a provider nothing fails for being out of sight, and the report says how to see it", async (t) => {
	const seen = await examine(["--http=off", policyFlag(t, "")]);
	t.is(seen.code, 0);
	// Whether this machine swaps is its own affair.
	t.deepEqual(
		seen.trouble.filter((line) => !line.startsWith("Process/swap")),
		[
			"Process/readiness unchecked",
			"Process/provider unchecked",
			"Sockets/directory unchecked",
			"API server/API server unchecked",
			"Driver/driver unchecked",
		],
	);
	t.regex(seen.of("directory")[0]?.remedy ?? "", /kubectl --namespace claviger-system exec daemonset\/claviger/);
	t.regex(seen.of("API server")[0]?.remedy ?? "", /--kubernetes-api/);
	const { stdout } = await doctor(["--pid", "0", "--http=off", policyFlag(t, "")]);
	t.regex(stdout, /^claviger doctor .*\n\nProcess\n {2}ok +Node: Node 24[\s\S]*\n0 failed, \d warning, \d ok, 5 not checked\n$/);
});

test("the sockets of a running provider are found alive and healthy", async (t) => {
	const provider = await startTestProvider(t, { providers: "claviger,vault" });
	const sockets = join(provider.directory, "sockets");
	const seen = await examine(["--http=off", "--providers=claviger,vault", "--socket-dir", sockets, "--driver-socket-dirs", sockets]);
	t.deepEqual(
		seen.of("socket").map(({ status, message }) => [status, /served by claviger \S+, which answers Version and is healthy/.test(message)]),
		[
			["ok", true],
			["ok", true],
		],
	);
	t.deepEqual(seen.of("two directories"), []);
});

test("sockets that are missing, dead, foreign or doubled are told, each with its remedy", async (t) => {
	const provider = await startTestProvider(t, { providers: "claviger" });
	const sockets = join(provider.directory, "sockets");
	const second = temporaryDirectory(t);
	await leaveStaleSocket(join(sockets, "vault.sock"));
	await leaveStaleSocket(join(sockets, "aws.sock"));
	await leaveStaleSocket(join(second, "claviger.sock"));
	await listenSilently(t, join(sockets, "openbao.sock"));
	await listenSilently(t, join(sockets, "gcp.sock"));
	chmodSync(sockets, 0o777);
	const seen = await examine([
		"--http=off",
		"--providers=claviger,vault,openbao,conjur",
		`--socket-dir=${sockets}`,
		`--driver-socket-dirs=${second},${sockets},/nowhere`,
	]);
	const about = (name: string) => seen.of("socket").find(({ message }) => message.includes(`/${name}.sock`));
	t.is(about("claviger")?.status, "ok");
	t.is(about("vault")?.status, "failed");
	t.regex(about("vault")?.message ?? "", /stale socket: nobody listens on it, and the driver waits .* \(120 s\)/);
	t.is(
		about("vault")?.remedy,
		`On the node: rm ${sockets}/vault.sock; then restart the driver's pod there, which keeps its first choice of a socket.`,
	);
	t.regex(about("openbao")?.message ?? "", /does not answer as a provider/);
	t.regex(about("conjur")?.message ?? "", /There is no .*conjur\.sock: the driver says that the provider conjur is not found/);
	t.regex(about("conjur")?.remedy ?? "", /Start the provider with conjur among its --providers/);
	t.is(about("aws")?.status, "warning");
	t.is(about("aws")?.remedy, `On the node: rm ${sockets}/aws.sock`);
	t.is(about("gcp")?.status, "ok");
	t.is(seen.of("directory")[0]?.remedy, `On the node: chmod 0755 ${sockets}`);
	const [double, ...others] = seen.of("two directories");
	t.deepEqual(others, []);
	t.regex(double?.message ?? "", /The name claviger is there twice: .*claviger\.sock \(stale\)/);
	t.regex(double?.remedy ?? "", new RegExp(`rm ${second}/claviger\\.sock; then restart the driver's pod`));
	t.is(seen.code, 1);
});

/** A socket file whose process was killed. */
async function leaveStaleSocket(path: string): Promise<void> {
	const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("ready"))`;
	const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
	await once(child.stdout, "data");
	child.kill("SIGKILL");
	await once(child, "exit");
}

/** A program that takes connections and says nothing. */
async function listenSilently(t: ExecutionContext, path: string): Promise<void> {
	const server = createServer((socket) => socket.on("error", () => {})).listen(path);
	await once(server, "listening");
	t.teardown(() => server.close());
}

test("the running provider's flags are taken from its process, and this command line's win", async (t) => {
	const directory = temporaryDirectory(t);
	const sockets = join(directory, "s");
	mkdirSync(sockets);
	const port = await freePort();
	const start = join(import.meta.dirname, "../../provider/start.js");
	const policy = join(directory, "policy.yaml");
	writeFileSync(policy, "profile: compatible\n");
	utimesSync(policy, new Date(), new Date(Date.now() - 60_000));
	const flags = [
		"serve",
		`--socket-dir=${sockets}`,
		`--policy=${policy}`,
		"--providers=vault",
		`--http=127.0.0.1:${port}`,
		"--token-verification=off",
	];
	const child = spawn(process.execPath, ["--max-old-space-size=48", start, ...flags], { stdio: ["ignore", "ignore", "pipe"] });
	const exited = once(child, "exit");
	t.teardown(async () => {
		child.kill("SIGTERM");
		await exited;
	});
	for await (const line of child.stderr) if (String(line).includes('"serving"')) break;
	const seen = await examine(["--pid", String(child.pid), `--driver-socket-dirs=${sockets}`]);
	t.regex(seen.of("socket")[0]?.message ?? "", /vault\.sock is served by claviger/);
	t.is(seen.of("readiness")[0]?.status, "ok");
	for (const check of ["confinement", "root", "memory"]) t.is(seen.of(check).length, 1, check);
	t.is(seen.of("policy").length, 1);
	utimesSync(policy, new Date(), new Date(Date.now() + 60_000));
	const [, late] = (await examine(["--pid", String(child.pid)])).of("policy");
	t.regex(late?.message ?? "", /was changed after the provider started/);
	t.is(late?.remedy, "Run: kubectl --namespace claviger-system rollout restart daemonset/claviger");
	const other = await examine(["--pid", String(child.pid), "--http=127.0.0.1:1", "--providers=vault,claviger"]);
	t.is(other.of("readiness")[0]?.status, "failed");
	t.regex(other.of("readiness")[0]?.remedy ?? "", /kubectl --namespace claviger-system logs --tail 50 daemonset\/claviger/);
	t.regex(other.of("socket")[1]?.message ?? "", /There is no .*claviger\.sock/);
});

/** A folder like /proc with one process in it. */
function makeProc(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
	const folder = temporaryDirectory(t);
	for (const [file, contents] of Object.entries(files)) {
		const path = join(folder, "1", file);
		mkdirSync(join(path, ".."), { recursive: true });
		writeFileSync(path, contents);
	}
	return folder;
}

function commandLine(...words: readonly string[]): string {
	return words.map((word) => `${word}\0`).join("");
}

test("only a `claviger serve` is taken for the running provider", (t) => {
	const found = findServeProcess(1, makeProc(t, { cmdline: image }));
	t.deepEqual([found?.nodeFlags, found?.flags], [["--max-old-space-size=48"], ["--http=:8085"]]);
	for (const words of [["node", "claviger.cjs", "doctor"], ["/sbin/init"], ["node", "server.js", "serve"], []]) {
		t.is(findServeProcess(1, makeProc(t, { cmdline: commandLine(...words) })), undefined, words.join(" "));
	}
	t.is(findServeProcess(2, makeProc(t, { cmdline: image })), undefined);
});

/** What the checks of a process go by, for process 1 of a folder like /proc. */
function contextOf(proc: string, flags: readonly string[] = []) {
	const running = findServeProcess(1, proc);
	const [options, serve] = [parseDoctorOptions(["--pid", "1"]), readServeOptions(["--http=off", ...flags], {})];
	if (running === undefined || options.kind === "usage" || serve === "help") throw new Error("no context");
	return { ...makeContext({ options, serve, running, kubernetes: undefined, signal: new AbortController().signal }), running };
}

const image = commandLine("/usr/local/bin/node", "--max-old-space-size=48", "/usr/share/claviger/claviger.cjs", "serve", "--http=:8085");
const status = (capabilities: string, noNewPrivileges: number, seccomp: number) =>
	`Uid:\t0\t0\t0\t0\nCapEff:\t${capabilities}\nNoNewPrivs:\t${noNewPrivileges}\nSeccomp:\t${seccomp}\n`;
const mounts = (root: string, state: string) => `1 0 0:1 / / ${root} - overlay overlay rw\n2 1 0:2 / /state rw - ${state} x rw\n`;

test("a process that is confined as the manifests say is found so, and what is missing is told", async (t) => {
	const group = { cgroup: "0::/\n", "root/sys/fs/cgroup/memory.max": String(160 * 1024 * 1024) };
	const confined = makeProc(t, { cmdline: image, ...group, status: status("0000000000000000", 1, 2), mountinfo: mounts("ro", "tmpfs") });
	const loose = makeProc(t, { cmdline: image, ...group, status: status("00000000a80425fb", 0, 0), mountinfo: mounts("rw", "ext4") });
	const about = async (proc: string) => {
		const found = await checkProcess(contextOf(proc, ["--state-dir=/state"]));
		return found.filter(({ check }) => ["confinement", "root", "state"].includes(check));
	};
	t.deepEqual(
		(await about(confined)).map(({ check, status: found }) => `${check} ${found}`),
		["confinement ok", "root ok", "state ok"],
	);
	const [rights, root, state] = await about(loose);
	t.regex(rights?.message ?? "", /user 0, and it has capabilities and it may gain privileges and no seccomp profile holds it/);
	t.regex(rights?.remedy ?? "", /capabilities\.drop \[ALL\], allowPrivilegeEscalation false, seccompProfile RuntimeDefault/);
	t.regex(root?.remedy ?? "", /readOnlyRootFilesystem: true/);
	t.regex(state?.message ?? "", /\/state lies on ext4, not in memory/);
	t.regex(state?.remedy ?? "", /emptyDir with medium: Memory/);
});

for (const [what, limit, nodeFlags, expected, text] of [
	["enough", String(160 * 1024 * 1024), ["--max-old-space-size=48"], "ok", /The limit of 160 MiB holds what the flags allow/],
	[
		"too small",
		String(96 * 1024 * 1024),
		["--max-old-space-size=48"],
		"failed",
		/kubectl --namespace claviger-system set resources daemonset\/claviger --limits=memory=128Mi/,
	],
	["not set", "max", ["--max-old-space-size=48"], "warning", /no memory limit.*--limits=memory=128Mi/],
	["set for a heap without bounds", String(160 * 1024 * 1024), [], "warning", /--max-old-space-size=48/],
	["not to be seen", undefined, ["--max-old-space-size=48"], "unchecked", /cannot be seen/],
] as const) {
	test(`a memory limit that is ${what} is ${expected}`, (t) => {
		const cmdline = commandLine("node", ...nodeFlags, "claviger.cjs", "serve");
		const group = limit === undefined ? {} : { "root/sys/fs/cgroup/memory.max": `${limit}\n` };
		const context = contextOf(makeProc(t, { cmdline, cgroup: "0::/\n", ...group }));
		const [finding] = checkMemory(context, context.running);
		t.is(finding?.status, expected);
		t.regex(`${finding?.message} ${finding?.remedy}`, text);
	});
}

test("a node that swaps is told, because files in memory may then reach a disk", (t) => {
	const head = "Filename\tType\tSize\tUsed\tPriority\n";
	t.is(checkSwap(head).status, "ok");
	const finding = checkSwap(`${head}/dev/sda2 partition 1 0 -2\n`);
	t.is(finding.status, "warning");
	t.regex(finding.message, /\/dev\/sda2/);
	t.regex(finding.remedy ?? "", /swapoff --all/);
});

test("the mount that a path lies on is found, with its type and whether it can be written", (t) => {
	const table = [
		"1 0 0:1 / / rw,relatime - overlay overlay ro,lowerdir=/x",
		"2 1 0:2 / /state rw,nosuid - tmpfs tmpfs rw,size=16384k",
		"3 1 0:3 / /state\\040two rw - ext4 /dev/sda1 rw",
	].join("\n");
	t.deepEqual(mountOf("/state/leases", table), { point: "/state", type: "tmpfs", isReadOnly: false });
	t.deepEqual(mountOf("/state two/x", table), { point: "/state two", type: "ext4", isReadOnly: false });
	t.is(mountOf("/stateless", table)?.type, "overlay");
	t.true(mountOf("/", table)?.isReadOnly);
	t.is(mountOf("/", ""), undefined);
});
