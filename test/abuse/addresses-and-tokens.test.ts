import test, { type ExecutionContext } from "ava";
import type { AuditRecord } from "../../provider/audit/record.ts";
import { startLatencyProxy } from "../servers/latency-proxy.ts";
import { CallFailure } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider, type TestMountOptions, type TestProvider } from "../support/provider.ts";
import { type RecordingServer, startRecordingServer } from "../support/recording-server.ts";

const pod = makePod();

interface Bench {
	readonly provider: TestProvider;
	readonly allowed: RecordingServer;
	readonly evil: RecordingServer;
}

/** A provider that may ask one server, and another server that should never hear of it. */
async function setUp(t: ExecutionContext<unknown>, policy = ""): Promise<Bench> {
	const [allowed, evil] = [await startRecordingServer(t), await startRecordingServer(t)];
	const provider = await startTestProvider(t, { policy: `endpoints: ["${allowed.address}"]\n${policy}` });
	return { provider, allowed, evil };
}

/** The two ways to write an address into a SecretProviderClass. */
const dialects = {
	vault: (address: string, more: Readonly<Record<string, string>> = {}) => ({
		vaultAddress: address,
		roleName: "shop",
		objects: "- {objectName: f, secretPath: secret/data/app, secretKey: k}",
		...more,
	}),
	claviger: (address: string, more: Readonly<Record<string, string>> = {}) => ({
		stores: JSON.stringify({ main: { type: "vault", address, role: "shop", ...more } }),
		objects: "- {name: f, path: secret/data/app, key: k}",
	}),
} as const;

async function refused(
	t: ExecutionContext<unknown>,
	bench: Bench,
	dialect: keyof typeof dialects,
	parameters: Readonly<Record<string, string>>,
	options: TestMountOptions = {},
) {
	const token = await bench.provider.issuer.token(pod);
	const error = await t.throwsAsync(bench.provider.mount(dialect, pod, parameters, { tokens: { vault: token }, ...options }), {
		instanceOf: CallFailure,
	});
	t.false(error?.details.includes(token.slice(-40)), "no token in the error");
	for (const line of bench.provider.logs) t.false(line.includes(token.slice(-40)), "no token in the log");
	return error;
}

function lastRecord(provider: TestProvider): AuditRecord {
	const record = provider.audited().at(-1);
	if (record === undefined) throw new Error("nothing was recorded");
	return record;
}

