import { execFile, execFileSync } from "node:child_process";
import { chownSync, globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { ExecutionContext } from "ava";
import { freePort } from "./free-port.ts";
import { startGuarded } from "./guarded-process.ts";

const run = promisify(execFile);

/** The superuser, whose password is the same word. */
const superuser = "postgres";
/** PostgreSQL refuses to run as root; this is Debian's `nobody`. */
const unprivileged = { uid: 65534, gid: 65534 };
const startMilliseconds = 60_000;

export interface Account {
	readonly username: string;
	readonly password: string;
}

/** A real PostgreSQL on loopback, empty, with password authentication. */
export interface PostgresqlServer {
	readonly port: number;
	readonly superuser: Account;
	/** Runs SQL in the database `postgres`, as the superuser unless told otherwise; the rows as text. */
	query(sql: string, account?: Account): Promise<readonly string[]>;
	stop(): Promise<void>;
}

/** Starts a server; it stops with the test, or by `stop()` where `t` is undefined because many tests share it. */
export async function startPostgresql(t: ExecutionContext<unknown> | undefined): Promise<PostgresqlServer> {
	const programs = programDirectory();
	const directory = mkdtempSync(join(tmpdir(), "clv-postgresql-"));
	const [data, passwordFile, logFile] = ["data", "password", "log"].map((name) => join(directory, name)) as [string, string, string];
	writeFileSync(passwordFile, superuser);
	const isRoot = process.geteuid?.() === 0;
	if (isRoot) for (const path of [directory, passwordFile]) chownSync(path, unprivileged.uid, unprivileged.gid);
	const initialization = ["-D", data, "-U", superuser, "-A", "scram-sha-256", `--pwfile=${passwordFile}`, "-E", "UTF8"];
	const [initialize, ...parameters] = asUser(isRoot, join(programs, "initdb"), [...initialization, "--locale=C", "--no-sync"]);
	await run(initialize, parameters);
	const port = await freePort();
	const [command, ...all] = asUser(isRoot, join(programs, "postgres"), ["-D", data, ...settings(port)]);
	const server = startGuarded(command, all, { logFile });
	const stop = async () => {
		// TERM would wait for its clients to go.
		server.kill("SIGINT");
		await server.stop();
		rmSync(directory, { recursive: true, force: true });
	};
	t?.teardown(stop);
	const account = { username: superuser, password: superuser };
	const query = (sql: string, as: Account = account) => psql(programs, port, sql, as);
	const end = Date.now() + startMilliseconds;
	while (!(await isReady(query))) {
		if (!server.alive || Date.now() > end) throw new Error(`PostgreSQL did not start: ${server.log()}`);
	}
	return { port, superuser: account, query, stop };
}

/** Nothing here must survive a crash, and no socket or shared memory may be left behind. */
function settings(port: number): readonly string[] {
	const values = {
		listen_addresses: "127.0.0.1",
		port: String(port),
		unix_socket_directories: "",
		dynamic_shared_memory_type: "mmap",
		max_connections: "40",
		fsync: "off",
	};
	return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** The user changes first: the kernel forgets the signal at the parent's death when it does. */
function asUser(isRoot: boolean, program: string, parameters: readonly string[]): [string, ...string[]] {
	if (!isRoot) return [program, ...parameters];
	const { uid, gid } = unprivileged;
	return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--pdeathsig", "KILL", program, ...parameters];
}

async function isReady(query: PostgresqlServer["query"]): Promise<boolean> {
	return query("select 1").then(
		() => true,
		() => false,
	);
}

async function psql(programs: string, port: number, sql: string, account: Account): Promise<readonly string[]> {
	const { username, password } = account;
	const connection = ["-h", "127.0.0.1", "-p", String(port), "-U", username, "-d", "postgres"];
	const { stdout } = await run(join(programs, "psql"), [...connection, "-X", "-w", "-At", "-c", sql], {
		env: { ...process.env, PGPASSWORD: password, PGCONNECT_TIMEOUT: "5" },
	});
	return stdout.split("\n").filter((row) => row !== "");
}

/**
 * Where `initdb`, `postgres` and `psql` are; installs Debian's package where they are missing and this is root.
 *
 * @throws Error when they are missing and cannot be installed
 */
function programDirectory(): string {
	const known = findPrograms();
	if (known !== undefined) return known;
	if (process.geteuid?.() !== 0) throw new Error("PostgreSQL is needed by tests and was not found. Install the package postgresql.");
	console.error("installing the package postgresql …");
	// In this run level the package starts no server of its own.
	const options = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" }, stdio: "ignore" } as const;
	execFileSync("apt-get", ["update"], options);
	execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "postgresql"], options);
	const installed = findPrograms();
	if (installed === undefined) throw new Error("The package postgresql was installed and holds no initdb.");
	return installed;
}

/** Debian keeps each version's programs out of the search path. */
function findPrograms(): string | undefined {
	const directories = (process.env["PATH"] ?? "").split(":").map((directory) => join(directory, "initdb"));
	const versions = globSync("/usr/lib/postgresql/*/bin/initdb").sort((one, other) => versionOf(other) - versionOf(one));
	const found = [...versions, ...directories.flatMap((path) => globSync(path))][0];
	return found === undefined ? undefined : dirname(found);
}

function versionOf(path: string): number {
	return Number(/postgresql\/(\d+)/.exec(path)?.[1] ?? 0);
}
