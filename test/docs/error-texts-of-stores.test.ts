import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { hostOf, letIn, openSite as openConjur } from "../servers/conjur/site.ts";
import { type Site as CyberArkSite, openSite as openCyberArk } from "../servers/cyberark/site.ts";
import { storeFields } from "../stores/conjur/harness.ts";
import { secretOf } from "../stores/cyberark-epv/harness.ts";
import { Installation } from "../stores/sealed/support.ts";
import { CallFailure } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider, type TestMountOptions } from "../support/provider.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import type { TokenIssuer } from "../support/token-issuer.ts";
import { documented, patternOf } from "./error-texts.ts";

const pod = makePod();

interface Refused {
	/** An entry under `stores` of the policy file. */
	readonly store: object;
	/** The one object's fields. */
	readonly object: object;
	readonly issuer?: TokenIssuer;
	readonly call: TestMountOptions;
}

async function assertDocumented(t: ExecutionContext<unknown>, text: string, code: string, refused: Refused): Promise<void> {
	t.true(documented().some((row) => row.text === text && row.code === code));
	const { store, object, issuer, call } = refused;
	const policy = JSON.stringify({ stores: { main: store } });
	const provider = await startTestProvider(t, { policy, providers: "claviger", ...(issuer === undefined ? {} : { issuer }) });
	const objects = JSON.stringify([{ name: "db", store: "main", ...object }]);
	const failure = await t.throwsAsync(provider.mount("claviger", pod, { objects }, call), { instanceOf: CallFailure });
	t.is(failure?.errorCode, code, failure?.details);
	t.regex(failure?.details ?? "", patternOf(text));
}

type ConjurSite = Awaited<ReturnType<typeof openConjur>>;

const ofConjur: readonly (readonly [text: string, code: string, provoke: (site: ConjurSite) => void])[] = [
	["Conjur refuses … and does not say why.", "unidentified", () => undefined],
	[
		"Conjur refused …: it knows the host, which may not use the authenticator.",
		"denied",
		({ conjur }) => {
			letIn(conjur, pod);
			conjur.policy.revoke(hostOf(pod));
		},
	],
	["Conjur has no value of …", "absent", ({ conjur }) => letIn(conjur, pod, ["db/password"])],
	[
		"Conjur denies … to …",
		"denied",
		({ conjur }) => {
			letIn(conjur, pod);
			conjur.variables.set("db/password", "made-up");
			conjur.policy.permit(hostOf(pod), ["read"], "variable:db/password");
		},
	],
	["Conjur could not serve …", "unreachable", ({ conjur }) => conjur.faults.add({ kind: "status", status: 503 })],
];

for (const [text, code, provoke] of ofConjur) {
	test(`who sees ${JSON.stringify(text)} of Conjur finds it under ${code}`, async (t) => {
		const site = await openConjur(t);
		provoke(site);
		const store = storeFields(site.conjur);
		await assertDocumented(t, text, code, {
			store,
			object: { path: "db/password" },
			issuer: site.issuer,
			call: { audience: "conjur" },
		});
	});
}

interface CyberArkCase {
	readonly store?: object;
	readonly object?: object;
	readonly hasSecret?: false;
	readonly provoke?: (site: CyberArkSite) => unknown;
}

const ofCyberArk: readonly (readonly [text: string, code: string, what: CyberArkCase])[] = [
	["CyberArk has no …, or does not let the application of … have it", "absent", { object: { safe: "DB", object: "another" } }],
	[
		"CyberArk does not let the application of … in, which asked for …",
		"denied",
		{ provoke: ({ ccp }) => ccp.applications.add("shop-app", { serials: ["00"] }) },
	],
	["CyberArk does not know the application of …", "denied", { provoke: ({ ccp }) => ccp.applications.remove("shop-app") }],
	[
		"CyberArk has more than one account that fits …",
		"invalid",
		{ object: { safe: "DB" }, provoke: ({ ccp }) => ccp.accounts.put({ safe: "DB", name: "second", content: "made-up" }) },
	],
	["… has no web service …", "invalid", { store: { webService: "Another" } }],
	["The Central Credential Provider could not give …", "unreachable", { provoke: ({ ccp }) => Object.assign(ccp.vault, { isDown: true }) }],
	["CyberArk is asked with a Secret of nodePublishSecretRef, and …", "unidentified", { hasSecret: false }],
	[
		"No application of the store … stands for service account …",
		"refused",
		{ store: { applications: [{ appId: "shop-app", serviceAccounts: ["shop/another"] }] } },
	],
];

for (const [text, code, { store = {}, object = { safe: "DB", object: "pg-prod" }, hasSecret, provoke }] of ofCyberArk) {
	test(`who sees ${JSON.stringify(text)} of CyberArk's vault finds it under ${code}`, async (t) => {
		const site = await openCyberArk(t);
		provoke?.(site);
		const caFile = join(temporaryDirectory(t), "ca.pem");
		writeFileSync(caFile, site.ccp.authority);
		await assertDocumented(t, text, code, {
			store: { type: "cyberark-epv", address: site.ccp.address, caFile, ...store },
			object,
			call: { tokens: {}, secrets: hasSecret === false ? {} : secretOf("shop-app", site.shop) },
		});
	});
}

const web = { kind: "object", namespace: pod.namespace, serviceAccount: pod.serviceAccount, object: "db" } as const;

const ofSealed: readonly (readonly [text: string, code: string, seal: (installation: Installation) => Promise<string>])[] = [
	["… is sealed for …, not for …", "denied", (installation) => installation.seal("usual", "made-up", { ...web, serviceAccount: "batch" })],
	["… was sealed as the object …", "invalid", (installation) => installation.seal("usual", "made-up", { ...web, object: "another" })],
	[
		"… is sealed for …, which the administrator does not allow",
		"denied",
		(installation) => installation.seal("usual", "made-up", { ...web, kind: "namespace" }),
	],
	[
		"… is sealed for the key …, which this installation does not have",
		"absent",
		async (installation) => {
			const sealed = await installation.seal("older", "made-up", web);
			installation.removeKey("older");
			return sealed;
		},
	],
	[
		"…, of the keys for sealed values, …",
		"unreachable",
		async (installation) => {
			const sealed = await installation.seal("usual", "made-up", web);
			installation.removeKey("usual");
			return sealed;
		},
	],
];

for (const [text, code, seal] of ofSealed) {
	test(`who sees ${JSON.stringify(text)} of sealed values finds it under ${code}`, async (t) => {
		const installation = new Installation(t);
		installation.addKey("usual");
		const sealed = await seal(installation);
		await assertDocumented(t, text, code, {
			store: { type: "sealed", keyDirectory: installation.directory },
			object: { sealed },
			call: { audience: "claviger" },
		});
	});
}
