import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { ErrorCode } from "../../../provider/errors.ts";
import { openSession } from "../../../provider/stores/cyberark-epv/session.ts";
import type { Ccp } from "../../servers/cyberark/ccp.ts";
import { freePort } from "../../servers/free-port.ts";
import { startGuarded } from "../../servers/guarded-process.ts";
import { makePod } from "../../support/pods.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { type Files, writeFiles } from "./fixture.ts";
import {
	appId,
	type Bench,
	contextOf,
	identityOf,
	type MountOptions,
	makeInstance,
	openBench,
	refOf,
	secretOf,
	textOf,
} from "./harness.ts";

interface Trouble {
	/** Default: the Secret of `shop-app`, with changes. */
	mount(bench: Bench): MountOptions;
	readonly code: ErrorCode;
	/** Default: none, because the fault shows before anything is asked. */
	readonly requests?: number;
	readonly says: RegExp;
	readonly remedy: RegExp;
}

const secretRemedy = /Put appId, clientCertificate and clientKey .* nodePublishSecretRef/;
const changed = ({ shop }: Bench, changes: Readonly<Record<string, string>>): MountOptions => ({
	secrets: { ...secretOf(appId, shop), ...changes },
});

const troubles: Readonly<Record<string, Trouble>> = {
	"no Secret at all": {
		mount: () => ({ secrets: "null" }),
		code: "unidentified",
		says: /nodePublishSecretRef, and there is none/,
		remedy: secretRemedy,
	},
	"an application without a certificate, whom the node's address alone would prove": {
		mount: () => ({ secrets: { appId } }),
		code: "unidentified",
		says: /it lacks clientCertificate, clientKey/,
		remedy: secretRemedy,
	},
	"an empty application": {
		mount: (bench) => changed(bench, { appId: "" }),
		code: "unidentified",
		says: /it lacks appId/,
		remedy: secretRemedy,
	},
	"a malformed application": {
		mount: (bench) => changed(bench, { appId: "a&Safe=b" }),
		code: "invalid",
		says: /appId in the Secret holds "&"/,
		remedy: secretRemedy,
	},
	"a certificate that is none": {
		mount: (bench) => changed(bench, { clientCertificate: "hunter2" }),
		code: "invalid",
		says: /clientCertificate in the Secret holds no certificate in PEM/,
		remedy: secretRemedy,
	},
	"a key that is none": {
		mount: (bench) => changed(bench, { clientKey: "hunter2" }),
		code: "invalid",
		says: /clientKey in the Secret holds no key in PEM/,
		remedy: secretRemedy,
	},
	"somebody else's public certificate": {
		mount: (bench) => changed(bench, { clientCertificate: bench.ccp.certificates.issue("victim").certificate }),
		code: "invalid",
		says: /clientKey in the Secret is not the key of the first certificate in clientCertificate in the Secret/,
		remedy: secretRemedy,
	},
	"an encrypted key without its passphrase": {
		mount: ({ ccp }) => ({ secrets: secretOf(appId, ccp.certificates.issue("shop", { passphrase: "hunter2" })) }),
		code: "invalid",
		says: /clientKey in the Secret is encrypted, and there is no passphrase/,
		remedy: secretRemedy,
	},
	"an encrypted key with another passphrase": {
		mount: ({ ccp }) => ({
			secrets: { ...secretOf(appId, ccp.certificates.issue("shop", { passphrase: "hunter2" })), clientKeyPassphrase: "hunter3" },
		}),
		code: "invalid",
		says: /clientKey in the Secret does not open with its passphrase/,
		remedy: secretRemedy,
	},
	"an expired certificate": {
		mount: ({ ccp }) => ({ secrets: secretOf(appId, ccp.certificates.issue("shop", { days: -1 })) }),
		code: "unidentified",
		says: /clientCertificate in the Secret has expired on \d{4}-\d\d-\d\dT/,
		remedy: secretRemedy,
	},
	"a certificate of an authority that the web server does not know": {
		mount: ({ ccp }) => ({ secrets: secretOf(appId, ccp.certificates.issue("shop", { byStranger: true })) }),
		code: "unidentified",
		requests: 1,
		says: /does not take the client certificate, or misses one \(status 403\)/,
		remedy: /clientCertificate in the Secret comes from an authority that the web server trusts/,
	},
	"the same, where the connection is cut over it": {
		mount: ({ ccp }) => ({
			secrets: secretOf(appId, ccp.certificates.issue("shop", { byStranger: true })),
			store: { address: ccp.strictAddress, tlsMaxVersion: "1.2" },
		}),
		code: "unreachable",
		says: /object "pg-prod" in safe "DB": 127\.0\.0\.1:\d+ is unreachable: the connection was cut/,
		remedy: /it may not take the client certificate/,
	},
};

for (const [title, { mount, code, requests = 0, says, remedy }] of Object.entries(troubles)) {
	test.serial(`${title}: ${code}`, async (t) => {
		const bench = await openBench(t);
		const error = await bench.refusal(mount(bench));
		t.is(error.errorCode, code, error.details);
		t.regex(error.details, says);
		t.regex(error.details, remedy);
		t.is(bench.ccp.calls().length, requests);
		const everywhere = [error.details, ...bench.provider.logs].join("\n");
		for (const confidential of ["hunter2", "hunter3", appId, "PRIVATE KEY"]) t.false(everywhere.includes(confidential), everywhere);
	});
}

