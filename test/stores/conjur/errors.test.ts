import { readFileSync } from "node:fs";
import test from "ava";
import { issue, makeAuthority } from "../../net/certificates.ts";
import type { Conjur } from "../../servers/conjur/conjur.ts";
import { hostOf, letIn, openSite } from "../../servers/conjur/site.ts";
import { makePod } from "../../support/pods.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { classParameters, startMounter, storeFields } from "./harness.ts";

interface Case {
	readonly title: string;
	readonly prepare?: (conjur: Conjur) => void;
	readonly changes?: Readonly<Record<string, string>>;
	readonly code: string;
	/** Parts of the text, the first one its beginning. */
	readonly texts: readonly string[];
}

const pod = makePod();
const login = hostOf(pod);
const prefix = "CKCP016 Failed to get Conjur secrets: CKCP031 Failed to retrieve batch secrets: ";
const hints = ["CONJUR_AUTHENTICATORS", "audience", "annotations authn-jwt/kube/", "token-app-property"];
const page = { kind: "status", body: "<html>blocked</html>", headers: { "content-type": "text/html" } } as const;

const logins: readonly Case[] = [
	{
		title: "an authenticator that is not enabled",
		prepare: ({ authenticators }) => authenticators.disable("kube"),
		code: "unidentified",
		texts: [`${prefix}401 Unauthorized. \n`, ...hints],
	},
	{
		title: "an authenticator that nobody made",
		changes: { authnId: "authn-jwt/other" },
		code: "unidentified",
		texts: [`${prefix}401 Unauthorized. \n`, "authn-jwt/other"],
	},
	{ title: "a host that is not there", prepare: ({ policy }) => policy.removeHost(login), code: "unidentified", texts: [prefix, ...hints] },
	{
		title: "a host of another namespace",
		prepare: ({ policy }) => policy.addHost(login, { "authn-jwt/kube/kubernetes.io/namespace": "other" }),
		code: "unidentified",
		texts: [prefix, "shop/web"],
	},
	{
		title: "an identity beside the token's own",
		changes: { identity: "host/apps/web" },
		code: "unidentified",
		texts: [prefix, 'the identity "host/apps/web" is written here'],
	},
	{
		title: "an account that is not there",
		changes: { account: "nobody" },
		code: "unidentified",
		texts: [prefix, ...hints],
	},
	{
		title: "a host that may not log in",
		prepare: ({ policy }) => policy.revoke(login, "webservice:conjur/authn-jwt/kube"),
		code: "denied",
		texts: [`${prefix}403 Forbidden. \n`, "the privilege authenticate on the webservice conjur/authn-jwt/kube"],
	},
	{
		title: "a token that the server finds expired",
		prepare: ({ faults }) => {
			const body = '{"error":{"code":"unauthorized","message":"CONJ00016E Token expired"}}';
			faults.add({ kind: "status", status: 401, body }, { operation: "authenticate" });
		},
		code: "unidentified",
		texts: [`${prefix}401 Unauthorized. CONJ00016E Token expired.\n`, "clocks"],
	},
	{
		title: "a server that has no time for logins",
		prepare: ({ faults }) => void faults.add({ kind: "status", status: 503 }, { operation: "authenticate" }),
		code: "unreachable",
		texts: [`${prefix}503 Service Unavailable. \n`, "could not serve the login"],
	},
	{
		title: "another server that knows no login",
		prepare: ({ faults }) => void faults.add({ ...page, status: 404 }, { operation: "authenticate" }),
		code: "unreachable",
		texts: [`${prefix}404 Not Found. \n`, "gave no usable answer", "a proxy's page"],
	},
	{
		title: "a page that forbids the login",
		prepare: ({ faults }) => void faults.add({ ...page, status: 403 }, { operation: "authenticate" }),
		code: "unreachable",
		texts: [`${prefix}403 Forbidden. \n`, "gave no usable answer"],
	},
	{
		title: "a login that is answered with a page",
		prepare: ({ faults }) => void faults.add({ ...page, status: 200 }, { operation: "authenticate" }),
		code: "unreachable",
		texts: [`${prefix}access token field 'payload' is not valid base64\n`, "it holds no access token"],
	},
	{
		title: "a redirect, which is not followed",
		prepare: ({ faults }) => void faults.add({ kind: "redirect", location: "https://127.0.0.1:1/" }),
		code: "unreachable",
		texts: [prefix, "redirects to 127.0.0.1:1"],
	},
];

