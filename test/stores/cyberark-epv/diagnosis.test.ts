import { join } from "node:path";
import test from "ava";
import type { FindingStatus } from "../../../provider/shared/finding.ts";
import { module } from "../../../provider/stores/cyberark-epv/index.ts";
import { writeFiles } from "./fixture.ts";
import { appId, type Bench, makeInstance, openBench } from "./harness.ts";

const applications = [{ appId, serviceAccounts: ["shop/*"] }];

/** What the last finding says, of the state of the server and the options of the store. */
interface Case {
	arrange?(bench: Bench): unknown;
	/** Default: the administrator's list and files. */
	options?(bench: Bench): object;
	readonly check: string;
	readonly status: FindingStatus;
	readonly says: RegExp;
}

const administered = ({ ccp, shop, directory }: Bench) => ({ applications, ...writeFiles(directory, ccp, shop) });
const ofNamespaces = ({ directory }: Bench) => ({ caFile: join(directory, "ca.pem") });

const cases: Readonly<Record<string, Case>> = {
	"a server that answers": {
		check: "CyberArk",
		status: "ok",
		says: /AIMWebService at https:\/\/127\.0\.0\.1:\d+ answers as the Central Credential Provider does/,
	},
	"a server that wants the certificate of a namespace": {
		options: ofNamespaces,
		check: "CyberArk",
		status: "unchecked",
		says: /which the Secrets of namespaces bring/,
	},
	"a server that wants another certificate": {
		options: (bench) => ({
			...administered(bench),
			...writeFiles(bench.directory, bench.ccp, bench.ccp.certificates.issue("shop", { byStranger: true })),
		}),
		check: "CyberArk",
		status: "failed",
		says: /does not take the client certificate/,
	},
	"a web service of another name": {
		options: (bench) => ({ ...administered(bench), webService: "Other" }),
		check: "CyberArk",
		status: "failed",
		says: /There is no web service Other/,
	},
	"a web service that is stopped": {
		arrange: ({ ccp }) => ccp.webServices.set("AIMWebService", { isStopped: true }),
		check: "CyberArk",
		status: "failed",
		says: /does not run/,
	},
	"Windows authentication": {
		arrange: ({ ccp }) => ccp.webServices.set("AIMWebService", { demandsWindowsUser: true }),
		check: "CyberArk",
		status: "failed",
		says: /wants Windows authentication/,
	},
	"another server": {
		arrange: ({ ccp }) => ccp.faults.add({ kind: "status", status: 200, body: "hello" }),
		check: "CyberArk",
		status: "failed",
		says: /does not answer as the Central Credential Provider does \(status 200\)/,
	},
	"an expired certificate, for which nothing is asked": {
		options: ({ ccp, directory }) => ({ applications, ...writeFiles(directory, ccp, ccp.certificates.issue("shop", { days: -1 })) }),
		check: "client certificate",
		status: "failed",
		says: /has expired on/,
	},
};

for (const [title, { arrange, options = administered, check, status, says }] of Object.entries(cases)) {
	test.serial(`the doctor finds ${title}: ${status}`, async (t) => {
		const bench = await openBench(t);
		arrange?.(bench);
		const instance = makeInstance({ address: bench.ccp.address, ...options(bench) });
		const context = { signal: AbortSignal.timeout(20_000), allowsAddress: () => true };
		const findings = (await module.diagnose?.(instance, context)) ?? [];
		const last = findings.at(-1);
		t.deepEqual([last?.check, last?.status], [check, status], JSON.stringify(findings));
		t.regex(last?.message ?? "", says);
		if (status === "failed") t.truthy(last?.remedy);
		t.false(JSON.stringify(findings).includes(appId));
		t.true(
			bench.ccp.log.every(({ errorCode }) => errorCode === "AIMWS031E"),
			"no vault was asked",
		);
	});
}

test.serial("a certificate that ends soon is a warning", async (t) => {
	const bench = await openBench(t);
	const { ccp, directory } = bench;
	for (const [days, status] of [
		[3, "warning"],
		[30, "ok"],
	] as const) {
		const files = writeFiles(directory, ccp, ccp.certificates.issue("shop", { days }));
		const instance = makeInstance({ address: ccp.address, applications, ...files });
		const findings = (await module.diagnose?.(instance, { signal: AbortSignal.timeout(20_000), allowsAddress: () => true })) ?? [];
		t.is(findings.find(({ check }) => check === "client certificate")?.status, status);
	}
});
