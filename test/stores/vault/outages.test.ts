import { inspect } from "node:util";
import test, { type ExecutionContext } from "ava";
import { ProviderError } from "../../../provider/errors.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import type { Session } from "../../../provider/stores/store.ts";
import { showableTexts } from "../../../provider/stores/vault/envelope.ts";
import { module } from "../../../provider/stores/vault/index.ts";
import type { VaultInstance } from "../../../provider/stores/vault/instance.ts";
import { type LatencyProxy, type Misbehaviour, startLatencyProxy } from "../../servers/latency-proxy.ts";
import { enableJwt, enableKv, startVault, type VaultServer, writeJwtRole, writePolicy } from "../../servers/vault/vault.ts";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer, type TokenIssuer } from "../../support/token-issuer.ts";
import { fieldsOf, Harness, makeDialect, makeRequest } from "./harness.ts";

const pod = makePod({ namespace: "shop", serviceAccount: "web" });
const secretValue = "marked-secret-value-4711";
let vault: VaultServer;
let issuer: TokenIssuer;

test.before(async () => {
	// None of these may have any effect, wherever they come from.
	Object.assign(process.env, {
		DEBUG: "node-vault",
		VAULT_TOKEN: "root",
		VAULT_ADDR: "http://127.0.0.1:1",
		VAULT_NAMESPACE: "elsewhere",
		VAULT_PREFIX: "/prefix",
		VAULT_SKIP_VERIFY: "true",
	});
	[vault, issuer] = await Promise.all([startVault(undefined), createTokenIssuer()]);
	await enableKv(vault, "secret", 2);
	await enableJwt(vault, issuer);
	await writePolicy(vault, "app", { "secret/data/app": ["read"], "secret/data/sys/health": ["read"] });
	await writeJwtRole(vault, { name: "app", policies: ["app"] });
	await vault.api("POST", "secret/data/app", { data: { password: secretValue } });
});
test.after.always(() => vault?.stop());

interface Bench {
	readonly proxy: LatencyProxy;
	readonly instance: VaultInstance;
	readonly token: string;
	readonly harness: Harness;
	connect(role?: string, signal?: AbortSignal): Promise<Session>;
	read(session: Session, signal?: AbortSignal, path?: string): ReturnType<Session["read"]>;
}

async function openBench(t: ExecutionContext, fields = ""): Promise<Bench> {
	const proxy = await startLatencyProxy(t, { target: vault.address });
	const instance = module.store.instance("main", fieldsOf(`{address: ${proxy.address}, authMount: jwt${fields}}`)) as VaultInstance;
	const token = await issuer.token(pod);
	const harness = new Harness();
	return {
		proxy,
		instance,
		token,
		harness,
		connect: (role = "app", signal = AbortSignal.timeout(30_000)) => harness.connect(instance, pod, role, token, signal),
		read(session, signal = AbortSignal.timeout(30_000), path = "secret/data/app") {
			return session.read([module.store.ref(fieldsOf(`{path: ${path}}`), instance, makeRequest({}))], signal);
		},
	};
}

/** The error, after a look into every corner of it for what must not be there. */
async function failure(t: ExecutionContext, bench: Bench, promise: Promise<unknown>): Promise<ProviderError> {
	const error = await t.throwsAsync(promise, { instanceOf: ProviderError });
	if (error === undefined) throw new Error("no failure");
	assertDiscreet(t, bench, error);
	return error;
}

function assertDiscreet(t: ExecutionContext, bench: Bench, error: ProviderError): void {
	const everything = `${inspect(error, { showHidden: true, depth: 20 })}${JSON.stringify(error)}${error.text}${error.legacyText}`;
	for (const marked of [bench.token, bench.token.split(".")[2] ?? "", secretValue, "hvs."])
		t.false(everything.includes(marked), marked.slice(0, 12));
}

test("nothing of node-vault's environment has an effect: the pod logs in, or gets nothing", async (t) => {
	const bench = await openBench(t);
	const [outcome] = await bench.read(await bench.connect());
	t.is(outcome?.kind, "found");
	t.deepEqual(bench.proxy.requests, ["/v1/auth/jwt/login", "/v1/secret/data/app"]);
	t.is((await failure(t, bench, bench.connect("nobody"))).code, "denied");
});

