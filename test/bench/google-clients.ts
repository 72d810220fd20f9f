// Measures what Google's clients cost in the place of REST over the provider's own transport, in memory and CPU:
// npx node test/bench/google-clients.ts
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { bundle } from "../../scripts/bundle.ts";
import { openSite, tokenOf } from "../servers/gcp/servers-support.ts";
import { shippedFlags } from "./contestants.ts";
import type { ProbeResult } from "./google-clients/probe.ts";
import { median } from "./throughput.ts";

const run = promisify(execFile);
const rounds = 7;
const secret = "projects/my-proj/secrets/db";
const probes = { none: "none", "google-auth-library": "login-library", "@googleapis/secretmanager": "generated-client" } as const;

const directory = mkdtempSync(join(tmpdir(), "clv-bench-google-"));
const { gcp, app } = await openSite(undefined);
try {
	gcp.secrets.add(secret, "x".repeat(1024));
	gcp.iam.allow(`serviceAccount:${app}`, "roles/secretmanager.secretAccessor", secret);
	const found = new Map<string, ProbeResult>();
	for (const [client, probe] of Object.entries(probes)) found.set(client, await measure(probe));
	print(found);
} finally {
	await gcp.stop();
	rmSync(directory, { recursive: true, force: true });
}

/** The medians of some runs, each a process of its own. The first one fills the compile cache and does not count. */
async function measure(probe: string): Promise<ProbeResult> {
	const program = join(directory, `${probe}.cjs`);
	await bundle(`import "./test/bench/google-clients/${probe}.ts";`, program);
	const results: ProbeResult[] = [];
	for (let round = 0; round <= rounds; round += 1) {
		const { stdout } = await run(process.execPath, [...shippedFlags, program], { env: await environment() });
		if (round > 0) results.push(JSON.parse(stdout) as ProbeResult);
	}
	const middle = (figure: keyof ProbeResult) => median(results.map((result) => result[figure]));
	return { idle: middle("idle"), used: middle("used"), perRead: middle("perRead") };
}

async function environment(): Promise<NodeJS.ProcessEnv> {
	return {
		SERVER: await gcp.address("secretmanager.googleapis.com"),
		SECRET: `${secret}/versions/1`,
		TOKEN: tokenOf(gcp, app),
		SSL_CERT_FILE: gcp.caFile,
		NODE_COMPILE_CACHE: join(directory, "compile-cache"),
	};
}

/** Memory beyond that of the probe which loads no client. */
function print(found: ReadonlyMap<string, ProbeResult>): void {
	const none = found.get("none");
	if (none === undefined) throw new Error("nothing to compare with");
	const mebibytes = (figure: "idle" | "used", result: ProbeResult) => `${(result[figure] - none[figure]).toFixed(1)} MiB`;
	for (const [client, result] of found) {
		const memory = `${mebibytes("idle", result)} once used, ${mebibytes("used", result)} after many reads`;
		console.log(
			`${client}: ${memory}; ${result.perRead.toFixed(0)} µs of CPU a read (${(result.perRead / none.perRead).toFixed(1)} times)`,
		);
	}
}
