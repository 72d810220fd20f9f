import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import test from "ava";
import { Connections, type Server } from "../../../provider/aws/connections.ts";
import { sessionName } from "../../../provider/aws/web-identity.ts";
import { ProviderError } from "../../../provider/errors.ts";
import { startAws } from "../../servers/aws/aws.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider } from "../../support/provider.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { connect, instanceAt, issuer, kept, loginError, makeAccount, read, told } from "./harness.ts";

/** Every way to a service: a batch of secrets, one version of a secret, parameters, and KMS. */
const entries = (owner: string, ciphertext: string, key: string) => [
	`{path: ${owner}/one}`,
	`{path: ${owner}/two}`,
	`{path: ${owner}/staged, stage: AWSCURRENT}`,
	`{path: ${owner}/previous, stage: AWSPREVIOUS}`,
	`{path: /${owner}/parameter, service: ssm}`,
	`{name: sealed, service: kms, keyId: "${key}", ciphertext: ${ciphertext}, bind: serviceAccount}`,
];

for (const identity of ["web", "pod"] as const) {
	test(`${identity}: two identities at once are signed by their own keys on every path`, async (t) => {
		const aws = await startAws(t);
		const key = await aws.createKey();
		const instance = instanceAt(aws, { identity });
		const context = { once: kept() };
		const owners = ["one", "two"].map((name) => ({ name, ...makeAccount(aws, name) }));
		const sealed = new Map<string, string>();
		for (const { name } of owners) {
			for (const secret of ["one", "two", "staged", "previous"]) await aws.putSecret(`${name}/${secret}`, `${secret} of ${name}`);
			await aws.putSecret(`${name}/previous`, "newer");
			await aws.putParameter(`/${name}/parameter`, `parameter of ${name}`);
			const pairs = { "csi:v": "1", "csi:ns": "shop", "csi:sa": name, "csi:object": "sealed" };
			const plain = Buffer.from(`sealed for ${name}`).toString("base64");
			const { CiphertextBlob } = await aws.admin("kms", "Encrypt", { KeyId: key, Plaintext: plain, EncryptionContext: pairs });
			sealed.set(name, String(CiphertextBlob));
		}
		aws.forgetCalls();
		const answers = await Promise.all(
			owners.map(async ({ name, pod, role }) => {
				const session = await connect(instance, { pod, context, ...(identity === "web" ? { role } : {}) });
				return read(session, instance, ...entries(name, sealed.get(name) ?? "", key));
			}),
		);
		for (const [index, { name, role }] of owners.entries()) {
			t.deepEqual(answers[index]?.map(told), [
				`one of ${name}`,
				`two of ${name}`,
				`staged of ${name}`,
				`previous of ${name}`,
				`parameter of ${name}`,
				`sealed for ${name}`,
			]);
			// The gate verifies each signature, and tells by the key whose it is.
			const calls = aws.calls({ role }).filter(({ accessKeyId }) => accessKeyId !== "");
			const operations = new Set(calls.map(({ operation }) => operation));
			t.deepEqual([...operations].sort(), ["BatchGetSecretValue", "Decrypt", "GetParameters", "GetSecretValue"]);
			t.is(new Set(calls.map(({ accessKeyId }) => accessKeyId)).size, 1, "one key");
			for (const { names, operation } of calls) {
				if (operation !== "Decrypt")
					t.true(
						names.every((asked) => asked.replace(/^\//, "").startsWith(`${name}/`)),
						names.join(),
					);
			}
		}
		t.is(new Set(aws.calls().flatMap(({ accessKeyId }) => accessKeyId || [])).size, 2);
	});
}

test("nothing of the process is used: no credentials, profile, endpoint or region of its environment", async (t) => {
	const aws = await startAws(t);
	let asked = 0;
	const stranger = createServer((_, answer) => {
		asked += 1;
		answer.end();
	});
	await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
	t.teardown(() => stranger.close());
	const { port } = stranger.address() as { port: number };
	const elsewhere = `http://127.0.0.1:${port}`;
	const config = join(temporaryDirectory(t), "config");
	writeFileSync(
		config,
		`[default]\nregion = eu-west-1\naws_access_key_id = AKIAFILE\naws_secret_access_key = file\nendpoint_url = ${elsewhere}\nretry_mode = adaptive\n`,
	);
	const environment = {
		AWS_ACCESS_KEY_ID: "AKIAENVIRONMENT",
		AWS_SECRET_ACCESS_KEY: "environment",
		AWS_SESSION_TOKEN: "environment",
		AWS_CONFIG_FILE: config,
		AWS_SHARED_CREDENTIALS_FILE: config,
		AWS_ENDPOINT_URL: elsewhere,
		AWS_ENDPOINT_URL_STS: elsewhere,
		AWS_CONTAINER_CREDENTIALS_FULL_URI: `${elsewhere}/credentials`,
		AWS_EC2_METADATA_SERVICE_ENDPOINT: elsewhere,
		AWS_MAX_ATTEMPTS: "7",
	};
	const before = { ...process.env };
	Object.assign(process.env, environment);
	t.teardown(() => {
		for (const name of Object.keys(environment)) delete process.env[name];
		Object.assign(process.env, before);
	});
	const { pod, role } = makeAccount(aws, "web");
	await aws.putSecret("app", "hunter2");
	const instance = instanceAt(aws);
	const session = await connect(instance, { pod, role });
	t.deepEqual((await read(session, instance, "{path: app}")).map(told), ["hunter2"]);
	t.false(aws.calls().some(({ accessKeyId }) => accessKeyId.startsWith("AKIA")));
	t.deepEqual(
		new Set(
			aws
				.calls()
				.map(({ region }) => region)
				.filter((region) => region !== ""),
		),
		new Set(["us-east-1"]),
	);
	// Without the pod's token there is no identity, whatever the process could be.
	const provider = await startTestProvider(t, { issuer, policy: policyAt(aws.endpoints, role) });
	const objects = "[{name: app, store: main, path: app}]";
	await t.throwsAsync(provider.mount("claviger", pod, { objects }, { tokens: {} }), { message: /No token for audience/ });
	t.is(asked, 0);
});

test("credentials are got once, used until shortly before their end, and never for another identity", async (t) => {
	const aws = await startAws(t);
	const [one, two] = [makeAccount(aws, "one"), makeAccount(aws, "two")];
	await aws.putSecret("app", "hunter2");
	aws.settings.sessionSeconds = 900;
	const instance = instanceAt(aws);
	const session = await connect(instance, { pod: one.pod, role: one.role });
	const lifetime = (session.expiresAt?.getTime() ?? 0) - Date.now();
	t.true(lifetime > 880_000 && lifetime <= 900_000, String(lifetime));
	await read(session, instance, "{path: app}");
	await read(session, instance, "{path: app}");
	t.is(aws.count({ operation: "AssumeRoleWithWebIdentity" }), 1);
	const refused = await loginError(instance, { pod: two.pod, role: one.role });
	t.is(refused.code, "denied");
	t.true(refused.text.includes(`"${issuer.issuer.slice(8)}:sub": "system:serviceaccount:shop:two"`), refused.text);
	t.true(refused.text.includes(`"${issuer.issuer.slice(8)}:aud": "sts.amazonaws.com"`), refused.text);
});

test("a session whose credentials AWS no longer takes has ended, and says nothing about the secret", async (t) => {
	const aws = await startAws(t);
	const { pod, role } = makeAccount(aws, "web");
	await aws.putSecret("app", "hunter2");
	const instance = instanceAt(aws);
	const session = await connect(instance, { pod, role });
	aws.endSessions(role);
	t.deepEqual((await read(session, instance, "{path: app}")).map(told), ["unreachable"]);
	t.true((session.expiresAt?.getTime() ?? 1) < Date.now());
	t.deepEqual((await read(await connect(instance, { pod, role }), instance, "{path: app}")).map(told), ["hunter2"]);
});

test("the agent is asked at the address that the class prefers, and by IPv6 where nobody answers on IPv4", async (t) => {
	const aws = await startAws(t);
	const { pod } = makeAccount(aws, "web");
	const { agent, ...endpoints } = aws.endpoints;
	for (const [agentAddressType, expected] of [
		["auto", ["http://169.254.170.23", "http://[fd00:ec2::23]"]],
		["ipv4", ["http://169.254.170.23"]],
		["ipv6", ["http://[fd00:ec2::23]"]],
	] as const) {
		const asked: string[] = [];
		// The real addresses do not exist here: the second one's requests go to the stand-in.
		const connections = new Connections();
		const server = (url: string): Server => {
			asked.push(url);
			const real = connections.server(agent);
			return url.includes("169.254") ? { ...real, request: () => Promise.reject(new ProviderError("unreachable", "Nobody there.")) } : real;
		};
		const once = <T>() => ({ server }) as T;
		const login = connect(instanceAt(aws, { identity: "pod", agentAddressType, endpoints }), { pod, context: { once } });
		if (agentAddressType === "ipv4") t.is((await t.throwsAsync(login, { instanceOf: ProviderError }))?.code, "unreachable");
		else t.truthy((await login).expiresAt);
		t.deepEqual(asked, expected);
	}
});

test("no proxy hears what is said to the agent", async (t) => {
	const aws = await startAws(t);
	const { pod } = makeAccount(aws, "web");
	let asked = 0;
	const proxy = createServer((_, answer) => {
		asked += 1;
		answer.end();
	});
	await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
	t.teardown(() => proxy.close());
	const { port } = proxy.address() as { port: number };
	const before = process.env["HTTP_PROXY"];
	process.env["HTTP_PROXY"] = `http://127.0.0.1:${port}`;
	t.teardown(() => {
		if (before === undefined) delete process.env["HTTP_PROXY"];
		else process.env["HTTP_PROXY"] = before;
	});
	// This machine in a form that is not told for it, so that a proxy would be asked.
	const agent = aws.endpoints.agent.replace("127.0.0.1", "[::ffff:127.0.0.1]");
	const instance = instanceAt(aws, { identity: "pod", endpoints: { ...aws.endpoints, agent } });
	t.truthy((await connect(instance, { pod })).expiresAt);
	t.is(asked, 0);
});

test("no name of a service leads to the agent, though policy opens its address to the store", async (t) => {
	const aws = await startAws(t);
	const { pod } = makeAccount(aws, "web");
	const asked: string[] = [];
	const allowsAddress = (address: string) => {
		asked.push(address);
		return true;
	};
	const endpoints = { ...aws.endpoints, secretsmanager: "http://169.254.170.23" };
	const instance = instanceAt(aws, { identity: "pod", endpoints });
	const session = await connect(instance, { pod, context: { allowsAddress } });
	const [answer] = await read(session, instance, "{path: app}");
	t.is(told(answer), "refused");
	t.false(asked.includes("169.254.170.23"));
});

test("a session's name tells namespace and service account within what STS allows", (t) => {
	t.is(sessionName({ namespace: "shop", serviceAccount: "web" }), "shop@web");
	const long = sessionName({ namespace: "n".repeat(63), serviceAccount: "s".repeat(253) });
	t.is(long.length, 64);
	t.not(long, sessionName({ namespace: "n".repeat(63), serviceAccount: `${"s".repeat(252)}t` }));
	t.regex(sessionName({ namespace: "a", serviceAccount: "b.c" }), /^[\w+=,.@-]{2,64}$/);
});

test("the role may stand in the service account's annotation only where the class and the administrator name none", async (t) => {
	const aws = await startAws(t);
	makeAccount(aws, "web");
	const provider = await startTestProvider(t, { issuer, policy: policyAt(aws.endpoints, "") });
	const error = await t.throwsAsync(
		provider.mount(
			"claviger",
			makePod({ serviceAccount: "web" }),
			{ objects: "[{name: app, store: main, path: app}]" },
			{ audience: "sts.amazonaws.com" },
		),
	);
	t.true(error?.message.includes("no API server is known"), error?.message);
});

function policyAt(endpoints: object, role: string): string {
	return `stores: {main: {type: aws, region: us-east-1, role: "${role}", endpoints: ${JSON.stringify(endpoints)}}}`;
}
