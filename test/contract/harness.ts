import type { ExecutionContext } from "ava";
import type { ContractLog, ContractOptions, ContractServer, MountAnswer } from "../../provider/contract/options.ts";
import { serveContract } from "../../provider/contract/server.ts";
import { createMountClient, type MountClient } from "../support/mount-client.ts";
import { makePod, mountAttributes } from "../support/pods.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

export const silent: ContractLog = { debug() {}, info() {}, warn() {}, error() {} };

/** The smallest answer the driver takes. */
export const oneFile: MountAnswer = {
	files: [{ path: "password", mode: 0o400, contents: Buffer.from("s3cret") }],
	versions: new Map([["password", "1"]]),
};

export function contractOptions(overrides: Partial<ContractOptions> & Pick<ContractOptions, "socketDirectory">): ContractOptions {
	return {
		providers: ["claviger"],
		handler: async () => oneFile,
		runtimeVersion: "1.2.3",
		plainStatus: () => false,
		log: silent,
		...overrides,
	};
}

export interface Serving {
	readonly server: ContractServer;
	/** Of the first provider. */
	readonly socket: string;
	readonly client: MountClient;
}

/** A contract server in a directory of its own, and a client of its first socket; both end with the test. */
export async function serve(t: ExecutionContext, overrides: Partial<ContractOptions> = {}): Promise<Serving> {
	const socketDirectory = overrides.socketDirectory ?? temporaryDirectory(t);
	const server = await serveContract(contractOptions({ drainMilliseconds: 200, ...overrides, socketDirectory }));
	t.teardown(() => server.stop());
	const [socket = ""] = server.sockets;
	return { server, socket, client: connect(t, socket) };
}

export function connect(t: ExecutionContext, socket: string): MountClient {
	const client = createMountClient(socket);
	t.teardown(() => client.close());
	return client;
}

/** Attributes of a pod that the driver would send. */
export function attributes(parameters: Readonly<Record<string, string>> = {}, tokens: Readonly<Record<string, string>> = {}) {
	return mountAttributes(makePod(), parameters, tokens);
}

/** Waits until a condition holds; fails after ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
	const end = Date.now() + 10_000;
	while (!(await condition())) {
		if (Date.now() > end) throw new Error(`Waited 10 s until ${what}.`);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}
