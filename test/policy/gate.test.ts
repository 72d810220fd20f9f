import test, { type ExecutionContext } from "ava";
import { type ErrorCode, ProviderError } from "../../provider/errors.ts";
import type { Admission } from "../../provider/plan/admission.ts";
import type { PlannedStore } from "../../provider/plan/mount-plan.ts";
import type { MountRequest } from "../../provider/plan/mount-request.ts";
import { audienceOwners } from "../../provider/policy/audiences.ts";
import { Gate } from "../../provider/policy/gate.ts";
import { KeyVerifier } from "../../provider/policy/key-verifier.ts";
import { parsePolicy } from "../../provider/policy/policy-file.ts";
import type { TokenVerifier } from "../../provider/policy/verifier.ts";
import { stores } from "../../provider/stores/index.ts";
import { fakeInstance, fakeStore, plannedStore, planOf, requestOf } from "../support/fake-store.ts";
import { makePod } from "../support/pods.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";

const issuer = await createTokenIssuer();
const pod = makePod();
const token = await issuer.token(pod);

const strict = `
profile: strict
endpoints:
  - https://vault.example:8200
  - https://*.vault.internal
  - http://127.0.0.1:18200
  - {origin: "https://lab.example", skipTlsVerify: "true"}
  - unix:///run/vault/agent.sock
audiences: {vault: [vault-eu]}
`;
const compatible = strict.replace("strict", "compatible");

interface Case {
	readonly policy?: string;
	readonly store?: Partial<PlannedStore>;
	readonly address?: string;
	readonly request?: MountRequest;
	readonly verifier?: TokenVerifier;
	readonly needsVerifiedToken?: boolean;
	readonly warnings?: string[];
}

async function admit(options: Case): Promise<Admission> {
	const instance = options.address === undefined ? {} : { instance: fakeInstance({ endpoints: [options.address] }) };
	const store = fakeStore(() => Promise.reject(new Error("not asked")), { needsVerifiedToken: options.needsVerifiedToken ?? false });
	const gate = new Gate({
		policy: parsePolicy(options.policy ?? strict, ["10.0.0.1"]),
		owners: audienceOwners(stores),
		store: async () => store,
		warn: (warning) => options.warnings?.push(warning),
		...(options.verifier === undefined ? {} : { verifier: options.verifier }),
	});
	const [admission] = await gate.admit(
		options.request ?? requestOf(pod, { vault: token }),
		planOf([plannedStore({ ...instance, ...options.store })]),
	);
	if (admission === undefined) throw new Error("no admission");
	return admission;
}

async function refused(t: ExecutionContext, options: Case, code: ErrorCode, ...texts: readonly string[]): Promise<void> {
	const error = await t.throwsAsync(admit(options), { instanceOf: ProviderError });
	t.is(error?.code, code, error?.text);
	for (const text of texts) t.true(error?.text.includes(text), `${error?.text} does not say ${text}`);
	t.truthy(error?.remedy, "every refusal has a remedy");
	t.false(error?.text.includes(token.slice(0, 40)), "no token in the text");
}

for (const [address, why] of [
	["https://evil.example:8200", "is not in the policy's endpoints"],
	["https://vault.example", "is not in the policy's endpoints"],
	["https://vault.example:8201", "is not in the policy's endpoints"],
	["https://vault.example:8200@evil.example/", "user information"],
	["https://evil.example#@vault.example:8200", "user information"],
	["https://vault.example.:8200", "ends with a dot"],
	["https://vault.example.evil.example:8200", "is not in the policy's endpoints"],
	["https://vаult.example:8200", "is not in the policy's endpoints"],
	["https://a.b.vault.internal", "is not in the policy's endpoints"],
	["https://vault.internal", "is not in the policy's endpoints"],
	["https://x.vault.internal.evil.example", "is not in the policy's endpoints"],
	["http://vault.example:8200", "plain http"],
	["https://vault.example:8200\\@evil.example", "backslash"],
	["file:///etc/passwd", "not a scheme"],
	["gopher://vault.example:8200", "not a scheme"],
	["data:text/plain,x", "not a scheme"],
	["unix:///run/containerd.sock", "socket of the node"],
	["vault.example:8200", "not a scheme"],
	["//vault.example", "is not a URL"],
	["", "is not a URL"],
] as const) {
	test(`strict: the address ${JSON.stringify(address)} is refused`, (t) => refused(t, { address }, "refused", "vaultAddress", why));
}

