import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { startGuarded } from "../guarded-process.ts";
import { pythonProgram } from "../python-program.ts";
import { members } from "./service-desk.ts";
import type { JsonAnswer, Upstream, UpstreamCall } from "./upstream.ts";

/** How each service calls itself in the header `X-Amz-Target`. */
export const targetPrefixes = { secretsmanager: "secretsmanager", ssm: "AmazonSSM", kms: "TrentService" } as const;

export interface Moto {
	/** `host:port` of its own. */
	readonly host: string;
	readonly ask: Upstream;
}

let running: Promise<Moto> | undefined;

/**
 * The moto of this process, started on first use. It keeps apart what belongs to different accounts, so
 * each gate has an account of its own and all share the process, whose start takes seconds. It ends with this process.
 */
export function sharedMoto(): Promise<Moto> {
	running ??= startMoto();
	return running;
}

async function startMoto(): Promise<Moto> {
	const directory = mkdtempSync(join(tmpdir(), "clv-moto-"));
	process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
	const logFile = join(directory, "log");
	const server = startGuarded(await pythonProgram("moto_server"), ["--host", "127.0.0.1", "--port", "0"], {
		logFile,
		keepsParentAlive: false,
	});
	const port = await listeningPort(logFile, () => server.alive);
	const agent = new Agent({ maxSockets: 32 });
	return { host: `127.0.0.1:${port}`, ask: (call) => callMoto(agent, port, call) };
}

async function listeningPort(logFile: string, alive: () => boolean): Promise<number> {
	const end = Date.now() + 60_000;
	while (Date.now() < end) {
		const log = readFileSync(logFile, "utf8");
		const port = /Running on http:\/\/127\.0\.0\.1:(\d+)/.exec(log)?.[1];
		if (port !== undefined) return Number(port);
		if (!alive()) throw new Error(`moto ended: ${log}`);
		await delay(20);
	}
	throw new Error("moto did not start within 60 s");
}

async function callMoto(agent: Agent, port: number, { service, operation, region, account, body }: UpstreamCall): Promise<JsonAnswer> {
	const headers = {
		"content-type": "application/x-amz-json-1.1",
		"x-amz-target": `${targetPrefixes[service]}.${operation}`,
		"x-moto-account-id": account,
		// Moto reads the region and the service from it and checks nothing.
		authorization: `AWS4-HMAC-SHA256 Credential=gate/20000101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
	};
	const outgoing = request({ agent, host: "127.0.0.1", port, method: "POST", path: "/", headers });
	outgoing.end(JSON.stringify(body));
	const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
	const text = (await buffer(answer)).toString();
	const status = answer.statusCode ?? 0;
	if (status >= 500) throw new Error(`moto answered ${operation} with ${status}`);
	// Operations without a result are answered by nothing or by `null`.
	return { status, body: text === "" ? {} : members(JSON.parse(text)) };
}
