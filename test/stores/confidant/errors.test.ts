import test from "ava";
import { type ErrorCode, ProviderError } from "../../../provider/errors.ts";
import { type Confidant, startConfidant } from "../../servers/confidant/confidant.ts";
import { scopedAccount } from "../../servers/confidant/keys.ts";
import { type Misbehaviour, startLatencyProxy } from "../../servers/latency-proxy.ts";
import { addRole, connect, entryAt, makeInstance, readError, told } from "./harness.ts";

let confidant: Confidant;

test.before(async () => {
	confidant = await startConfidant(undefined);
});
test.after.always(() => confidant?.stop());

let count = 0;

interface Case {
	/** What is wrong, as the rest of the test's name. */
	readonly when: string;
	readonly code: ErrorCode;
	/** What the message and the remedy must tell. */
	readonly says: readonly RegExp[];
	readonly options?: Readonly<Record<string, unknown>>;
	/** Makes it wrong, for the service of this name. */
	arrange?(service: string, role: string): Promise<unknown>;
	/** Default: the first credential of the service. */
	readonly credential?: string;
}

const everything = { allow: [{ actions: ["*"] }] } as const;

/** A pod with a service and its credential, with something about it that is wrong. */
async function failureOf({ options, arrange, credential }: Case): Promise<ProviderError> {
	const { service, role, db } = await addService();
	await arrange?.(service, role);
	const session = await connect(makeInstance(entryAt(confidant, options)), { role });
	return readError(session, credential ?? db);
}

/** A service of its own with one credential; Confidant has no two of one name. */
async function addService() {
	count += 1;
	const [service, db] = [`service-${count}`, `db-${count}`];
	const role = addRole(confidant, service);
	await confidant.putService(service, [await confidant.createCredential(db, { password: "hunter2" })]);
	return { service, role, db };
}

const permitted = async (_service: string, role: string) => confidant.aws.permit(role, everything);