for (const address of [
	"https://vault.example:8200",
	"https://VAULT.example:8200/v1",
	"https://eu.vault.internal",
	"http://127.0.0.1:18200",
	"unix:///run/vault/agent.sock",
]) {
	test(`strict: the listed address ${address} passes`, async (t) => {
		const admission = await admit({ address });
		t.is(admission.identity.serviceAccount, pod.serviceAccount);
	});
}

for (const policy of [strict, compatible]) {
	const profile = policy === strict ? "strict" : "compatible";
	for (const address of [
		"http://169.254.169.254/latest",
		"https://[fd00:ec2::254]",
		"https://[::ffff:169.254.169.254]",
		"http://2852039166/",
		"http://0xa9fea9fe/",
		"https://metadata.google.internal",
		"https://[fe80::1]:8200",
	]) {
		test(`${profile}: the metadata address ${address} is refused even when an administrator lists it`, async (t) => {
			await refused(t, { policy, address }, "refused", "metadata");
			await refused(t, { policy, address, store: { origin: "policy" } }, "refused", "metadata");
		});
	}
	for (const address of [
		"http://127.0.0.1:9999",
		"https://[::1]:8200",
		"http://0.0.0.0:8200",
		"https://localhost:8200",
		"https://10.0.0.1",
		"https://kubernetes.default.svc",
		"https://[::ffff:127.0.0.1]:8200",
	]) {
		test(`${profile}: ${address} on the node or the API server passes only by its exact entry`, (t) =>
			refused(t, { policy, address }, "refused", "itself opens it"));
	}
}

test("a resolved address is judged like a written one, so that a name cannot lead to the node or its metadata", async (t) => {
	const listed = await admit({ address: "https://eu.vault.internal" });
	t.true(listed.allowsAddress("192.0.2.7"));
	t.false(listed.allowsAddress("127.0.0.1"));
	t.false(listed.allowsAddress("169.254.169.254"));
	t.false(listed.allowsAddress("::ffff:169.254.169.254"));
	const exact = await admit({ address: "http://127.0.0.1:18200" });
	t.true(exact.allowsAddress("127.0.0.1"));
	t.false(exact.allowsAddress("169.254.169.254"));
});

test("compatible: an address of the SecretProviderClass passes with a warning", async (t) => {
	const warnings: string[] = [];
	await admit({ policy: compatible, address: "http://vault.vault:8200", warnings });
	t.is(warnings.length, 1);
	t.true(warnings[0]?.includes("http://vault.vault:8200"));
});

test("strict: verification of the certificate is switched off only where the administrator allows it", async (t) => {
	const off = (address: string): Case => ({ store: { instance: fakeInstance({ endpoints: [address], skipsTlsVerification: true }) } });
	await refused(t, off("https://vault.example:8200"), "refused", "without verifying");
	await t.notThrowsAsync(admit(off("https://lab.example")));
});

test("a store inside this process is configured by administrators only", async (t) => {
	const store = { instance: fakeInstance({ endpoints: [] }) };
	await refused(t, { store }, "refused", "administrator only");
	await t.notThrowsAsync(admit({ store: { ...store, origin: "policy" } }));
});

