import test from "ava";
import { fillReason } from "../../../provider/stores/cyberark-epv/reason.ts";
import { faultsOfInstance, faultsOfRef, makeInstance, refOf } from "./harness.ts";

const address = "https://ccp.example";
const shop = [{ appId: "Shop", serviceAccounts: ["shop/*"] }];

test("the options of a store have their documented defaults", (t) => {
	const instance = makeInstance({ address });
	const { webService, reason, connectionTimeoutSeconds, onPasswordChange, loginBy, administratorsOnly, endpoints } = instance;
	t.deepEqual(
		{ webService, reason, connectionTimeoutSeconds, onPasswordChange, loginBy, administratorsOnly, endpoints },
		{
			webService: "AIMWebService",
			reason: "mount {{namespace}}/{{serviceAccount}}",
			connectionTimeoutSeconds: 10,
			onPasswordChange: "wait",
			loginBy: "credentials",
			administratorsOnly: false,
			endpoints: [address],
		},
	);
	t.is(fillReason(reason, { namespace: "shop", serviceAccount: "web" }), "mount shop/web");
});

test("a list of applications is the administrator's alone, as are the files of a certificate", (t) => {
	const byNode = makeInstance({ address, applications: shop });
	t.true(byNode.administratorsOnly);
	t.is(byNode.loginBy, "node");
	const files = { clientCertificateFile: "/tls/tls.crt", clientKeyFile: "/tls/tls.key" };
	t.true(makeInstance({ address, applications: shop, ...files }).administratorsOnly);
});

test("stores that differ in anything that counts share nothing", (t) => {
	const variants = [
		{},
		{ webService: "Other" },
		{ tlsMaxVersion: "1.2" },
		{ reason: "{{namespace}}" },
		{ onPasswordChange: "stale" },
		{ connectionTimeout: "5" },
		{ caFile: "/ca.pem" },
		{ caCertificate: "-----BEGIN CERTIFICATE-----\nA" },
		{ caCertificate: "-----BEGIN CERTIFICATE-----\nB" },
		{ applications: shop },
		{ applications: [{ appId: "Other", serviceAccounts: ["shop/*"] }] },
	];
	const keys = variants.map((options) => makeInstance({ address, ...options }).key);
	t.is(new Set(keys).size, variants.length);
	t.is(makeInstance({ address: "https://CCP.example:443/" }).key, makeInstance({ address }).key);
});

const secretRemedy = /nodePublishSecretRef.*applications/;
const faultyInstances: Readonly<Record<string, readonly [options: object, path: string, message: RegExp, remedy?: RegExp]>> = {
	"no address": [{ address: undefined }, "address", /is missing/, /https:\/\/ccp\.example/],
	"plain http": [{ address: "http://ccp.example" }, "address", /is not https, and the answers are passwords/],
	"a socket": [{ address: "unix:///run/ccp.sock" }, "address", /is not https/],
	"an address with a query": [{ address: "https://ccp.example/?a=b" }, "address", /query/],
	"an application of the class's choice": [{ appId: "Other" }, "appId", /is not written here/, secretRemedy],
	"a certificate in the class": [
		{ clientCertificate: "-----BEGIN CERTIFICATE-----" },
		"clientCertificate",
		/is not written here/,
		secretRemedy,
	],
	"a key in the class": [{ clientKey: "-----BEGIN PRIVATE KEY-----" }, "clientKey", /is not written here/, secretRemedy],
	"a passphrase in the class": [{ clientKeyPassphrase: "x" }, "clientKeyPassphrase", /is not written here/, secretRemedy],
	"the administrator's certificate for everybody": [
		{ clientCertificateFile: "/c", clientKeyFile: "/k" },
		"clientCertificateFile",
		/stands without applications/,
	],
	"a certificate without its key": [{ applications: shop, clientCertificateFile: "/c" }, "clientKeyFile", /is missing/],
	"a key without its certificate": [{ applications: shop, clientKeyFile: "/k" }, "clientCertificateFile", /is missing/],
	"a web service that leads elsewhere": [{ webService: "../PasswordVault" }, "webService", /no name of a web service/],
	"a web service with a query": [{ webService: "AIM?x=" }, "webService", /no name of a web service/],
	"two sets of authorities": [{ caFile: "/ca", caCertificate: "-----BEGIN CERTIFICATE-----" }, "caCertificate", /stands beside caFile/],
	"authorities that are none": [{ caCertificate: "x" }, "caCertificate", /holds no certificate/],
	"another version of TLS": [{ tlsMaxVersion: "1.1" }, "tlsMaxVersion", /is "1\.1"/, /1\.2, 1\.3/],
	"no seconds": [{ connectionTimeout: "0" }, "connectionTimeout", /is "0"/, /from 1 to 40/],
	"too many seconds": [{ connectionTimeout: "41" }, "connectionTimeout", /is "41"/],
	"another way with changes": [{ onPasswordChange: "retry" }, "onPasswordChange", /is "retry"/, /wait, fail, stale/],
	"a reason with the pod's name": [{ reason: "for {{pod}}" }, "reason", /names the pod, but one read serves all pods/, /own audit/],
	"a reason with something unknown": [{ reason: "for {{node}}" }, "reason", /in braces that is not known here/],
	"a reason that computes": [{ reason: "{{#if namespace}}x{{/if}}" }, "reason", /in braces that is not known here/],
	"a reason with a semicolon": [{ reason: "a;b" }, "reason", /holds ";", which CyberArk does not take/],
	"a reason of two lines": [{ reason: "a\nb" }, "reason", /control character/],
	"a reason of great length": [{ reason: "x".repeat(401) }, "reason", /longer than 400 bytes/],
	"a list without applications": [{ applications: [] }, "applications", /has no entries/],
	"an application without a name": [{ applications: [{ serviceAccounts: ["a/b"] }] }, "applications[0].appId", /is missing/],
	"an application's name with a percent sign": [
		{ applications: [{ appId: "a%b", serviceAccounts: ["a/b"] }] },
		"applications[0].appId",
		/holds "%"/,
	],
	"an application of nobody": [{ applications: [{ appId: "a" }] }, "applications[0].serviceAccounts", /are missing/],
	"an application of everybody": [
		{ applications: [{ appId: "a", serviceAccounts: ["*"] }] },
		"applications[0].serviceAccounts",
		/name "\*"/,
		/namespace\/\*/,
	],
	"an application of all namespaces": [
		{ applications: [{ appId: "a", serviceAccounts: ["*/web"] }] },
		"applications[0].serviceAccounts",
		/name "\*\/web"/,
	],
	"one account with two applications": [
		{ applications: [...shop, { appId: "b", serviceAccounts: ["shop/*"] }] },
		"applications[1].serviceAccounts",
		/has an application already/,
	],
	"a field that is not known": [{ tlsMaximumVersion: "1.2" }, "tlsMaximumVersion", /is not known here/, /^(?!.*appId).*tlsMaxVersion/],
};