for (const tlsMaxVersion of ["1.2", "1.3"]) {
	test.serial(
		`a server that says in the handshake of TLS ${tlsMaxVersion} that it does not take the certificate: unidentified`,
		async (t) => {
			const { ccp, directory } = await openBench(t);
			const address = await startAlertingServer(t, ccp, directory);
			const stranger = secretOf(appId, ccp.certificates.issue("stranger", { byStranger: true }));
			const instance = makeInstance({ address, caFile: join(directory, "ca.pem"), tlsMaxVersion });
			const session = await openSession(instance, identityOf(makePod()), contextOf(stranger));
			const [outcome] = await session.read([refOf({ safe: "DB", object: "pg-prod" })], new AbortController().signal);
			const error = outcome?.kind === "failed" ? outcome.error : undefined;
			t.is(error?.code, "unidentified", error?.message);
			t.regex(
				error?.message ?? "",
				/127\.0\.0\.1:\d+ refuses the client certificate in the TLS handshake, so it did not give object "pg-prod"/,
			);
			t.regex(error?.remedy ?? "", /comes from an authority that the web server trusts/);
		},
	);
}

test.serial(
	"an encrypted key opens with its passphrase, and a web service that asks for the certificate late gets it in TLS 1.2",
	async (t) => {
		const { ccp, mount, refusal } = await openBench(t);
		const locked = ccp.certificates.issue("locked", { passphrase: "hunter2" });
		ccp.applications.add("locked-app", { serials: [locked.serial] });
		ccp.safes.permit("DB", "locked-app");
		const secrets = { ...secretOf("locked-app\n", locked), clientKeyPassphrase: "hunter2" };
		t.is(textOf(await mount({ secrets })), "hunter2");
		const error = await refusal({ secrets, store: { address: ccp.lateAddress } });
		t.is(error.errorCode, "unidentified");
		t.regex(error.details, /tlsMaxVersion: "1\.2"/);
		t.is(textOf(await mount({ secrets, store: { address: ccp.lateAddress, tlsMaxVersion: "1.2" } })), "hunter2");
	},
);

const administered = (files: Files, address: string) => ({
	pv: { type: "cyberark-epv", address, ...files, applications: [{ appId, serviceAccounts: ["shop/web"] }] },
});

test.serial("the administrator's certificate is replaced on disk without a restart", async (t) => {
	const bench = await openBench(t, {
		stores: ({ ccp, shop, directory }) => administered(writeFiles(directory, ccp, shop), ccp.address),
	});
	const { ccp, shop, directory, mount } = bench;
	t.is(textOf(await mount()), "hunter2");
	const renewed = ccp.certificates.issue("renewed");
	ccp.applications.add(appId, { serials: [shop.serial, renewed.serial] });
	writeFiles(directory, ccp, renewed);
	await waitUntil(async () => textOf(await mount()) === "hunter2" && ccp.log.at(-1)?.serial === renewed.serial);
	t.is(ccp.log.at(-1)?.serial, renewed.serial);
});

test.serial("the administrator's expired certificate is told by its file, and so is a missing one", async (t) => {
	for (const [days, path, says] of [
		[-1, "", /The file .*tls\.crt has expired on/],
		[30, "/gone", /The file .*\/gone cannot be read/],
	] as const) {
		const { refusal, ccp } = await openBench(t, {
			stores: ({ ccp: server, directory }) => {
				const files = writeFiles(directory, server, server.certificates.issue("shop", { days }));
				return administered(path === "" ? files : { ...files, clientKeyFile: `${directory}${path}` }, server.address);
			},
		});
		const error = await refusal({ pod: makePod() });
		t.is(error.errorCode, path === "" ? "unidentified" : "invalid");
		t.regex(error.details, says);
		t.regex(error.details, /The administrator must/);
		t.is(ccp.calls().length, 0);
	}
});

test.serial("a login ends with its certificate", async (t) => {
	const { ccp, shop } = await openBench(t);
	const session = await openSession(makeInstance({ address: ccp.address }), identityOf(makePod()), contextOf(secretOf(appId, shop)));
	const days = ((session.expiresAt?.getTime() ?? 0) - Date.now()) / 86_400_000;
	t.true(days > 29 && days < 31, String(days));
});

/** OpenSSL's own server, which tells in an alert why it refuses a certificate; Node's only cuts the connection. */
async function startAlertingServer(t: ExecutionContext<unknown>, { certificates, authority }: Ccp, directory: string): Promise<string> {
	const file = (name: string) => join(directory, name);
	writeFileSync(file("server.pem"), Buffer.concat([certificates.server.cert, certificates.server.key]));
	writeFileSync(file("authority.pem"), authority);
	const port = await freePort();
	const flags = ["-accept", `127.0.0.1:${port}`, "-cert", file("server.pem"), "-key", file("server.pem"), "-CAfile", file("authority.pem")];
	const server = startGuarded("openssl", ["s_server", ...flags, "-Verify", "2", "-verify_return_error", "-www"], {
		logFile: file("server.log"),
	});
	t.teardown(() => server.stop());
	await waitUntil(() => server.log().includes("ACCEPT"));
	return `https://127.0.0.1:${port}`;
}