for (const dialect of ["vault", "claviger"] as const) {
	test(`A1 ${dialect}: an address that no administrator listed hears nothing, and the denial is recorded`, async (t) => {
		const bench = await setUp(t);
		const error = await refused(t, bench, dialect, dialects[dialect](bench.evil.address));
		t.is(error?.errorCode, "refused", error?.details);
		t.true(
			error?.details.includes(new URL(bench.evil.address).host) && /vaultAddress|stores\.main\.address/.test(error.details),
			error?.details,
		);
		t.is(bench.evil.connections(), 0);
		const record = lastRecord(bench.provider);
		t.is(record.decision, "deny");
		t.is(record.podUid, pod.uid);
		t.is(record.code, "refused");
	});

	for (const [row, address] of [
		["A2", "http://169.254.169.254"],
		["A2", "http://[fd00:ec2::254]"],
		["A2", "http://[::ffff:169.254.169.254]"],
		["A2", "http://localhost:1"],
		["A2", "http://0.0.0.0:1"],
		["A4", "http://allowed@evil.example/"],
		["A4", "https://evil.example#@allowed.example"],
		["A4", "https://allowed.example.:8200"],
		["A5", "file:///etc/passwd"],
		["A5", "unix:///run/containerd/containerd.sock"],
		["A5", "gopher://evil.example"],
		["A5", "data:text/plain,x"],
		["A5", "http://vault.example:8200"],
		["A8", "https://evil.example\u0000.allowed.example"],
		["A8", `https://${"a".repeat(3000)}.example`],
		["A8", ".."],
	] as const) {
		test(`${row} ${dialect}: the address ${JSON.stringify(address.slice(0, 60))} is refused by name, without a call`, async (t) => {
			const bench = await setUp(t);
			const error = await refused(t, bench, dialect, dialects[dialect](address));
			t.true(error?.errorCode === "refused" || error?.errorCode === "invalid", error?.details);
			t.regex(error?.details ?? "", /vaultAddress|stores\.main\.address/);
			t.is(bench.allowed.connections() + bench.evil.connections(), 0);
		});
	}

	test(`A6 ${dialect}: a class cannot switch off the verification of certificates`, async (t) => {
		const bench = await setUp(t, "");
		const off = dialect === "vault" ? { vaultSkipTLSVerify: "true" } : { skipTlsVerify: "true" };
		const provider = await startTestProvider(t, { policy: "endpoints: ['https://127.0.0.1:1']" });
		const error = await refused(t, { ...bench, provider }, dialect, dialects[dialect]("https://127.0.0.1:1", off));
		t.is(error?.errorCode, "refused", error?.details);
		t.true(error?.details.includes("certificate"), error?.details);
		const verified = await refused(t, { ...bench, provider }, dialect, dialects[dialect]("https://127.0.0.1:1"));
		t.is(verified?.errorCode, "unreachable", "without the switch the server is asked");
	});

	for (const audience of ["sts.amazonaws.com", "conjur", "api://AzureADTokenExchange"]) {
		test(`A7 ${dialect}: a Vault never receives the token for ${audience}`, async (t) => {
			const bench = await setUp(t, "audiences: {vault: [mine]}");
			const tokens = Object.fromEntries(
				await Promise.all(
					[audience, "vault"].map(async (name) => [name, await bench.provider.issuer.token(pod, { audience: name })] as const),
				),
			);
			const error = await refused(t, bench, dialect, dialects[dialect](bench.allowed.address, { audience }), { tokens });
			t.is(error?.errorCode, "refused", error?.details);
			t.is(bench.allowed.connections(), 0);
			await refused(t, bench, dialect, dialects[dialect](bench.allowed.address), { tokens });
			t.true(bench.allowed.received().includes(tokens["vault"] ?? "-"), "its own token it does receive");
			t.false(bench.allowed.received().includes(tokens[audience] ?? "-"));
		});
	}

	test(`B2 ${dialect}: a token of somebody else, put into the volume's attributes, is refused and goes nowhere`, async (t) => {
		const bench = await setUp(t);
		const thief = makePod({ namespace: "rich", serviceAccount: "owner" });
		const error = await refused(t, bench, dialect, dialects[dialect](bench.allowed.address), {
			tokens: { vault: await bench.provider.issuer.token(thief) },
		});
		t.is(error?.errorCode, "unidentified", error?.details);
		t.is(bench.allowed.connections(), 0);
		t.is(lastRecord(bench.provider).decision, "deny");
	});
}

test("A3: a redirect is not followed, and its target hears nothing", async (t) => {
	const evil = await startRecordingServer(t);
	const allowed = await startLatencyProxy(t, { target: evil.address });
	const provider = await startTestProvider(t, { policy: `endpoints: ["${allowed.address}"]` });
	for (const status of [301, 302, 303, 307, 308]) {
		allowed.misbehave({ kind: "redirect", location: `${evil.address}/v1/auth/kubernetes/login`, status });
		const error = await t.throwsAsync(provider.mount("vault", pod, dialects.vault(allowed.address)), { instanceOf: CallFailure });
		t.is(error?.errorCode, "unreachable", error?.details);
		t.is(evil.connections(), 0, String(status));
	}
});

test.serial("B1: without a pod's token nothing is asked, whatever credentials the provider's own environment holds", async (t) => {
	const bench = await setUp(t);
	const own = {
		VAULT_TOKEN: "s.provider-own-token",
		VAULT_ADDR: bench.allowed.address,
		AWS_ACCESS_KEY_ID: "AKIA",
		AWS_SECRET_ACCESS_KEY: "x",
	};
	const before = { ...process.env };
	Object.assign(process.env, own);
	t.teardown(() => {
		for (const name of Object.keys(own)) delete process.env[name];
		Object.assign(process.env, before);
	});
	for (const dialect of ["vault", "claviger"] as const) {
		const error = await t.throwsAsync(bench.provider.mount(dialect, pod, dialects[dialect](bench.allowed.address), { tokens: {} }), {
			instanceOf: CallFailure,
		});
		t.is(error?.errorCode, "unidentified", error?.details);
		t.true(error?.details.includes("tokenRequests"), "the remedy names the CSIDriver's field");
	}
	t.is(bench.allowed.connections(), 0);
	await refused(t, bench, "vault", dialects.vault(bench.allowed.address));
	t.false(bench.allowed.received().includes("provider-own-token"), "its own token is never sent");
});
