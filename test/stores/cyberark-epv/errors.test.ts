import test from "ava";
import type { ErrorCode } from "../../../provider/errors.ts";
import { appId, type Bench, type BenchOptions, type MountOptions, openBench } from "./harness.ts";

/** One thing that goes wrong between a pod and the account. */
interface Trouble {
	readonly bench?: BenchOptions;
	/** Makes it happen at the server. */
	arrange?(bench: Bench): unknown;
	readonly mount?: MountOptions | ((bench: Bench) => MountOptions);
	readonly code: ErrorCode;
	/** How often the web service is asked; default: once. */
	readonly requests?: number;
	readonly says: RegExp;
	/** Default: none is told. */
	readonly remedy?: RegExp;
}

const subject = 'object "pg-prod" in safe "DB"';
const page = (status: number) => ({
	kind: "status" as const,
	status,
	headers: { "content-type": "text/html" },
	body: "<html><body>hunter2</body></html>",
});
const told = (status: number, code: string, headers: Readonly<Record<string, string>> = {}) => ({
	kind: "status" as const,
	status,
	headers: { "content-type": "application/json", ...headers },
	body: JSON.stringify({ ErrorCode: code, ErrorMsg: `${code} of ${appId} and hunter2` }),
});

const troubles: Readonly<Record<string, Trouble>> = {
	"an account that does not exist": {
		arrange: ({ ccp }) => ccp.accounts.remove({ safe: "DB", name: "pg-prod" }),
		code: "absent",
		says: new RegExp(`CyberArk has no ${subject}, or does not let the application of service account shop/web have it \\(APPAP004E\\)`),
		remedy: /members of the safe/,
	},
	"an account of a safe that the application is no member of, which is the same to CyberArk": {
		arrange: ({ ccp }) => ccp.safes.revoke("DB", appId),
		code: "absent",
		says: new RegExp(`CyberArk has no ${subject}, or does not let .*\\(APPAP004E\\)`),
		remedy: /answers alike/,
	},
	"an application that the vault does not know": {
		arrange: ({ ccp }) => ccp.applications.remove(appId),
		code: "denied",
		says: /does not know the application of service account shop\/web, .*\(APPAP008E\)/,
		remedy: /in the Secret that nodePublishSecretRef names \(appId\)/,
	},
	"an application of another certificate": {
		arrange: ({ ccp }) => ccp.applications.add(appId, { serials: ["00"] }),
		code: "denied",
		says: /does not let the application of service account shop\/web in, .*\(APPAP306E\)/,
		remedy: /serial number of the client certificate/,
	},
	"an application of other machines": {
		arrange: ({ ccp }) => ccp.applications.add(appId, { addresses: ["192.0.2.1"] }),
		code: "denied",
		says: /\(APPAP306E\)/,
		remedy: /allowed machines/,
	},
	"a denial with a code that is not known": {
		arrange: ({ ccp }) => ccp.safes.add("DB", { members: [appId], demandsReason: true }),
		mount: { store: { reason: "" } },
		code: "denied",
		says: /\(APPAP999E\)/,
		remedy: /authentication in the vault/,
	},
	"more than one account": {
		arrange: ({ ccp }) => ccp.accounts.put({ safe: "DB", name: "pg-test", content: "other" }),
		mount: { objects: [{ name: "pg", safe: "DB" }] },
		code: "invalid",
		says: /more than one account that fits the account in safe "DB" \(APPAP229E\)/,
		remedy: /until one is left/,
	},
	"a regular expression that is none": {
		mount: { objects: [{ name: "pg", query: "Safe=DB;Object=(", queryFormat: "regexp" }] },
		code: "invalid",
		says: /does not understand the request for the account of the query "Safe=DB;Object=\(" \(AIMWS030E\)/,
		remedy: /the query's form/,
	},
	"an answer of its own with a status and a code that are not known": {
		arrange: ({ ccp }) => ccp.faults.add(told(400, "APPAP998E")),
		code: "invalid",
		says: /does not understand the request .*\(APPAP998E\)/,
		remedy: /whether the vault wants a reason/,
	},
	"a vault that the web service does not reach": {
		arrange({ ccp }) {
			ccp.vault.isDown = true;
		},
		code: "unreachable",
		requests: 3,
		says: new RegExp(`The Central Credential Provider could not give ${subject} \\(APPAP007E\\)`),
		remedy: /reaches the vault/,
	},
	"a web service that is asked too often": {
		arrange: ({ ccp }) => ccp.faults.add(told(429, "APPAP004E")),
		code: "unreachable",
		requests: 3,
		says: /could not give/,
		remedy: /asked again/,
	},
	"an outage of its own": {
		arrange: ({ ccp }) => ccp.faults.add(told(500, "APPAP997E")),
		code: "unreachable",
		requests: 3,
		says: /could not give .*\(APPAP997E\)/,
		remedy: /its own log/,
	},
	"a web service that wants Windows authentication": {
		arrange: ({ ccp }) => ccp.webServices.set("AIMWebService", { demandsWindowsUser: true }),
		code: "invalid",
		says: /127\.0\.0\.1:\d+ wants Windows authentication \(status 401\)/,
		remedy: /webService/,
	},
	"a web service of another name": {
		mount: { store: { webService: "AIMWebServiceCert" } },
		code: "invalid",
		says: /has no web service AIMWebServiceCert \(status 404\)/,
		remedy: /Correct the store's webService/,
	},
	"a web service that is stopped": {
		arrange: ({ ccp }) => ccp.webServices.set("AIMWebService", { isStopped: true }),
		code: "unreachable",
		requests: 3,
		says: /does not run the web service AIMWebService now \(status 503\)/,
		remedy: /application pool/,
	},
	"a page of something in between": {
		arrange: ({ ccp }) => ccp.faults.add(page(400)),
		code: "unreachable",
		says: /gave no usable answer \(status 400\)/,
		remedy: /a proxy's page/,
	},
	"a page in the place of an account": {
		arrange: ({ ccp }) => ccp.faults.add(page(200)),
		code: "unreachable",
		says: /gave no usable answer \(status 200\)/,
		remedy: /a proxy's page/,
	},
	"an account without content": {
		arrange: ({ ccp }) => ccp.faults.add({ kind: "status", status: 200, body: '{"UserName": "hunter2"}' }),
		code: "unreachable",
		says: /gave no usable answer \(status 200\)/,
		remedy: /Central Credential Provider itself/,
	},
	"half an answer": {
		arrange: ({ ccp }) => ccp.faults.add({ kind: "truncate" }),
		code: "unreachable",
		requests: 3,
		says: new RegExp(`${subject}: 127\\.0\\.0\\.1:\\d+ is unreachable`),
	},
	"a redirect": {
		arrange: ({ ccp }) => ccp.faults.add({ kind: "redirect", location: "https://evil.example/" }),
		code: "unreachable",
		says: /redirects to evil\.example, which is not followed/,
		remedy: /address of the server that answers itself/,
	},
	"nobody at the address": {
		bench: {
			stores: () => ({
				pv: { type: "cyberark-epv", address: "https://127.0.0.1:1", applications: [{ appId, serviceAccounts: ["shop/*"] }] },
			}),
		},
		code: "unreachable",
		requests: 0,
		says: /127\.0\.0\.1:1 is unreachable: the connection was refused/,
	},
	"a server of an authority that is not trusted": {
		mount: { store: { caFile: undefined } },
		code: "unreachable",
		requests: 0,
		says: /its certificate/,
		remedy: /CA file/,
	},
	"an address that policy does not list": {
		mount: { store: { address: "https://ccp.example" } },
		code: "refused",
		requests: 0,
		says: /stores\.pv\.address: ccp\.example is not in the policy's endpoints/,
		remedy: /Ask the administrator/,
	},
	"authorities that the class brings": {
		mount: ({ ccp }) => ({ store: { caFile: undefined, caCertificate: ccp.authority } }),
		code: "refused",
		requests: 0,
		says: /trusted by a certificate that the SecretProviderClass brings/,
		remedy: /ownTrust/,
	},
	"an application that the class chooses": {
		mount: { store: { appId: "other" } },
		code: "invalid",
		requests: 0,
		says: /stores\.pv\.appId is not written here/,
		remedy: /nodePublishSecretRef/,
	},
	"a list of applications in a class": {
		mount: { store: { applications: [{ appId, serviceAccounts: ["shop/*"] }] } },
		code: "invalid",
		requests: 0,
		says: /stores\.pv has options that only the administrator may write/,
		remedy: /policy file/,
	},
	"the node's certificate in a class": {
		mount: ({ directory }) => ({ store: { clientCertificateFile: `${directory}/tls.crt`, clientKeyFile: `${directory}/tls.key` } }),
		code: "invalid",
		requests: 0,
		says: /stores\.pv has options that only the administrator may write/,
		remedy: /policy file/,
	},
	"a service account that the administrator has not listed": {
		bench: {
			stores: ({ ccp }) => ({
				pv: { type: "cyberark-epv", address: ccp.address, applications: [{ appId, serviceAccounts: ["shop/api", "other/*"] }] },
			}),
		},
		code: "refused",
		requests: 0,
		says: /No application of the store "pv" stands for service account shop\/web/,
		remedy: /add shop\/web to the store's applications/,
	},
};

for (const [title, { bench: options, arrange, mount, code, requests = 1, says, remedy }] of Object.entries(troubles)) {
	test.serial(`${title}: ${code}`, async (t) => {
		const bench = await openBench(t, options);
		arrange?.(bench);
		const before = performance.now();
		const error = await bench.refusal(typeof mount === "function" ? mount(bench) : mount);
		t.true(performance.now() - before < 5_000, "it is told in seconds");
		t.is(error.errorCode, code, error.details);
		t.regex(error.details, says);
		if (remedy !== undefined) t.regex(error.details, remedy);
		t.is(bench.ccp.calls().length, requests);
		const everywhere = [error.details, ...bench.provider.logs].join("\n");
		for (const confidential of ["hunter2", appId, "AppID", "PRIVATE KEY"]) t.false(everywhere.includes(confidential), everywhere);
	});
}