const reads: readonly Case[] = [
	{
		title: "a variable that is not there",
		prepare: ({ variables }) => variables.delete("db/password"),
		code: "absent",
		texts: [
			`${prefix}404 Not Found. CONJ00076E Variable acme:variable:db/password is empty or not found..\n`,
			"secrets[0]",
			"set its value",
		],
	},
	{
		title: "a variable without a value",
		prepare(conjur) {
			conjur.variables.delete("db/password");
			conjur.variables.declare("db/password");
		},
		code: "absent",
		texts: [`${prefix}404 Not Found. CONJ00076E`],
	},
	{
		title: "a variable that the host may not have",
		prepare: ({ policy }) => policy.revoke(login, "variable:db/password"),
		code: "denied",
		texts: [`${prefix}403 Forbidden. \n`, "service account shop/web", "the privilege execute on the variable db/password"],
	},
	{
		title: "a variable that the host may only see",
		prepare({ policy }) {
			policy.revoke(login, "variable:db/password");
			policy.permit(login, ["read"], "variable:db/password");
		},
		code: "denied",
		texts: [`${prefix}403 Forbidden. \n`],
	},
	{
		title: "a page in the place of an absence",
		prepare: ({ faults }) => void faults.add({ ...page, status: 404 }, { operation: "secrets.batch" }),
		code: "unreachable",
		texts: [`${prefix}404 Not Found. \n`, "gave no usable answer"],
	},
	{
		title: "a gateway's own JSON in the place of an absence",
		prepare: ({ faults }) =>
			void faults.add({ kind: "status", status: 404, body: '{"error":{"code":404,"message":"no route"}}' }, { operation: "secrets.batch" }),
		code: "unreachable",
		texts: [`${prefix}404 Not Found. \n`, "gave no usable answer"],
	},
	{
		title: "a page in the place of a denial",
		prepare: ({ faults }) => void faults.add({ ...page, status: 403 }, { operation: "secrets.batch" }),
		code: "unreachable",
		texts: [`${prefix}403 Forbidden. \n`, "gave no usable answer"],
	},
	{
		title: "an answer that is not in base64",
		prepare: ({ faults }) =>
			void faults.add(
				{ kind: "status", status: 200, body: '{"acme:variable:db/password":"aHVudGVyMg=="}' },
				{ operation: "secrets.batch" },
			),
		code: "unreachable",
		texts: [prefix, "it is not in base64"],
	},
	{
		title: "an answer without the value",
		prepare: ({ faults }) =>
			void faults.add(
				{ kind: "status", status: 200, body: "{}", headers: { "content-encoding": "base64" } },
				{ operation: "secrets.batch" },
			),
		code: "unreachable",
		texts: [prefix, "a value is missing or damaged"],
	},
	{
		title: "an answer with a damaged value",
		prepare({ faults }) {
			const body = '{"acme:variable:db/password":"aHVudGVyM==="}';
			faults.add({ kind: "status", status: 200, body, headers: { "content-encoding": "base64" } }, { operation: "secrets.batch" });
		},
		code: "unreachable",
		texts: [prefix, "a value is missing or damaged"],
	},
	{
		title: "a connection that is cut",
		prepare: ({ faults }) => void faults.add({ kind: "reset" }, { operation: "secrets.batch" }),
		code: "unreachable",
		texts: [`${prefix}Get "https://127.0.0.1:`, '/secrets/?variable_ids=acme%3Avariable%3Adb%2Fpassword": EOF', "the connection was cut"],
	},
	{
		title: "access tokens that the server never takes",
		prepare: ({ faults }) =>
			void faults.add({ kind: "status", status: 401, body: "Unauthorized: Invalid token" }, { operation: "secrets.batch" }),
		code: "unreachable",
		texts: [`${prefix}401 Unauthorized. \n`, "does not accept the access token that it gave"],
	},
	{
		title: "a request that the server does not understand",
		prepare({ faults }) {
			const body = '{"error":{"code":"unprocessable_entity","message":"variable_ids"}}';
			faults.add({ kind: "status", status: 422, body }, { operation: "secrets.batch" });
		},
		code: "invalid",
		texts: [`${prefix}422 Unprocessable Entity. variable_ids.\n`],
	},
];

