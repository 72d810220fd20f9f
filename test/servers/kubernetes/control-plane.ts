import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../free-port.ts";
import { goBinary } from "../go-binary.ts";
import { type GuardedProcess, startGuarded } from "../guarded-process.ts";
import { callApi } from "./api-client.ts";

const startLimitSeconds = 90;

/** What works beside the API server, when a node is started. */
export type Component = "kubelet" | "controllers" | "scheduler";

/** Where pods find the API server, on port 443: the first address of the services, as always. */
export const apiServiceAddress = "10.0.0.1";

/** The name of the one node. An address, because kubelet must find an address by it. */
export const nodeName = "127.0.0.1";

/** A running API server with its etcd. */
export interface ControlPlane {
	readonly address: string;
	readonly caFile: string;
	/** Token of a member of system:masters. */
	readonly adminToken: string;
	/** Tokens of the programs that may join it. */
	readonly componentTokens: Readonly<Record<Component, string>>;
	readonly agent: Agent;
	stop(): Promise<void>;
}

/**
 * Starts etcd and the API server on loopback, with their files in `directory`.
 *
 * @throws Error with the end of the log of the one that did not start
 */
export async function startControlPlane(directory: string): Promise<ControlPlane> {
	const program = await goBinary("kube");
	const adminToken = newToken();
	const componentTokens = { kubelet: newToken(), controllers: newToken(), scheduler: newToken() };
	const caFile = writeKeys(directory);
	writeTokens(directory, adminToken, componentTokens);
	const etcd = await startEtcd(program, directory);
	const apiPort = await freePort();
	const address = `https://127.0.0.1:${apiPort}`;
	const apiServer = startGuarded(program, apiServerParameters(directory, apiPort, etcd.address), {
		logFile: join(directory, "kube-apiserver.log"),
	});
	const agent = new Agent({ ca: readFileSync(caFile), keepAlive: true });
	const stop = async () => {
		agent.destroy();
		// At once: the directory with all state goes too, and an orderly end of the API server takes seconds.
		for (const server of [apiServer, etcd.server]) server.kill("SIGKILL");
		await Promise.all([apiServer.ended, etcd.server.ended]);
	};
	try {
		await ready(address, agent, adminToken, [apiServer, etcd.server]);
	} catch (error) {
		await stop();
		throw error;
	}
	return { address, caFile, adminToken, componentTokens, agent, stop };
}

function newToken(): string {
	return randomBytes(16).toString("hex");
}

/** The users that the API server knows by a token of their own, with the names that its own roles are bound to. */
function writeTokens(directory: string, adminToken: string, { kubelet, controllers, scheduler }: ControlPlane["componentTokens"]): void {
	const users = [
		`${adminToken},admin,admin,"system:masters"`,
		`${kubelet},system:node:${nodeName},kubelet,"system:nodes"`,
		`${controllers},system:kube-controller-manager,controllers`,
		`${scheduler},system:kube-scheduler,scheduler`,
	];
	writeFileSync(join(directory, "tokens.csv"), `${users.join("\n")}\n`, { mode: 0o600 });
}

/** Makes the certificate of the API server and the key pair of service account tokens. */
function writeKeys(directory: string): string {
	const caFile = join(directory, "server.crt");
	const subject = ["-subj", "/CN=kube-apiserver", "-addext", `subjectAltName=IP:127.0.0.1,IP:${apiServiceAddress},DNS:localhost`];
	const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", join(directory, "server.key")];
	// Self-signed, so that the one certificate is its own authority.
	execFileSync("openssl", ["req", "-x509", "-days", "2", ...subject, ...key, "-out", caFile], { stdio: ["ignore", "ignore", "pipe"] });
	const serviceAccount = generateKeyPairSync("rsa", { modulusLength: 2048 });
	writeFileSync(join(directory, "sa.key"), serviceAccount.privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
	writeFileSync(join(directory, "sa.pub"), serviceAccount.publicKey.export({ type: "spki", format: "pem" }));
	return caFile;
}

async function startEtcd(program: string, directory: string): Promise<{ server: GuardedProcess; address: string }> {
	const address = `http://127.0.0.1:${await freePort()}`;
	const peers = `http://127.0.0.1:${await freePort()}`;
	const parameters = [
		`--data-dir=${join(directory, "etcd")}`,
		...[`--listen-client-urls=${address}`, `--advertise-client-urls=${address}`],
		...["--name=test", `--listen-peer-urls=${peers}`, `--initial-advertise-peer-urls=${peers}`, `--initial-cluster=test=${peers}`],
		"--unsafe-no-fsync",
		"--log-level=warn",
	];
	return { server: startGuarded(program, ["etcd", ...parameters], { logFile: join(directory, "etcd.log") }), address };
}

function apiServerParameters(directory: string, port: number, etcd: string): string[] {
	const issuer = `https://127.0.0.1:${port}`;
	return [
		"kube-apiserver",
		`--etcd-servers=${etcd}`,
		...["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", `--secure-port=${port}`],
		...[`--tls-cert-file=${join(directory, "server.crt")}`, `--tls-private-key-file=${join(directory, "server.key")}`],
		`--cert-dir=${join(directory, "generated")}`,
		`--token-auth-file=${join(directory, "tokens.csv")}`,
		...["--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"],
		...[`--service-account-issuer=${issuer}`, `--service-account-key-file=${join(directory, "sa.pub")}`],
		`--service-account-signing-key-file=${join(directory, "sa.key")}`,
		...["--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none"],
		"--profiling=false",
	];
}

async function ready(address: string, agent: Agent, token: string, servers: readonly GuardedProcess[]): Promise<void> {
	const deadline = Date.now() + startLimitSeconds * 1000;
	for (;;) {
		const dead = servers.find((server) => !server.alive);
		if (dead !== undefined) throw new Error(`a Kubernetes program ended while starting:\n${dead.log()}`);
		const answer = await callApi({ address, agent, token, method: "GET", path: "/readyz" }).catch(() => undefined);
		if (answer?.status === 200) return;
		if (Date.now() > deadline)
			throw new Error(`the API server was not ready within ${startLimitSeconds} s:\n${servers.map((server) => server.log()).join("\n")}`);
		await delay(50);
	}
}