const cases: readonly Case[] = [
	{
		when: "the service has no such credential",
		code: "absent",
		credential: "nothing-here",
		says: [/^The service "service-\d+" in Confidant at http:\S+ has no credential "nothing-here"\./, /Map the credential/],
	},
	{
		when: "there is no such service",
		code: "absent",
		options: { from: "nobody" },
		arrange: permitted,
		says: [/^Confidant at \S+ has no service "nobody"\./],
	},
	{
		when: "the credential is disabled",
		code: "denied",
		credential: "retired",
		async arrange(service) {
			await confidant.putService(service, [await confidant.createCredential("retired", { password: "x" }, { enabled: false })]);
		},
		says: [/^The credential "retired" \([0-9a-f]{32}\) is disabled in Confidant at \S+, so nobody gets it\./],
	},
	{
		when: "the service is disabled",
		code: "denied",
		async arrange(service) {
			await confidant.putService(service, [], { enabled: false });
		},
		says: [/^The service "service-\d+" is disabled in Confidant at \S+, so nobody gets its credentials\./],
	},
	{
		when: "the service is another's",
		code: "denied",
		options: { service: "another" },
		async arrange() {
			await confidant.putService("another", []);
		},
		says: [/^Confidant at \S+ denies the service "another" to "service-\d+" \(status 403: ".+"\)\./, /leave out `service`/],
	},
	{
		when: "the service belongs to an account with a key of its own",
		code: "denied",
		async arrange(service) {
			await confidant.putService(service, [], { account: scopedAccount });
		},
		says: [/denies the service "service-\d+" to "service-\d+" \(status 401: ".+"\)\./, /authKey is alias\/confidant-auth\./],
	},
	{
		when: "two credentials have the name",
		code: "invalid",
		credential: "twin",
		async arrange(service) {
			const both = [await confidant.createCredential("twin", { a: "1" }), await confidant.createBlindCredential("twin", { b: "2" })];
			await confidant.putService(service, both);
		},
		says: [/^The service "service-\d+" has 2 credentials named "twin": /, /[0-9a-f]{32} \(blind\)/, /[0-9a-f]{32}[,.]/, /Write the id/],
	},
	{
		when: "the token is made for another server",
		code: "unidentified",
		options: { to: "confidant-staging" },
		arrange: permitted,
		says: [
			/does not accept the token of "2\/service\/service-\d+", made with alias\/confidant-auth /,
			/the context from=service-\d+, to=confidant-staging, user_type=service \(status 403\)/,
			/Compare with the server's settings: to with AUTH_CONTEXT/,
		],
	},
	{
		when: "the token is made with another key",
		code: "unidentified",
		options: { authKey: "alias/blind" },
		arrange: permitted,
		says: [/does not accept the token of .+, made with alias\/blind /],
	},
	{
		when: "the role may not prove to be the service",
		code: "denied",
		options: { from: "somebody-else" },
		says: [
			/^KMS Encrypt with alias\/confidant-auth, for a token of Confidant's in us-east-1 with the context from=somebody-else, to=confidant-production, user_type=service refuses the role \S+service-\d+ of service account shop\/service-\d+ \(AccessDeniedException: /,
			/Allow the role kms:Encrypt on the key where "kms:EncryptionContext:from": "somebody-else", /,
		],
	},
	{
		when: "there is no such auth key",
		code: "invalid",
		options: { authKey: "alias/nothing" },
		arrange: permitted,
		says: [/^KMS Encrypt with alias\/nothing, .+ says that there is no such key \(NotFoundException/, /Compare authKey/],
	},
	{
		when: "the auth key is disabled",
		code: "denied",
		options: { authKey: "alias/retired" },
		async arrange(_service, role) {
			confidant.aws.permit(role, everything);
			await confidant.aws.setKeyState(await confidant.aws.createKey({ alias: "alias/retired" }), "Disabled");
		},
		says: [/^KMS Encrypt with alias\/retired, .+ says that nobody can use the key \(DisabledException/],
	},
	{
		when: "KMS does not answer usably",
		code: "unreachable",
		async arrange(_service, role) {
			confidant.aws.fail({ service: "kms", role, effect: { kind: "garbage" } });
		},
		says: [/^KMS Encrypt with alias\/confidant-auth/, /gave no usable answer/],
	},
	{
		when: "KMS limits the rate",
		code: "unreachable",
		async arrange(_service, role) {
			confidant.aws.fail({ service: "kms", role, effect: { kind: "error", code: "ThrottlingException" } });
		},
		says: [/^KMS Encrypt with .+ the rate of requests is limited/],
	},
	{
		when: "KMS is out of order",
		code: "unreachable",
		async arrange(_service, role) {
			confidant.aws.fail({ service: "kms", role, effect: { kind: "error", code: "KMSInternalException", status: 500 } });
		},
		says: [/^KMS Encrypt with .+ failed inside KMS/],
	},
	{
		when: "KMS cuts the connection",
		code: "unreachable",
		async arrange(_service, role) {
			confidant.aws.fail({ service: "kms", role, effect: { kind: "reset" } });
		},
		says: [/^KMS Encrypt with .+: 127\.0\.0\.1:\d+ is unreachable: the connection was cut/],
	},
];

for (const one of cases) {
	test(`${one.code}: ${one.when}`, async (t) => {
		const error = await failureOf(one);
		t.is(error.code, one.code, error.text);
		for (const pattern of one.says) t.regex(error.text, pattern);
		t.notRegex(error.text, /hunter2|eyJ|<html|<!DOCTYPE/i);
	});
}

// Werkzeug's own page for a token that the server does not accept; a proxy's page in front of the server is of the same kind.
const page = "<!DOCTYPE HTML PUBLIC>\n<title>403 Forbidden</title>\n<h1>Forbidden</h1>";
const misbehaviours: readonly (readonly [when: string, behaviour: Misbehaviour, code: ErrorCode, says: RegExp])[] = [
	[
		"cannot decrypt",
		{ kind: "status", status: 500, body: '{"error": "Decryption error."}' },
		"unreachable",
		/could not give the service "\S+" \(status 500: "Decryption error\."\)/,
	],
	[
		"is out of order",
		{ kind: "status", status: 503, body: "<h1>503</h1>" },
		"unreachable",
		/could not give the service "\S+" \(status 503\)/,
	],
	[
		"answers with a page of 401",
		{ kind: "status", status: 401, body: page },
		"unidentified",
		/does not accept the token of .+\(status 401\)/,
	],
	[
		"answers with a page of 403",
		{ kind: "status", status: 403, body: page },
		"unidentified",
		/does not accept the token of .+\(status 403\)/,
	],
	[
		"answers with a page of 404",
		{ kind: "status", status: 404, body: page },
		"unreachable",
		/gave no usable answer to the request for the service "\S+" \(status 404\)/,
	],
	[
		"is behind a gateway that has no way to it",
		{ kind: "status", status: 404, body: '{"message": "no Route matched with those values"}' },
		"unreachable",
		/gave no usable answer to the request for the service "\S+" \(status 404\)/,
	],
	[
		"is behind a gateway that forbids",
		{ kind: "status", status: 403, body: '{"timestamp": "now", "status": 403, "error": "Forbidden", "path": "/v1"}' },
		"unreachable",
		/gave no usable answer .+\(status 403\)/,
	],
	[
		"is behind a gateway that wants another login",
		{ kind: "status", status: 401, body: '{"error": "invalid_token"}' },
		"unreachable",
		/gave no usable answer .+\(status 401\)/,
	],
	[
		"answers with a page of 200",
		{ kind: "status", status: 200, body: page },
		"unreachable",
		/gave no usable answer .+\(status 200, and no service\)/,
	],
	[
		"answers for another service",
		{ kind: "status", status: 200, body: '{"id": "other", "enabled": true, "credentials": [], "blind_credentials": []}' },
		"unreachable",
		/status 200, and no service/,
	],
	[
		"redirects",
		{ kind: "redirect", location: "https://elsewhere.example/v1/services/x" },
		"unreachable",
		/redirects to elsewhere\.example, which is not followed/,
	],
	["cuts the connection", { kind: "reset" }, "unreachable", /is unreachable: the connection was cut/],
	["sends half of an answer", { kind: "truncate" }, "unreachable", /is unreachable/],
	["sends without end", { kind: "endless" }, "too-large", /answered with more than 8388608 bytes/],
];

for (const [when, behaviour, code, says] of misbehaviours) {
	test(`${code}: Confidant ${when}`, async (t) => {
		const { role, db } = await addService();
		const own = await startLatencyProxy(t, { target: confidant.address });
		own.misbehave(behaviour);
		const session = await connect(makeInstance(entryAt(confidant, { address: own.address })), { role });
		const error = await readError(session, db);
		t.is(error.code, code, error.text);
		t.regex(error.text, says);
		t.notRegex(error.text, /hunter2|<h1|<!DOCTYPE/i);
		own.misbehave(undefined);
		t.deepEqual(await told(session, db), ['{"password":"hunter2"}'], "the same session goes on");
	});
}

test("denied: the role does not trust the pod", async (t) => {
	const role = addRole(confidant, "trusting");
	const error = await t.throwsAsync(connect(makeInstance(entryAt(confidant)), { role, serviceAccount: "stranger" }), {
		instanceOf: ProviderError,
	});
	t.is(error?.code, "denied");
	t.regex(error?.message ?? "", /^STS in us-east-1 refuses the role \S+trusting of service account shop\/stranger/);
});

test("unreachable: STS is out of order", async (t) => {
	const role = addRole(confidant, "waiting");
	t.teardown(confidant.aws.fail({ service: "sts", role, effect: { kind: "error", code: "ServiceUnavailable", status: 503 } }));
	const error = await t.throwsAsync(connect(makeInstance(entryAt(confidant)), { role }), { instanceOf: ProviderError });
	t.is(error?.code, "unreachable");
	t.regex(error?.message ?? "", /^STS in us-east-1 could not log in/);
});

test("a kept token that the server has ceased to accept is replaced once", async (t) => {
	const { role, db } = await addService();
	const own = await startLatencyProxy(t, { target: confidant.address });
	const session = await connect(makeInstance(entryAt(confidant, { address: own.address })), { role });
	const encryptions = () => confidant.aws.count({ operation: "Encrypt", role });
	await told(session, db);
	t.deepEqual([encryptions(), own.requests.length], [1, 1]);
	own.misbehave({ kind: "status", status: 403, body: page });
	t.is((await readError(session, db)).code, "unidentified");
	t.deepEqual([encryptions(), own.requests.length], [2, 3]);
	t.is((await readError(session, db)).code, "unidentified");
	t.deepEqual([encryptions(), own.requests.length], [3, 4], "a token that was new already was refused");
	own.misbehave(undefined);
	t.deepEqual(await told(session, db), ['{"password":"hunter2"}']);
	t.deepEqual([encryptions(), own.requests.length], [4, 5]);
});
