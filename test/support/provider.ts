import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import type { AuditRecord } from "../../provider/audit/record.ts";
import { readServeOptions } from "../../provider/options.ts";
import type { Pod } from "../../provider/plan/mount-request.ts";
import { startProvider } from "../../provider/provider.ts";
import { createMountClient, type MountCallOptions, type MountClient, type MountResult } from "./mount-client.ts";
import { mountAttributes } from "./pods.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { createTokenIssuer, type TokenIssuer } from "./token-issuer.ts";

/** A whole provider in this process, called through its sockets. */
export interface TestProvider {
	readonly issuer: TokenIssuer;
	readonly directory: string;
	/** Every line that the provider logged, as JSON. */
	readonly logs: readonly string[];
	/** The audit records so far. */
	audited(): readonly AuditRecord[];
	client(provider: string): MountClient;
	/** Mounts for a pod, with its genuine token for the audience unless the options bring others. */
	mount(provider: string, pod: Pod, parameters: Readonly<Record<string, string>>, options?: TestMountOptions): Promise<MountResult>;
	stop(): Promise<void>;
}

export interface TestMountOptions extends MountCallOptions {
	/** Default `vault`. */
	readonly audience?: string;
	/** Tokens by audience, instead of the genuine one. */
	readonly tokens?: Readonly<Record<string, string>>;
}

export interface TestProviderOptions {
	/** The policy file's text. */
	readonly policy?: string;
	/** Default `claviger,vault,openbao`. */
	readonly providers?: string;
	/** The issuer whose tokens the pods bring. Default: a new one. */
	readonly issuer?: TokenIssuer;
	/** Further flags of `claviger serve`. */
	readonly flags?: readonly string[];
	/** `default`: values are kept as in a real provider. Otherwise every mount asks its stores. */
	readonly ages?: "default";
	/** Whether the provider knows the issuer's keys. Default true. */
	readonly verifies?: boolean;
}

/** Starts a provider in directories of the test's own and stops it when the test ends. */
export async function startTestProvider(t: ExecutionContext<unknown>, options: TestProviderOptions = {}): Promise<TestProvider> {
	const directory = temporaryDirectory(t);
	const issuer = options.issuer ?? (await createTokenIssuer());
	const sockets = join(directory, "sockets");
	const auditFile = join(directory, "audit.jsonl");
	const [policy, keys] = [join(directory, "policy.yaml"), join(directory, "keys.json")];
	mkdirSync(sockets);
	writeFileSync(policy, options.policy ?? "profile: strict");
	writeFileSync(keys, JSON.stringify(issuer.keys));
	const flags = [
		"--socket-dir",
		sockets,
		"--providers",
		options.providers ?? "claviger,vault,openbao",
		"--policy",
		policy,
		"--http",
		"off",
	];
	const verification = options.verifies === false ? ["--token-verification", "off"] : ["--token-keys", keys];
	const ages = options.ages === "default" ? [] : ["--max-age", "0", "--max-stale", "0"];
	const serve = readServeOptions(
		[...flags, ...verification, "--audit", auditFile, "--drain-seconds", "1", ...ages, ...(options.flags ?? [])],
		{},
	);
	if (serve === "help") throw new Error("no options");
	const logs: string[] = [];
	const provider = await startProvider(serve, recordingLog(logs));
	const clients = new Map<string, MountClient>();
	let stopped: Promise<void> | undefined;
	const running: TestProvider = {
		issuer,
		directory,
		logs,
		audited: () =>
			readFileSync(auditFile, "utf8")
				.split("\n")
				.filter((line) => line !== "")
				.map((line) => JSON.parse(line) as AuditRecord),
		client(name) {
			const known = clients.get(name) ?? createMountClient(join(sockets, `${name}.sock`));
			clients.set(name, known);
			return known;
		},
		async mount(name, pod, parameters, mountOptions = {}) {
			const { audience = "vault", tokens, ...call } = mountOptions;
			const genuine = tokens ?? { [audience]: await issuer.token(pod, { audience }) };
			return running.client(name).mount(mountAttributes(pod, parameters, genuine), call);
		},
		stop() {
			stopped ??= stopAll(clients, provider.stop);
			return stopped;
		},
	};
	t.teardown(() => running.stop());
	return running;
}

async function stopAll(clients: ReadonlyMap<string, MountClient>, stop: () => Promise<void>): Promise<void> {
	for (const client of clients.values()) client.close();
	await stop();
}

function recordingLog(lines: string[]) {
	const write = (level: string) => (fields: object, message: string) => void lines.push(JSON.stringify({ level, ...fields, message }));
	return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}
