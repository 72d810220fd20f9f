import { createServer } from "node:http";
import { performance } from "node:perf_hooks";
import test from "ava";
import { listenDuring } from "../support/loopback.ts";
import { CallFailure } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider } from "../support/provider.ts";
import { startRecordingServer } from "../support/recording-server.ts";

const pod = makePod();
const closed = "https://127.0.0.1:1";

/** Stores of a class's own, as far as they name their server. */
const stores = {
	conjur: (address: string) => ({ type: "conjur", address, account: "shop", service: "kube" }),
	kubernetes: (address: string) => ({ type: "kubernetes", address, audience: "https://other.example" }),
	vault: (address: string) => ({ type: "vault", address, role: "shop" }),
} as const;

const places = { conjur: { path: "db" }, kubernetes: { secret: "db" }, vault: { path: "secret/data/db", key: "k" } } as const;
const audiences = { conjur: "conjur", kubernetes: "https://other.example", vault: "vault" } as const;
const types = ["conjur", "kubernetes", "vault"] as const;

type Type = (typeof types)[number];

function classOf(type: Type, store: object): Readonly<Record<string, string>> {
	return { stores: JSON.stringify({ main: store }), objects: JSON.stringify([{ name: "db", ...places[type] }]) };
}

function policyFor(address: string): string {
	return JSON.stringify({ endpoints: [address], audiences: { kubernetes: [audiences.kubernetes] } });
}

for (const type of types) {
	test(`${type}: files of the kernel that a class takes for certificates are read as far as certificates are long`, async (t) => {
		const provider = await startTestProvider(t, { policy: policyFor(closed), providers: "claviger" });
		for (const caFile of ["/proc/self/pagemap", "/proc/self/environ", "/dev/zero", "/proc/kmsg", "/"]) {
			const begun = performance.now();
			const parameters = classOf(type, { ...stores[type](closed), caFile });
			const error = await t.throwsAsync(provider.mount("claviger", pod, parameters, { audience: audiences[type] }), {
				instanceOf: CallFailure,
			});
			t.is(error?.errorCode, "invalid", error?.details);
			t.true(error?.details.includes(caFile), error?.details);
			t.true(performance.now() - begun < 5_000, `${caFile} keeps everybody waiting`);
		}
	});

	test(`${type}: what stands behind the payload of a token goes into no header and no form`, async (t) => {
		const server = await startRecordingServer(t);
		const provider = await startTestProvider(t, { policy: policyFor(server.address), providers: "claviger", verifies: false });
		const token = await provider.issuer.token(pod, { audience: audiences[type] });
		const [head, payload] = token.split(".");
		for (const signature of ["x\r\nx-injected: 1", "x&injected=1", 'x", injected="1', "x.injected", "\u00e9", " injected"]) {
			const tokens = { [audiences[type]]: `${head}.${payload}.${signature}` };
			const error = await t.throwsAsync(provider.mount("claviger", pod, classOf(type, stores[type](server.address)), { tokens }), {
				instanceOf: CallFailure,
			});
			t.is(error?.errorCode, "unidentified", `${JSON.stringify(signature)}: ${error?.details}`);
		}
		t.is(server.connections(), 0);
		const endless = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(payload ?? "", "base64url").toString()), exp: 1e300 }));
		const tokens = { [audiences[type]]: `${head}.${endless.toString("base64url")}.x` };
		const error = await t.throwsAsync(provider.mount("claviger", pod, classOf(type, stores[type](server.address)), { tokens }), {
			instanceOf: CallFailure,
		});
		t.is(error?.errorCode, "unidentified", error?.details);
	});
}

/** What no server calls anything, or what would lead elsewhere once somebody on the way has decoded it. */
const oddNames = ["..", ".", "\ud800", "a\u0000b", "a\r\nb: c", "\u001b[31m", "x".repeat(5000)];

