import { readFileSync } from "node:fs";
import type { ServerOptions } from "node:https";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { issue, makeAuthority } from "../net/certificates.ts";
import { attacks, type GoodAnswer, type HostileRequest, type HostileServer, startHostileServer } from "../support/hostile-server.ts";
import { CallFailure, type MountCallOptions } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider, type TestProvider } from "../support/provider.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const count = 250;
const seed = 8;
/** Violations in a failing test's message: a difference of hundreds takes minutes to show. */
const shown = 12;
/** Mounts under way at once. */
const width = 32;
const value = "correct horse battery staple";
const credentialId = "0123456789abcdef0123456789abcdef";
const appId = "an-application-that-nobody-should-read-of";

/** What a mount of one store takes, and how its server answers when it is not hostile. */
interface Target {
	readonly audience?: string;
	/** Requests of one mount. */
	readonly requests: number;
	readonly tls?: ServerOptions;
	good(request: HostileRequest): GoodAnswer;
	confidences(request: HostileRequest): readonly string[];
	/** An entry under `stores`, for one attack. */
	entry(address: string): object;
	/** What mounts ask for, in turn. */
	readonly objects: readonly object[];
	/** Whether the administrator writes the entries. */
	readonly isAdministered?: boolean;
	/** What the policy says beside. */
	readonly policy?: object;
	readonly call?: MountCallOptions;
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

const conjur: Target = {
	audience: "conjur",
	requests: 2,
	good({ method, path }) {
		if (path.includes("?version=")) return { body: value };
		const claims = JSON.stringify({ sub: "host/shop", iat: 1_700_000_000, exp: 1_700_000_480 });
		if (method === "POST")
			return { body: JSON.stringify({ protected: base64("{}"), payload: base64(claims), signature: base64("s".repeat(256)) }) };
		const ids = decodeURIComponent(path.split("variable_ids=")[1] ?? "").split(",");
		return { headers: { "content-encoding": "base64" }, body: JSON.stringify(Object.fromEntries(ids.map((id) => [id, base64(value)]))) };
	},
	confidences: ({ authorization, body }) => [
		...(/token="(.+)"/.exec(authorization)?.slice(1) ?? []),
		...(/^jwt=(.+)$/.exec(body)?.slice(1) ?? []),
	],
	entry: (address) => ({ type: "conjur", address, account: "shop", service: "kube" }),
	objects: [{ path: "db/password" }, { path: "db/password", version: 3 }],
};

const kubernetes: Target = {
	audience: "https://other.example",
	requests: 1,
	good: () => ({
		body: JSON.stringify({
			kind: "Secret",
			type: "Opaque",
			immutable: false,
			metadata: { name: "db", namespace: "shop", resourceVersion: "7", uid: "1", labels: { team: "shop", tier: "one" } },
			data: { password: base64(value), user: base64("shop") },
		}),
	}),
	confidences: ({ authorization }) => [authorization.replace(/^Bearer /, "")],
	entry: (address) => ({ type: "kubernetes", address, audience: "https://other.example" }),
	objects: [{ secret: "db", key: "password" }, { secret: "db" }],
	policy: { audiences: { kubernetes: ["https://other.example"] } },
};

const confidant: Target = {
	audience: "sts.amazonaws.com",
	requests: 3,
	good({ path }) {
		if (path.startsWith("/sts")) {
			const credentials = `<AccessKeyId>AKIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>`;
			const result = `<AssumeRoleWithWebIdentityResult><Credentials>${credentials}</Credentials></AssumeRoleWithWebIdentityResult>`;
			return {
				body: `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${result}</AssumeRoleWithWebIdentityResponse>`,
			};
		}
		if (path.startsWith("/kms")) {
			const blob = base64("a ciphertext that is a token".repeat(8));
			return { headers: { "content-type": "application/x-amz-json-1.1" }, body: JSON.stringify({ CiphertextBlob: blob, KeyId: "k" }) };
		}
		const common = { id: credentialId, name: "db", enabled: true, revision: 1 };
		const other = { ...common, id: "abcdef0123456789abcdef0123456789" };
		const blind = {
			...other,
			name: "sealed",
			cipher_type: "fernet",
			cipher_version: "2",
			metadata: { context: { "eu-west-1": { from: "shop", to: "shop" } } },
			credential_pairs: { "eu-west-1": "gAAAA" },
			data_key: { "eu-west-1": "AQ==" },
		};
		const credentials = [
			{ ...common, credential_pairs: { password: value } },
			{ ...other, name: "other", enabled: false, credential_pairs: {} },
		];
		return { body: JSON.stringify({ id: "shop", enabled: true, credentials, blind_credentials: [blind] }) };
	},
	confidences({ authorization, body }) {
		const user = authorization.startsWith("Basic ") ? Buffer.from(authorization.slice(6), "base64").toString("latin1") : "";
		const token = new URLSearchParams(body).get("WebIdentityToken");
		return [...(user === "" ? [] : [authorization.slice(6), user.slice(user.indexOf(":") + 1)]), ...(token === null ? [] : [token])];
	},
	entry: (address) => ({
		type: "confidant",
		address,
		region: "eu-west-1",
		authKey: "alias/auth",
		to: "confidant",
		role: "arn:aws:iam::111122223333:role/shop",
		endpoints: { sts: `${address}/sts`, kms: `${address}/kms` },
	}),
	objects: [
		{ credential: "db", key: "password" },
		{ credential: credentialId },
		{ credential: "other" },
		{ credential: "sealed" },
		{ credential: "missing" },
	],
	isAdministered: true,
};

/** A web service that is behind TLS, and a client that proves itself. */
function makeEpv(t: ExecutionContext<unknown>): Target {
	const directory = temporaryDirectory(t);
	const authority = makeAuthority(directory, "authority", "ec");
	const [server, client] = [
		issue(directory, authority, "server", { keyType: "ec" }),
		issue(directory, authority, "client", { keyType: "ec" }),
	];
	const read = (file: string) => readFileSync(file, "utf8");
	return {
		requests: 1,
		tls: { cert: read(server.certificate), key: read(server.key) },
		good: () => ({
			body: JSON.stringify({ Content: value, UserName: "shop", Safe: "DB", CPMStatus: "success", PasswordChangeInProcess: "False" }),
		}),
		confidences: () => [appId],
		entry: (address) => ({ type: "cyberark-epv", address, caFile: authority.certificate, onPasswordChange: "fail" }),
		objects: [
			{ safe: "DB", object: "db" },
			{ safe: "DB", object: "db", key: "UserName" },
		],
		call: { secrets: { appId, clientCertificate: read(client.certificate), clientKey: read(client.key) } },
	};
}

const usual = ["absent", "denied", "invalid", "unidentified", "unreachable", "too-large"];

interface Bench {
	readonly target: Target;
	readonly server: HostileServer;
	readonly provider: TestProvider;
}

async function openBench(
	t: ExecutionContext<unknown>,
	target: Target,
	list: Parameters<typeof startHostileServer>[1]["attacks"],
): Promise<Bench> {
	const server = await startHostileServer(t, { ...target, attacks: list });
	const stores = Object.fromEntries(Array.from({ length: count + 1 }, (_, number) => [`s${number}`, target.entry(server.address(number))]));
	const policy = { endpoints: [server.origin], ...target.policy, ...(target.isAdministered === true ? { stores } : {}) };
	return { target, server, provider: await startTestProvider(t, { providers: "claviger", policy: JSON.stringify(policy) }) };
}

/** One mount below one of the server's addresses. @returns the refusal; undefined where there is none */
async function mountAt({ target, server, provider }: Bench, number: number): Promise<CallFailure | undefined> {
	const name = `s${number}`;
	const stores = target.isAdministered === true ? [name] : { [name]: target.entry(server.address(number)) };
	const parameters = {
		stores: JSON.stringify(stores),
		objects: JSON.stringify([{ name: "db", ...target.objects[number % target.objects.length] }]),
		files: JSON.stringify([{ path: "db", from: "db" }]),
	};
	const tokens = target.audience === undefined ? { tokens: {} } : { audience: target.audience };
	try {
		const pod = makePod({ serviceAccount: `web-${number}` });
		await provider.mount("claviger", pod, parameters, { ...tokens, ...target.call });
		return undefined;
	} catch (error) {
		if (error instanceof CallFailure) return error;
		throw error;
	}
}

for (const [type, make] of [
	["conjur", () => conjur],
	["kubernetes", () => kubernetes],
	["confidant", () => confidant],
	["cyberark-epv", makeEpv],
] as const) {
	test(`${type}: ${count} hostile answers each end a mount clearly and in time, and nothing that was sent comes back in a text`, async (t) => {
		t.timeout(180_000, "The mounts do not all end.");
		const target = make(t);
		const list = fc.sample(attacks(target.requests), { numRuns: count, seed });
		const bench = await openBench(t, target, list);
		t.is(await mountAt(bench, count), undefined, "a good server's answers are taken");
		const { confidences } = bench.server;
		const codes = new Map<string, number>();
		const violations: string[] = [];
		const waiting = [...list.keys()];
		const work = async () => {
			for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
				const refusal = await mountAt(bench, number);
				const code = refusal === undefined ? "mounted" : (refusal.errorCode ?? refusal.code);
				codes.set(code, (codes.get(code) ?? 0) + 1);
				if (refusal === undefined) continue;
				const said = `${JSON.stringify(list[number])}: ${code} ${refusal.details}`;
				if (!usual.includes(code)) violations.push(`not a usual end: ${said}`);
				if (confidences.isIn(refusal.details)) violations.push(`repeats what was sent: ${said}`);
				if (refusal.details.includes(value)) violations.push(`tells the value: ${said}`);
				if (/\p{Cc}/u.test(refusal.details.replaceAll("\n", ""))) violations.push(`has control characters: ${said}`);
			}
		};
		await Promise.all(Array.from({ length: width }, work));
		t.log(Object.fromEntries(codes));
		const { logs } = bench.provider;
		const records = JSON.stringify(bench.provider.audited());
		const defects = logs.filter((line) => line.includes('"level":"error"'));
		t.is(violations.length, 0, violations.slice(0, shown).join("\n"));
		t.is(defects.length, 0, defects.slice(0, shown).join("\n"));
		t.false(confidences.isIn(logs.join("\n")), "no log repeats what was sent");
		t.false(confidences.isIn(records), "no audit record does");
		t.is(await mountAt(bench, count), undefined, "the provider goes on");
	});
}