for (const audience of [
	"sts.amazonaws.com",
	"conjur",
	"api://AzureADTokenExchange",
	"",
	"https://kubernetes.default.svc.cluster.local",
	"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
	"my-proj.svc.id.goog",
	"claviger",
]) {
	for (const policy of [strict, compatible]) {
		test(`${policy === strict ? "strict" : "compatible"}: a vault store never gets the token for ${JSON.stringify(audience)}`, async (t) => {
			const request = requestOf(pod, { [audience]: await issuer.token(pod, { audience }) });
			await refused(t, { policy, store: { audience }, request }, "refused", "audience", "belongs to");
		});
	}
}

test("an audience of the administrator's passes; an unlisted one only in the compatible profile", async (t) => {
	const request = async (audience: string) => requestOf(pod, { [audience]: await issuer.token(pod, { audience }) });
	await t.notThrowsAsync(admit({ store: { audience: "vault-eu" }, request: await request("vault-eu") }));
	await refused(t, { store: { audience: "mine" }, request: await request("mine") }, "refused", "audiences.vault");
	await refused(t, { store: { audience: "mine", origin: "policy" }, request: await request("mine") }, "refused", "audiences.vault");
	await t.notThrowsAsync(admit({ store: { audience: "mine", audienceOrigin: "policy" }, request: await request("mine") }));
	await t.notThrowsAsync(admit({ policy: compatible, store: { audience: "mine" }, request: await request("mine") }));
});

test("the API server's own audience is refused under whatever name it goes", async (t) => {
	const cluster = await createTokenIssuer("https://issuer.example");
	const request = requestOf(pod, { "https://issuer.example": await cluster.token(pod, { audience: "https://issuer.example" }) });
	await refused(t, { policy: compatible, store: { audience: "https://issuer.example" }, request }, "refused", "API server");
});

test("an audience of the API server's is known by the pod's token for that, where one came along", async (t) => {
	const names = ["https://issuer.example", "api.site.example", "vault"];
	const cluster = await issuer.token(pod, { audience: names });
	const requestFor = async (audience: string) => requestOf(pod, { [audience]: await issuer.token(pod, { audience }), "": cluster });
	const request = await requestFor("api.site.example");
	await refused(t, { policy: compatible, store: { audience: "api.site.example" }, request }, "refused", "API server");
	// What the administrator has written, or is the store's own, is meant to be one of these at this site.
	await t.notThrowsAsync(admit({ store: { audience: "api.site.example", audienceOrigin: "policy" }, request }));
	await t.notThrowsAsync(admit({ policy: compatible, store: { audience: "vault" }, request: await requestFor("vault") }));
	await t.notThrowsAsync(admit({ policy: compatible, store: { audience: "mine" }, request: await requestFor("mine") }));
	const broken = requestOf(pod, { mine: await issuer.token(pod, { audience: "mine" }), "": "no token" });
	await t.notThrowsAsync(admit({ policy: compatible, store: { audience: "mine" }, request: broken }));
});

const other = makePod({ namespace: "other", serviceAccount: "thief" });
for (const [what, code, text, make] of [
	["no token at all", "unidentified", "tokenRequests", async () => ({})],
	[
		"only a token for another audience",
		"unidentified",
		'"conjur"',
		async () => ({ conjur: await issuer.token(pod, { audience: "conjur" }) }),
	],
	["a token of another service account", "unidentified", "other/thief", async () => ({ vault: await issuer.token(other) })],
	[
		"a token of another pod of the same service account",
		"unidentified",
		"another pod",
		async () => ({ vault: await issuer.token(makePod()) }),
	],
	["a token bound to no pod", "unidentified", "no pod", async () => ({ vault: await issuer.token(pod, { claims: unbound() }) })],
	["an expired token", "unidentified", "expired", async () => ({ vault: await issuer.token(pod, { lifetime: -60 }) })],
	[
		"a token for two audiences",
		"unidentified",
		"alone",
		async () => ({ vault: await issuer.token(pod, { audience: ["vault", "conjur"] }) }),
	],
	[
		"a token for another audience filed under this one",
		"unidentified",
		"alone",
		async () => ({ vault: await issuer.token(pod, { audience: "conjur" }) }),
	],
	["text that is no token", "unidentified", "not a bound", async () => ({ vault: "s.abcdef" })],
	["a token whose claims are no JSON", "unidentified", "not a bound", async () => ({ vault: "a.b.c" })],
	[
		"a token without the claims of Kubernetes",
		"unidentified",
		"not a bound",
		async () => ({ vault: await issuer.token(pod, { claims: { "kubernetes.io": null } }) }),
	],
] as const) {
	test(`${what} is refused`, async (t) => refused(t, { request: requestOf(pod, await make()) }, code, text));
}

