import { readFileSync, writeFileSync } from "node:fs";
import { createServer as createPlainServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { run } from "../../provider/cli/doctor.ts";
import type { Finding } from "../../provider/shared/finding.ts";
import type { Certificate } from "../net/certificates.ts";
import { type CommandResult, runInProcess } from "../support/command.ts";
import { listenDuring } from "../support/loopback.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

// A test that runs in a cluster itself must not look at that one.
delete process.env["KUBERNETES_SERVICE_HOST"];

export interface FoundHere extends Finding {
	readonly section: string;
}

export interface Examination {
	readonly code: number;
	readonly findings: readonly FoundHere[];
	readonly output: string;
	/** The findings of one check, such as `TLS`. */
	of(check: string): readonly FoundHere[];
	/** All that is not ok, as `section/check status`. */
	readonly trouble: readonly string[];
}

/** Runs `claviger doctor --json` in this process. */
export async function examine(args: readonly string[]): Promise<Examination> {
	const { code, stdout, stderr } = await doctor(["--pid", "0", "--json", ...args]);
	if (stdout === "") throw new Error(`no report: ${stderr}`);
	const { findings } = JSON.parse(stdout) as { readonly findings: readonly FoundHere[] };
	const trouble = findings.filter(({ status }) => status !== "ok").map(({ section, check, status }) => `${section}/${check} ${status}`);
	return { code, findings, output: stdout, trouble, of: (check) => findings.filter((finding) => finding.check === check) };
}

export function doctor(args: readonly string[]): Promise<CommandResult> {
	return runInProcess(run, args);
}

/** A policy file with the given text; its flag. */
export function policyFlag(t: ExecutionContext<unknown>, policy: string): string {
	const file = join(temporaryDirectory(t), "policy.yaml");
	writeFileSync(file, policy);
	return `--policy=${file}`;
}

export interface StandIn {
	readonly address: string;
	/** What was asked, with all headers. */
	readonly requests: readonly IncomingMessage[];
	readonly connections: () => number;
}

export interface StandInOptions {
	readonly certificate?: Certificate;
	readonly answer: RequestListener;
}

/** A server on loopback that answers what the test wants, for what a real store cannot be made to say. */
export async function startStandIn(t: ExecutionContext<unknown>, { certificate, answer }: StandInOptions): Promise<StandIn> {
	const requests: IncomingMessage[] = [];
	let connections = 0;
	const listener: RequestListener = (request, response) => {
		requests.push(request);
		answer(request, response);
	};
	const server =
		certificate === undefined
			? createPlainServer(listener)
			: createTlsServer({ cert: readFileSync(certificate.certificate), key: readFileSync(certificate.key) }, listener);
	server.on("connection", () => {
		connections += 1;
	});
	const port = await listenDuring(t, server);
	return { address: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${port}`, requests, connections: () => connections };
}

/** The answer of a healthy Vault, by a clock that is off by some seconds. */
export function healthyVault(secondsOff = 0): RequestListener {
	return (_request, response) => {
		response.setHeader("date", new Date(Date.now() + secondsOff * 1000).toUTCString());
		response.setHeader("content-type", "application/json");
		response.end(JSON.stringify({ initialized: true, sealed: false, standby: false, version: "1.20.0" }));
	};
}