interface Case {
	readonly title: string;
	readonly behaviour: Misbehaviour;
	readonly code: ProviderError["code"];
	readonly message: RegExp;
	/** How often the server is asked. */
	readonly requests: number;
	/** The server asks for more patience than there is, and is left alone for a time. */
	readonly isLeftAlone?: boolean;
}

const envelope = (members: object) => JSON.stringify({ request_id: "1", lease_id: "", warnings: null, ...members });
const status = (code: number, body = '{"errors":["Vault is sealed"]}', headers = {}): Misbehaviour => ({
	kind: "status",
	status: code,
	body,
	headers,
});

const readCases: readonly Case[] = [
	{
		title: "a sealed Vault",
		behaviour: status(503),
		code: "unreachable",
		message: /could not serve .*\(status 503, "Vault is sealed"\)/,
		requests: 3,
	},
	{ title: "500", behaviour: status(500, "<html>"), code: "unreachable", message: /\(status 500\)/, requests: 3 },
	{ title: "501", behaviour: status(501), code: "unreachable", message: /\(status 501/, requests: 1 },
	{ title: "412", behaviour: status(412, '{"errors":[]}'), code: "unreachable", message: /\(status 412\)/, requests: 3 },
	{ title: "429", behaviour: status(429, "", { "retry-after": "0" }), code: "unreachable", message: /limits the rate/, requests: 3 },
	{
		title: "429 with a long wait",
		behaviour: status(429, "", { "retry-after": "60" }),
		code: "unreachable",
		message: /limits the rate/,
		requests: 1,
		isLeftAlone: true,
	},
	{
		title: "400",
		behaviour: status(400, '{"errors":["unknown role: x"]}'),
		code: "invalid",
		message: /does not understand .*unknown role: x/,
		requests: 1,
	},
	{
		title: "405",
		behaviour: status(405, '{"errors":["unsupported operation"]}'),
		code: "invalid",
		message: /unsupported operation/,
		requests: 1,
	},
	{ title: "a cut connection", behaviour: { kind: "reset" }, code: "unreachable", message: /connection was cut/, requests: 3 },
	{ title: "half an answer", behaviour: { kind: "truncate" }, code: "unreachable", message: /connection was cut/, requests: 3 },
	{ title: "a body without an end", behaviour: { kind: "endless" }, code: "too-large", message: /more than 8388608 bytes/, requests: 1 },
	{ title: "200 with HTML", behaviour: status(200, "<html>"), code: "unreachable", message: /no usable answer/, requests: 1 },
	{ title: "200 with nothing", behaviour: status(200, ""), code: "unreachable", message: /no usable answer/, requests: 1 },
	{ title: "a proxy's page 404", behaviour: status(404, "<html>"), code: "unreachable", message: /no usable answer/, requests: 1 },
	{
		title: "a proxy's page 403",
		behaviour: status(403, '{"message":"no"}'),
		code: "unreachable",
		message: /no usable answer/,
		requests: 1,
	},
	{ title: "200 with {}", behaviour: status(200, "{}"), code: "unreachable", message: /no usable answer/, requests: 1 },
	{
		title: "200 with half of JSON",
		behaviour: status(200, '{"data":{"password":"marked-secret-value-4711"'),
		code: "unreachable",
		message: /no usable answer/,
		requests: 1,
	},
	{
		title: "a redirect",
		behaviour: { kind: "redirect", location: "https://standby.example:8200/v1/x" },
		code: "unreachable",
		message: /redirects to standby\.example:8200/,
		requests: 1,
	},
];

for (const { title, behaviour, code, message, requests, isLeftAlone } of readCases) {
	test(`a read that meets ${title} is ${code}, never absent`, async (t) => {
		const bench = await openBench(t);
		const session = await bench.connect();
		bench.proxy.misbehave(behaviour);
		const error = await failure(t, bench, bench.read(session));
		t.is(error.code, code, error.message);
		t.regex(error.message, message);
		t.is(bench.proxy.counts.get("/v1/secret/data/app"), requests);
		if (code === "unreachable") t.is(error.stage, "read");
		bench.proxy.misbehave(undefined);
		if (isLeftAlone === true) t.regex((await failure(t, bench, bench.read(session))).message, /left alone for another \d+ s/);
		else t.is((await bench.read(session))[0]?.kind, "found", "the session goes on when the store does");
	});
}

const loginCases: readonly Omit<Case, "requests">[] = [
	{ title: "a sealed Vault", behaviour: status(503), code: "unreachable", message: /could not serve the login .*Vault is sealed/ },
	{
		title: "403",
		behaviour: status(403, '{"errors":["service account name not authorized"]}'),
		code: "denied",
		message: /service account name not authorized/,
	},
	{ title: "404", behaviour: status(404, '{"errors":["no handler for route"]}'), code: "denied", message: /no handler for route/ },
	{ title: "200 without a token", behaviour: status(200, envelope({ auth: null })), code: "unreachable", message: /holds no token/ },
	{ title: "204", behaviour: status(204, ""), code: "unreachable", message: /no usable answer to the login .*status 204/ },
	{ title: "a cut connection", behaviour: { kind: "reset" }, code: "unreachable", message: /connection was cut/ },
];

for (const { title, behaviour, code, message } of loginCases) {
	test(`a login that meets ${title} is ${code}`, async (t) => {
		const bench = await openBench(t);
		bench.proxy.misbehave(behaviour);
		const error = await failure(t, bench, bench.connect());
		t.is(error.code, code, error.message);
		t.regex(error.message, message);
		t.is(error.stage, "login");
	});
}

test("answers that carry no secret are absent, and a wrapped one is not taken for a secret", async (t) => {
	const bench = await openBench(t);
	const session = await bench.connect();
	for (const behaviour of [
		status(204, ""),
		status(202, ""),
		status(200, envelope({ data: null, warnings: null, wrap_info: { token: "hvs.wrapped-token-000000000" } })),
	]) {
		bench.proxy.misbehave(behaviour);
		const [outcome] = await bench.read(session);
		t.is(outcome?.kind === "absent" ? outcome.error.legacyText : "", 'empty response from "secret/data/app", warnings: []');
	}
});

test("a server that echoes tokens has them cut out of its error texts, which are short and of one kind", async (t) => {
	const bench = await openBench(t);
	const echo = [
		`token ${bench.token} is bad`,
		"hvs.CAESIJ0123456789abcdefghijklmnop leaked",
		"s.0123456789abcdefghijklmn",
		"esc\u001b[31m\u0000",
		"x".repeat(5000),
	];
	bench.proxy.misbehave(status(403, JSON.stringify({ errors: echo })));
	const error = await failure(t, bench, bench.connect());
	t.regex(error.legacyText ?? "", /\* token \[redacted\] is bad\n\* \[redacted\] leaked\n\* \[redacted\]\n/);
	t.false(/(?![\n\t])\p{Cc}/u.test(error.text));
	t.true((error.legacyText ?? "").length < 1500);
});

test("a path that ends in sys/health gets no special treatment", async (t) => {
	const bench = await openBench(t);
	const session = await bench.connect();
	t.is((await bench.read(session, undefined, "secret/data/sys/health"))[0]?.kind, "absent");
});

test("a cancelled read and a cancelled login end at once, with the caller's reason", async (t) => {
	const bench = await openBench(t);
	const session = await bench.connect();
	bench.proxy.misbehave({ kind: "hang" });
	const reason = new ProviderError("stopped", "The driver cancelled the call.");
	for (const start of [(signal: AbortSignal) => bench.read(session, signal), (signal: AbortSignal) => bench.connect("app", signal)]) {
		const caller = new AbortController();
		const failed = failure(t, bench, start(caller.signal));
		while (bench.proxy.openRequests() === 0) await new Promise((resolve) => setTimeout(resolve, 2));
		const before = Date.now();
		caller.abort(reason);
		t.is(await failed, reason);
		t.true(Date.now() - before < 1000);
		while (bench.proxy.openRequests() > 0) await new Promise((resolve) => setTimeout(resolve, 2));
	}
});

test("the address guard is asked before the login leaves", async (t) => {
	const bench = await openBench(t);
	const identityless = new Harness();
	const error = await failure(
		t,
		bench,
		identityless.connect(bench.instance, pod, "app", bench.token, AbortSignal.timeout(9000), () => false),
	);
	t.is(error.code, "refused");
	t.deepEqual(bench.proxy.requests, []);
});

test("two identities at once keep their own tokens", async (t) => {
	const bench = await openBench(t);
	await writeJwtRole(vault, { name: "powerless", policies: [] });
	const [rich, poor] = await Promise.all([bench.connect("app"), bench.connect("powerless")]);
	const kinds = await Promise.all(
		Array.from({ length: 40 }, async (_, index) => (await bench.read(index % 2 === 0 ? rich : poor))[0]?.kind),
	);
	t.deepEqual(
		kinds,
		Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? "found" : "denied")),
	);
});

