import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { issue, makeAuthority } from "../../net/certificates.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** An API server that knows nothing but service accounts, each annotated with the same role. */
export interface AnnotatingApi {
	/** Flags of `claviger serve` that lead to it. */
	readonly flags: readonly string[];
	/** Paths that were asked for. */
	readonly paths: readonly string[];
}

/** Starts one on loopback; it stops with the test. */
export async function startAnnotatingApi(t: ExecutionContext<unknown>, role: string): Promise<AnnotatingApi> {
	const directory = temporaryDirectory(t);
	const authority = makeAuthority(directory, "authority");
	const { certificate, key } = issue(directory, authority, "api");
	const token = join(directory, "token");
	writeFileSync(token, "a provider's token");
	const paths: string[] = [];
	const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
		paths.push(request.url ?? "");
		response.setHeader("content-type", "application/json");
		response.end(JSON.stringify({ metadata: { annotations: { "eks.amazonaws.com/role-arn": role } } }));
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
	return {
		paths,
		flags: ["--kubernetes-api", address, "--kubernetes-ca", authority.certificate, "--kubernetes-token-file", token],
	};
}
