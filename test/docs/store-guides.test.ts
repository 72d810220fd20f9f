import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { JSONWebKeySet } from "jose";
import { startAws } from "../servers/aws/aws.ts";
import { startConfidant } from "../servers/confidant/confidant.ts";
import { startConjur } from "../servers/conjur/conjur.ts";
import { startCcp } from "../servers/cyberark/ccp.ts";
import type { ClientCertificate } from "../servers/cyberark/certificates.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { AwsDesk } from "./aws-desk.ts";
import { ConjurDesk } from "./conjur-desk.ts";
import { guide } from "./markdown.ts";
import { startSite } from "./site.ts";
import { assertFollowed, follow } from "./workbench.ts";

/** A certificate and its key, as the files that a reader has of them. */
function clientFiles(name: string, { certificate, key }: ClientCertificate): Readonly<Record<string, string>> {
	return { [`${name}.pem`]: certificate, [`${name}.key`]: key };
}

test.serial(
	"whoever follows the guide of CyberArk gets an account by the namespace's application, and by the administrator's list",
	async (t) => {
		const [ccp, { environment }] = await Promise.all([startCcp(t), startSite(t, { installed: true })]);
		const [shop, own] = [ccp.certificates.issue("shop-web"), ccp.certificates.issue("claviger")];
		// What the table of PVWA's pages says.
		ccp.applications.add("shop-web", { serials: [shop.serial, own.serial] });
		ccp.safes.add("DB", { members: ["shop-web"] });
		ccp.accounts.put({ safe: "DB", name: "pg-prod", content: "made-up", userName: "shop", address: "db.example" });
		const mounted = temporaryDirectory(t);
		for (const [name, text] of Object.entries({ "tls.crt": own.certificate, "tls.key": own.key })) writeFileSync(join(mounted, name), text);
		const authority = join(mounted, "authority.pem");
		writeFileSync(authority, ccp.authority);
		const result = await follow(t, guide("docs/stores/cyberark-epv.md"), {
			environment: { ...environment, NODE_EXTRA_CA_CERTS: authority },
			files: { ...clientFiles("shop-web", shop), ...clientFiles("claviger", own) },
			replacements: [
				["https://ccp.example", ccp.address],
				// In the commands of a workstation; the chart's values are not read by any provider here.
				["/etc/claviger/cyberark", mounted],
			],
		});
		assertFollowed(t, result);
		t.true(result.output.includes(`serial=${shop.serial}`));
		t.regex(result.output, /==> volume\/app.env <==\nDB_USER=shop\nDB_HOST=db.example\nDB_PASSWORD=made-up\n/);
		t.regex(result.output, /==> listed\/pg.password <==\nmade-up/);
		t.deepEqual(
			ccp.log.map(({ serial, reason }) => [serial, reason]),
			[shop, own].map(({ serial }) => [serial, "mount shop/web"]),
		);
	},
);

test.serial("whoever follows the guide of Kubernetes Secrets sees them come, change and go with the right", async (t) => {
	const { environment } = await startSite(t, { installed: true });
	const result = await follow(t, guide("docs/stores/kubernetes.md"), { environment });
	assertFollowed(t, result);
	t.regex(result.output, /^DB_PASSWORD=made-up$/m);
	t.regex(result.output, /^DB_PASSWORD=changed$/m);
	t.regex(result.output, /^\.revoked$/m);
});

test.serial("whoever follows the guide of sealed values mounts them, and goes on with a new key", async (t) => {
	const { environment } = await startSite(t, { installed: true });
	const result = await follow(t, guide("docs/stores/sealed.md"), { environment });
	assertFollowed(t, result);
	t.regex(result.output, /^DB_USER=shop\nDB_PASSWORD=made-up$/m);
	t.regex(result.output, /class.yaml: 2 sealed anew, 0 for this key already/);
	t.is(result.output.match(/, which \S+ has followed/g)?.length, 2, "lint names the two values of the old key");
});

test.serial(
	"whoever follows the guide of Conjur gets the variables that its policy permits, by native and by today's classes",
	async (t) => {
		const [conjur, { environment }] = await Promise.all([startConjur(t), startSite(t, { installed: true })]);
		const authority = join(temporaryDirectory(t), "authority.pem");
		writeFileSync(authority, conjur.authority);
		const result = await follow(t, guide("docs/stores/conjur.md"), {
			environment: { ...environment, DOCS_CLOUD_DESK: await ConjurDesk.open(t, conjur) },
			files: { "conjur.pem": conjur.authority },
			replacements: [
				["https://conjur.example", conjur.address],
				["/etc/claviger/ca/ca.crt", authority],
			],
		});
		assertFollowed(t, result);
		t.regex(result.output, /==> class\/app.env <==\nDB_USER=shop\nDB_PASSWORD=made-up\n/);
		t.regex(result.output, /==> compatible\/db\/password <==\nmade-up/);
	},
);

test.serial("whoever follows the guide of Confidant gets the credential as the service of the pod's role", async (t) => {
	const [aws, { environment, cluster }] = await Promise.all([startAws(t, { account: "111122223333" }), startSite(t, { installed: true })]);
	const confidant = await startConfidant(t, { aws });
	// What the table of Confidant's pages says.
	await confidant.putService("shop-production", [await confidant.createCredential("db", { username: "shop", password: "made-up" })]);
	const desk = await AwsDesk.open(t, aws, { issuer: cluster.address, keys: (await cluster.jwks()) as JSONWebKeySet });
	const { sts, kms } = aws.endpoints;
	const result = await follow(t, guide("docs/stores/confidant.md"), {
		environment: {
			...environment,
			DOCS_AWS_DESK: desk,
			AWS_ENDPOINT_URL: kms,
			AWS_ACCESS_KEY_ID: aws.operator.accessKeyId,
			AWS_SECRET_ACCESS_KEY: aws.operator.secretAccessKey,
		},
		replacements: [
			["https://confidant.example", confidant.address],
			["eu-west-1", confidant.region],
			// AWS's own addresses, which the policy need not name.
			[/(?<=to: confidant-production)(?=\})/, `, endpoints: ${JSON.stringify({ sts, kms })}`],
		],
	});
	assertFollowed(t, result);
	t.regex(result.output, /^DB_USER=shop\nDB_PASSWORD=made-up$/m);
	t.is(confidant.front.counts.get("/v1/services/shop-production"), 1);
});