test("refs are read side by side: ten objects take one login and then one round trip", async (t) => {
	const bench = await openBench(t);
	bench.proxy.delayMilliseconds = 200;
	const plan = makeDialect("vault").plan(
		makeRequest({
			roleName: "app",
			vaultAddress: bench.proxy.address,
			vaultAuthMountPath: "jwt",
			objects: Array.from(
				{ length: 10 },
				(_, index) => `- {objectName: o${index}, secretPath: secret/data/app, secretArgs: {i: ${index}}}`,
			).join("\n"),
		}),
	);
	const session = await bench.connect();
	const outcomes = await session.read(
		plan.objects.map((object) => object.ref),
		AbortSignal.timeout(30_000),
	);
	t.true(outcomes.every((outcome) => outcome.kind === "found"));
	t.is(bench.proxy.peakOpenRequests, 10);
	t.is(bench.proxy.requests.length, 11);
});

test("digits that no JavaScript number holds reach the file as the server sent them", async (t) => {
	const bench = await openBench(t);
	const session = await bench.connect();
	bench.proxy.misbehave(
		status(
			200,
			'{"request_id":"1","data":{"data":{"n":12345678901234567890,"f":1.0,"e":1E5,"z":-0},"metadata":{"version":1}},"warnings":null}',
		),
	);
	const [outcome] = await bench.read(session);
	t.is(outcome?.kind === "found" ? outcome.value.reveal().toString() : "", '{"n":12345678901234567890,"f":1.0,"e":1E5,"z":-0}');
	const plan = makeDialect("vault").plan(
		makeRequest({
			roleName: "app",
			vaultAddress: bench.proxy.address,
			vaultAuthMountPath: "jwt",
			objects: "- {objectName: n, secretPath: secret/data/app, secretKey: n}\n- {objectName: f, secretPath: secret/data/app, secretKey: f}",
		}),
	);
	const [whole] = await session.read(
		[plan.objects[0]?.ref].flatMap((ref) => ref ?? []),
		AbortSignal.timeout(9000),
	);
	if (whole?.kind !== "found") return t.fail("nothing found");
	const values = new Map(plan.objects.map((object) => [object.name, whole]));
	t.deepEqual(
		plan.files.flatMap((file) => file.produce(values)).map((file) => file.contents.toString()),
		["12345678901234567890", "1.0"],
	);
	t.false(inspect(whole, { showHidden: true, depth: 9 }).includes("12345678901234567890"), "a value does not print itself");
});

test("a confidential text of any form is cut out of what the server says", (t) => {
	const said = showableTexts(["opaque-0123 is bad, opaque-0123!", "fine"], [new Secret("opaque-0123"), new Secret("")]);
	t.deepEqual(said, ["[redacted] is bad, [redacted]!", "fine"]);
});

test("an address may have a path, below which the API lies", async (t) => {
	const bench = await openBench(t);
	const instance = module.store.instance("main", fieldsOf(`{address: ${bench.proxy.address}/behind/a, authMount: jwt}`));
	bench.proxy.misbehave(status(403, '{"errors":["no"]}'));
	const error = await failure(t, bench, bench.harness.connect(instance, pod, "app", bench.token));
	t.deepEqual(bench.proxy.requests, ["/behind/a/v1/auth/jwt/login"]);
	t.regex(error.legacyText ?? "", /URL: POST http:\/\/127\.0\.0\.1:\d+\/behind\/a\/v1\/auth\/jwt\/login\n/);
});