function unbound(): Record<string, unknown> {
	return { "kubernetes.io": { namespace: pod.namespace, serviceaccount: { name: pod.serviceAccount, uid: "u" } } };
}

test("a token bound to no pod passes where the administrator allows it", async (t) => {
	const request = requestOf(pod, { vault: await issuer.token(pod, { claims: unbound() }) });
	await t.notThrowsAsync(admit({ policy: `${strict}\ntokens: {unbound: allow}`, request }));
});

test("with the cluster's keys at hand a forged token is refused, however right its claims", async (t) => {
	const verifier = new KeyVerifier({ keys: async () => issuer.keys, refresh: async () => issuer.keys });
	const forger = await createTokenIssuer();
	await t.notThrowsAsync(admit({ verifier }));
	await refused(t, { verifier, request: requestOf(pod, { vault: await forger.token(pod) }) }, "unidentified", "not signed by this cluster");
	const [header = "", payload = ""] = token.split(".");
	await refused(t, { verifier, request: requestOf(pod, { vault: `${header}.${payload}.AAAA` }) }, "unidentified", "not signed");
	const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
	await refused(t, { verifier, request: requestOf(pod, { vault: none }) }, "unidentified", "not signed");
});

test("keys that the cluster made after the start are found", async (t) => {
	const source = { keys: async () => (await createTokenIssuer()).keys, refresh: async () => issuer.keys };
	await t.notThrowsAsync(admit({ verifier: new KeyVerifier(source) }));
});

test("a token is proved once a minute at most, and not believed for another audience, store or pod because of it", async (t) => {
	const asked: string[] = [];
	const verifier: TokenVerifier = {
		async verify(_token, audience) {
			asked.push(audience);
		},
	};
	const store = fakeStore(() => Promise.reject(new Error("not asked")));
	const gate = new Gate({
		policy: parsePolicy(strict, []),
		owners: audienceOwners(stores),
		store: async () => store,
		warn: () => undefined,
		verifier,
	});
	const plan = planOf([plannedStore()]);
	for (let round = 0; round < 5; round += 1) await gate.admit(requestOf(pod, { vault: token }), plan);
	t.deepEqual(asked, ["vault"]);
	const elsewhere = planOf([plannedStore({ audience: "vault-eu" })]);
	await t.throwsAsync(gate.admit(requestOf(pod, { "vault-eu": token }), elsewhere), { message: /alone/ });
	await t.throwsAsync(gate.admit(requestOf(makePod(), { vault: token }), plan), { message: /another pod/ });
	await gate.admit(requestOf(pod, { vault: await issuer.token(pod, { lifetime: 600 }) }), plan);
	t.deepEqual(asked, ["vault", "vault"]);
});

test("a store that decides by service account itself is not reached on an unverified token", (t) =>
	refused(t, { needsVerifiedToken: true }, "refused", "--token-keys"));

test("the identity holds who the store sees, and no token", async (t) => {
	const { identity } = await admit({});
	for (const part of ["vault.example", "vault", pod.namespace, pod.serviceAccount, "shop"]) t.true(identity.key.includes(part), part);
	t.false(identity.key.includes(pod.name));
	t.false(identity.key.includes(token.slice(0, 20)));
});