for (const [title, [options, path, message, remedy = /./]] of Object.entries(faultyInstances)) {
	test(`a store with ${title} is a fault with its remedy`, (t) => {
		const faults = faultsOfInstance({ address, ...options });
		const fault = faults.find((candidate) => candidate.path === `stores.main.${path}`);
		t.regex(fault?.message ?? "", message, JSON.stringify(faults));
		t.regex(fault?.remedy ?? "", remedy);
	});
}

test("an account is called by what it was asked for", (t) => {
	const shown = (written: object) => refOf(written).shown;
	t.is(shown({ safe: "DB", object: "pg" }), 'object "pg" in safe "DB"');
	t.is(shown({ safe: "DB", userName: "app", address: "db.example" }), 'the account in safe "DB" with userName "app", address "db.example"');
	t.is(shown({ query: "Safe=DB;Object=pg" }), 'the account of the query "Safe=DB;Object=pg"');
	t.deepEqual(refOf({ query: "Safe=DB;Object=pg.*", queryFormat: "regexp" }).criteria, [
		["Query", "Safe=DB;Object=pg.*"],
		["QueryFormat", "Regexp"],
	]);
});

const faultyRefs: Readonly<Record<string, readonly [written: object, path: string, message: RegExp, remedy?: RegExp]>> = {
	"no account": [{}, "objects[0]", /says nothing of the account/, /safe and object.*query/],
	"an application": [{ safe: "DB", object: "pg", appId: "Other" }, "objects[0].appId", /not for a class to choose/, /nodePublishSecretRef/],
	"an empty field": [{ safe: "", object: "pg" }, "objects[0].safe", /is empty/],
	"a field that begins another": [{ object: "pg;Safe=Other" }, "objects[0].object", /holds ";"/],
	"an ampersand": [{ object: "a&b" }, "objects[0].object", /holds "&"/],
	"a percent sign": [{ object: "100%" }, "objects[0].object", /holds "%"/],
	"a line break": [{ object: "a\nb" }, "objects[0].object", /control character/],
	"a field beside a query": [{ query: "Safe=DB", safe: "DB" }, "objects[0].safe", /stands beside a query/],
	"a format without a query": [{ object: "pg", queryFormat: "regexp" }, "objects[0].queryFormat", /without a query/],
	"another format": [{ query: "Safe=DB", queryFormat: "glob" }, "objects[0].queryFormat", /is "glob"/, /exact, regexp/],
	"an empty query": [{ query: " " }, "objects[0].query", /is empty/],
	"a query with an ampersand": [{ query: "Safe=a&AppID=b" }, "objects[0].query", /holds "&"/],
	"a name of great length": [{ object: "ä".repeat(200) }, "objects[0]", /more than 800 bytes/],
};

for (const [title, [written, path, message, remedy = /./]] of Object.entries(faultyRefs)) {
	test(`an object with ${title} is a fault with its remedy`, (t) => {
		const faults = faultsOfRef(written);
		const fault = faults.find((candidate) => candidate.path === path);
		t.regex(fault?.message ?? "", message, JSON.stringify(faults));
		t.regex(fault?.remedy ?? "", remedy);
	});
}