for (const [what, entry, object] of [
	["a Conjur identity", (name: string) => ({ ...stores.conjur("ADDRESS"), identity: name }), () => places.conjur],
	["a Conjur variable", () => stores.conjur("ADDRESS"), (name: string) => ({ path: name, version: 1 })],
	["the account of a Conjur variable", () => stores.conjur("ADDRESS"), (name: string) => ({ path: `${name}:variable:db`, version: 1 })],
	["a Conjur account", (name: string) => ({ ...stores.conjur("ADDRESS"), account: name }), () => places.conjur],
	["a Conjur service", (name: string) => ({ ...stores.conjur("ADDRESS"), service: name }), () => places.conjur],
	["a Secret", () => stores.kubernetes("ADDRESS"), (name: string) => ({ secret: name })],
	["a Secret's namespace", () => stores.kubernetes("ADDRESS"), (name: string) => ({ secret: "db", namespace: name })],
	["a namespace that is another's", () => stores.kubernetes("ADDRESS"), () => ({ secret: "db", namespace: "rich" })],
] as const) {
	test(`${what} that leads elsewhere is a fault of the class, and no server hears of it`, async (t) => {
		const server = await startRecordingServer(t);
		const provider = await startTestProvider(t, { policy: policyFor(server.address), providers: "claviger" });
		for (const name of oddNames) {
			const store = { ...entry(name), address: server.address };
			const parameters = { stores: JSON.stringify({ main: store }), objects: JSON.stringify([{ name: "db", ...object(name) }]) };
			const tokens = Object.fromEntries(
				await Promise.all(
					[audiences.conjur, audiences.kubernetes].map(
						async (audience) => [audience, await provider.issuer.token(pod, { audience })] as const,
					),
				),
			);
			const error = await t.throwsAsync(provider.mount("claviger", pod, parameters, { tokens }), { instanceOf: CallFailure });
			t.is(error?.errorCode, "invalid", `${JSON.stringify(name.slice(0, 30))}: ${error?.details}`);
			t.notRegex(error?.details.replaceAll("\n", "") ?? "", /\p{Cc}/u);
		}
		t.is(server.connections(), 0);
	});
}

for (const parameter of ["account", "identity", "authnId", "applianceUrl"]) {
	test(`dialect conjur: an odd ${parameter} is a fault of the class, with and without a scheme in its address`, async (t) => {
		const server = await startRecordingServer(t);
		const provider = await startTestProvider(t, { policy: policyFor(server.address), providers: "conjur" });
		for (const address of [server.address, "conjur.example"]) {
			for (const name of oddNames) {
				const good = {
					account: "shop",
					authnId: "authn-jwt/kube",
					applianceUrl: address,
					sslCertificate: "none",
					secrets: "- db: db/password",
				};
				const error = await t.throwsAsync(provider.mount("conjur", pod, { ...good, [parameter]: name }, { audience: "conjur" }), {
					instanceOf: CallFailure,
				});
				t.is(error?.errorCode, "invalid", `${JSON.stringify(name.slice(0, 30))}: ${error?.details}`);
				// Today's provider repeats the whole text, and long refusals are cut.
				if (name.length < 100) t.true(error?.details.includes(parameter), error?.details);
			}
		}
		t.is(server.connections(), 0);
	});
}

for (const key of ["../x", "a/../../b", "..", ".", "/etc/passwd", "..data", "a\u0000b", "a\nb", "", "x".repeat(5000), "\ud800"]) {
	test(`a Secret's key ${JSON.stringify(key.slice(0, 20))}, as no API server has it, makes no file`, async (t) => {
		const bytes = Buffer.from("v").toString("base64");
		const secret = { kind: "Secret", metadata: { name: "db", namespace: "shop" }, data: { [key]: bytes, good: bytes } };
		const server = createServer((_request, response) => response.end(JSON.stringify(secret)));
		const address = `http://127.0.0.1:${await listenDuring(t, server)}`;
		const provider = await startTestProvider(t, { policy: policyFor(address), providers: "claviger" });
		const parameters = {
			stores: JSON.stringify({ main: stores.kubernetes(address) }),
			objects: JSON.stringify([{ name: "db", secret: "db", expand: true }]),
		};
		const error = await t.throwsAsync(provider.mount("claviger", pod, parameters, { audience: audiences.kubernetes }), {
			instanceOf: CallFailure,
		});
		t.is(error?.errorCode, "invalid", error?.details);
	});
}
