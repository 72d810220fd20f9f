import { readFileSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { issue, makeAuthority } from "../net/certificates.ts";
import { listenDuring } from "./loopback.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** What takes the place of a Kubernetes API server. */
export interface ScriptedApiServer {
	/** Flags of `claviger serve` that lead to it. */
	readonly flags: readonly string[];
	readonly address: string;
	readonly caFile: string;
	/** What was asked for, such as `GET /api/v1/pods`. */
	readonly requests: readonly string[];
}

/** Starts one on loopback that answers as the test says; it stops with the test. */
export async function startApiServer(t: ExecutionContext<unknown>, answer: RequestListener): Promise<ScriptedApiServer> {
	const directory = temporaryDirectory(t);
	const authority = makeAuthority(directory, "authority", "ec");
	const { certificate, key } = issue(directory, authority, "api", { keyType: "ec" });
	const token = join(directory, "token");
	writeFileSync(token, "a provider's token");
	const requests: string[] = [];
	const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
		requests.push(`${request.method} ${request.url}`);
		answer(request, response);
	});
	const address = `https://127.0.0.1:${await listenDuring(t, server)}`;
	const caFile = authority.certificate;
	return {
		address,
		caFile,
		requests,
		flags: ["--kubernetes-api", address, "--kubernetes-ca", caFile, "--kubernetes-token-file", token],
	};
}