const addresses: readonly Case[] = [
	{
		title: "nobody behind the address",
		changes: { applianceUrl: "https://127.0.0.1:1" },
		code: "unreachable",
		texts: [`${prefix}Post "https://127.0.0.1:1/authn-jwt/kube/acme/authenticate": dial tcp 127.0.0.1:1: connect: connection refused\n`],
	},
	{
		title: "an IP address without a scheme",
		changes: { applianceUrl: "127.0.0.1:8443/" },
		code: "invalid",
		texts: [
			`${prefix}parse "127.0.0.1:8443/secrets/?variable_ids=acme%3Avariable%3Adb%2Fpassword": first path segment in URL cannot contain colon\n`,
			"applianceUrl",
			"https://",
		],
	},
	{
		title: "a name without a scheme",
		changes: { applianceUrl: "conjur.example" },
		code: "invalid",
		texts: [`${prefix}Post "conjur.example/authn-jwt/kube/acme/authenticate": unsupported protocol scheme ""\n`],
	},
	{
		title: "certificates that are none",
		changes: { sslCertificate: "/etc/conjur.pem" },
		code: "invalid",
		texts: [
			"CKCP016 Failed to get Conjur secrets: CKCP030 Failed to create Conjur client: Can't append Conjur SSL cert\n",
			"sslCertificate",
		],
	},
	{
		title: "an account and a service without a name",
		changes: { account: "", authnId: "authn-jwt/" },
		code: "invalid",
		texts: [
			"CKCP016 Failed to get Conjur secrets: CKCP030 Failed to create Conjur client: Must specify an Account -- Must specify a ServiceID when using jwt\n",
		],
	},
];

for (const { title, prepare, changes, code, texts } of [...logins, ...reads, ...addresses]) {
	test(`${title}: ${code}`, async (t) => {
		const site = await openSite(t);
		const { conjur } = site;
		conjur.variables.set("db/password", "hunter2");
		letIn(conjur, pod, ["db/password"]);
		prepare?.(conjur);
		const policy = JSON.stringify({
			endpoints: [conjur.address, "https://127.0.0.1:1"].map((origin) => ({ origin, ownTrust: true })),
		});
		const { refusal, provider } = await startMounter(t, site, { policy });
		const error = await refusal(classParameters(conjur, { secrets: "- f: db/password", ...changes }), { pod });
		t.is(error.errorCode, code, error.details);
		t.is(error.code, "UNKNOWN");
		t.true(error.details.startsWith(texts[0] ?? ""), error.details);
		for (const text of texts) t.true(error.details.includes(text), `${text}\n${error.details}`);
		for (const confidential of ["hunter2", "eyJ", "blocked"]) {
			t.false(error.details.includes(confidential), error.details);
			t.false(provider.logs.join("\n").includes(confidential));
		}
	});
}

test("a server whose authority is another: unreachable, and not trusted by the system's authorities either", async (t) => {
	const site = await openSite(t);
	letIn(site.conjur, pod);
	const directory = temporaryDirectory(t);
	const other = makeAuthority(directory, "other", "ec");
	issue(directory, other, "server", { keyType: "ec" });
	const { refusal } = await startMounter(t, site);
	const changes = { sslCertificate: readFileSync(other.certificate, "utf8"), secrets: "- f: db/password" };
	const error = await refusal(classParameters(site.conjur, changes), { pod });
	t.is(error.errorCode, "unreachable", error.details);
	t.true(
		error.details.includes(`authenticate": tls: failed to verify certificate: x509: certificate signed by unknown authority\n`),
		error.details,
	);
	t.deepEqual(site.conjur.counts(), {});
});

test("policy decides whether a class may bring the authorities to trust", async (t) => {
	const site = await openSite(t);
	const { conjur } = site;
	conjur.variables.set("db/password", "hunter2");
	letIn(conjur, pod, ["db/password"]);
	const outcome = async (policy: object, changes: Readonly<Record<string, string | undefined>> = {}) => {
		const { mount } = await startMounter(t, site, { policy: JSON.stringify(policy) });
		const parameters = classParameters(conjur, { secrets: "- f: db/password", ...changes });
		return mount(parameters, { pod }).then(
			({ files }) => files.get("f")?.contents.toString(),
			(error: { details?: string }) => error.details,
		);
	};
	const { type: _type, ...defaults } = storeFields(conjur) as Readonly<Record<string, string>>;
	t.regex((await outcome({ endpoints: [conjur.address] })) ?? "", /a certificate that the SecretProviderClass brings/);
	t.regex((await outcome({})) ?? "", /is not in the policy's endpoints|lies on this node/);
	t.is(await outcome({ dialects: { conjur: defaults } }), "hunter2", "a class may repeat what the administrator has written");
	t.is(await outcome({ dialects: { conjur: defaults } }, { sslCertificate: `\n${conjur.authority.replaceAll("\n", "\r\n")}` }), "hunter2");
	const silent = { account: undefined, applianceUrl: undefined, authnId: undefined, sslCertificate: undefined };
	t.is(await outcome({ dialects: { conjur: defaults } }, silent), "hunter2", "and may leave it out");
});
