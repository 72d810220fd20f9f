import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Finding } from "../../provider/shared/finding.ts";
import { type Authority, type CertificateOptions, issue, makeAuthority } from "../net/certificates.ts";
import { freePort } from "../servers/free-port.ts";
import { startVault } from "../servers/vault/vault.ts";
import { Installation } from "../stores/sealed/support.ts";
import { makeStrongroom, openStore, put } from "../strongroom/support.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { examine, healthyVault, policyFlag, startStandIn } from "./doctor-support.ts";

const certificates = mkdtempSync(join(tmpdir(), "clv-doctor-"));
let authority: Authority;
let stranger: Authority;

test.before(() => {
	authority = makeAuthority(certificates, "authority");
	stranger = makeAuthority(certificates, "stranger");
});
test.after.always(() => rmSync(certificates, { recursive: true, force: true }));

/** Looks at one store of type vault that the policy names. */
async function look(t: ExecutionContext, fields: string) {
	return examine(["--http=off", "--socket-dir", temporaryDirectory(t), policyFlag(t, `stores: {main: {type: vault, ${fields}}}`)]);
}

function statusesOf(findings: readonly Finding[]): readonly string[] {
	return findings.map(({ check, status }) => `${check} ${status}`);
}

test("a real Vault is reached, and found active and unsealed, by the server's own words", async (t) => {
	const vault = await startVault(t);
	const seen = await look(t, `address: "${vault.address}"`);
	const store = seen.findings.filter(({ section }) => section.startsWith("Store main"));
	t.deepEqual(statusesOf(store), ["name ok", "TCP ok", "HTTP ok", "clock ok", "Vault ok"]);
	t.regex(store.at(-1)?.message ?? "", /^Vault \d+\.\d+\.\d+\S* at http:\/\/127\.0\.0\.1:\d+ is initialised, unsealed and active\.$/);
});

test("a Vault that was sealed is found sealed", async (t) => {
	const vault = await startVault(t);
	await vault.api("PUT", "sys/seal");
	const [found] = (await look(t, `address: "${vault.address}"`)).of("Vault");
	t.is(found?.status, "failed");
	t.is(found?.remedy, `Run: VAULT_ADDR=${vault.address} vault operator unseal`);
});

const json = (status: number, body: object): RequestListener => {
	return (_request, response) => void response.writeHead(status).end(JSON.stringify(body));
};

for (const [what, answer, status, message, remedy] of [
	["is not initialised", json(501, { initialized: false, sealed: true }), "failed", /not initialised/, /vault operator init/],
	[
		"is a standby",
		json(429, { initialized: true, sealed: false, standby: true, version: "1.2.3" }),
		"ok",
		/Vault 1\.2\.3 .*standby/,
		undefined,
	],
	[
		"is for disaster recovery",
		json(472, { initialized: true, sealed: false }),
		"failed",
		/secondary of disaster recovery/,
		/address of the primary/,
	],
	["is in trouble", json(500, { initialized: true, sealed: false }), "warning", /with status 500/, /vault status$/],
	["is another program", json(200, { hello: "world" }), "failed", /does not answer as Vault/, /leads to Vault itself/],
] as const) {
	test(`a server that ${what} is found so`, async (t) => {
		const server = await startStandIn(t, { answer });
		const [found] = (await look(t, `address: "${server.address}"`)).of("Vault");
		t.is(found?.status, status);
		t.regex(found?.message ?? "", message);
		if (remedy !== undefined) t.regex(found?.remedy ?? "", remedy);
	});
}

test("nothing but a plain request is sent, and to no address that policy forbids", async (t) => {
	const server = await startStandIn(t, { answer: healthyVault() });
	await look(t, `address: "${server.address}"`);
	t.deepEqual(
		server.requests.map(({ method, url }) => `${method} ${url}`),
		["GET /v1/sys/health"],
	);
	for (const { headers } of server.requests) t.deepEqual(Object.keys(headers).sort(), ["accept", "connection", "host"]);
	const metadata = await look(t, `address: "http://169.254.169.254"`);
	t.regex(metadata.of("policy").find(({ status }) => status === "failed")?.message ?? "", /is a metadata address, which no policy opens/);
	t.deepEqual(metadata.of("TCP"), []);
});

test("a connection that is refused, and a name that does not exist, each end the way with a remedy", async (t) => {
	const port = await freePort();
	const refused = await look(t, `address: "https://127.0.0.1:${port}"`);
	const [tcp] = refused.of("TCP");
	t.is(tcp?.status, "failed");
	t.regex(tcp?.message ?? "", /the connection was refused/);
	t.regex(tcp?.remedy ?? "", new RegExp(`listens on port ${port}.*kubectl get networkpolicies --all-namespaces`));
	t.deepEqual(refused.of("TLS"), []);
	const unknown = await look(t, `address: "https://vault.invalid:8200"`);
	const [name] = unknown.of("name");
	t.is(name?.status, "failed");
	t.regex(name?.message ?? "", /vault\.invalid:8200 is unreachable: (the name does not exist|the name server gave no answer)/);
	t.regex(name?.remedy ?? "", /kubectl run name-probe .* nslookup vault\.invalid$/);
	t.deepEqual(unknown.of("TCP"), []);
	t.is(unknown.code, 1);
});

test("a socket of the node is tried, and told when it is not there", async (t) => {
	const socket = join(temporaryDirectory(t), "agent.sock");
	const [tcp] = (await look(t, `address: "unix://${socket}"`)).of("TCP");
	t.regex(tcp?.message ?? "", /the socket does not exist/);
	t.is(tcp?.remedy, `Start the program that listens there, and mount its directory: ls -l ${socket}`);
});

for (const [secondsOff, status] of [
	[0, "ok"],
	[-6, "warning"],
	[6, "warning"],
	[-90, "failed"],
	[90, "failed"],
] as const) {
	test(`a clock that is off by ${secondsOff} s is ${status}`, async (t) => {
		const server = await startStandIn(t, { answer: healthyVault(secondsOff) });
		const [clock] = (await look(t, `address: "${server.address}"`)).of("clock");
		t.is(clock?.status, status);
		if (secondsOff === 0) return;
		t.regex(clock?.message ?? "", secondsOff > 0 ? /is (6|7|89|90|91) s behind/ : /is (5|6|7|89|90|91) s ahead of/);
		t.regex(clock?.remedy ?? "", /timedatectl status; chronyc tracking/);
	});
}

interface TlsCase {
	readonly what: string;
	readonly certificate: CertificateOptions;
	/** The fields of the store beside its address. */
	fields(): string;
	readonly expected: readonly string[];
	readonly message: RegExp;
	readonly remedy?: RegExp;
}

const trusting = () => `caFile: ${authority.certificate}`;

const tlsCases: readonly TlsCase[] = [
	{
		what: "is good",
		certificate: {},
		fields: trusting,
		expected: ["TLS ok"],
		message:
			/TLSv1\.3 with the certificate of IP Address:127\.0\.0\.1, issued by authority, valid until \d{4}-\d\d-\d\d \((29|30) days\), verified with the authorities in .*authority\.pem\.$/,
	},
	{
		what: "ends soon",
		certificate: { days: 5 },
		fields: trusting,
		expected: ["TLS ok", "certificate warning"],
		message: /ends in [45] days/,
		remedy: /Renew it/,
	},
	{
		what: "has expired",
		certificate: { days: -1 },
		fields: trusting,
		expected: ["TLS failed"],
		message: /its certificate has expired/,
		remedy: /^Renew the server's certificate\.$/,
	},
	{
		what: "comes from another authority",
		certificate: {},
		fields: () => `caFile: ${stranger.certificate}`,
		expected: ["TLS failed"],
		message: /authority that is not trusted in the TLS handshake.* issued by authority, .* held against the authorities in .*stranger\.pem/,
		remedy: /as caFile of the store, or start the provider with --ca-file; .*openssl s_client -showcerts -connect 127/,
	},
	{
		what: "is made for other names",
		certificate: { names: "DNS:vault.example" },
		fields: trusting,
		expected: ["TLS failed"],
		message: /made for other names \(DNS:vault\.example\)/,
		remedy: /tlsServerName/,
	},
	{
		what: "is not verified",
		certificate: { selfSigned: true },
		fields: () => "skipTlsVerify: true",
		expected: ["TLS warning"],
		message: /It is not verified/,
		remedy: /Remove skipTlsVerify, and name the authority's PEM file as caFile/,
	},
];

for (const [index, { what, certificate: options, fields, expected, message, remedy }] of tlsCases.entries()) {
	test.serial(`a certificate that ${what} is described`, async (t) => {
		const certificate = issue(certificates, authority, `server-${index}`, options);
		const server = await startStandIn(t, { certificate, answer: healthyVault() });
		const seen = await look(t, `address: "${server.address}", ${fields()}`);
		const found = [...seen.of("TLS"), ...seen.of("certificate")];
		t.deepEqual(statusesOf(found), expected);
		t.regex(found.at(-1)?.message ?? "", message);
		if (remedy !== undefined) t.regex(found.at(-1)?.remedy ?? "", remedy);
		t.is(server.requests.length, expected.includes("TLS failed") ? 0 : 1);
	});
}

test("a port that speaks no TLS, and an address that redirects, are told", async (t) => {
	const plain = await startStandIn(t, { answer: healthyVault() });
	const [tls] = (await look(t, `address: "${plain.address.replace("http:", "https:")}"`)).of("TLS");
	t.regex(tls?.message ?? "", /it does not speak TLS on this port/);
	const answer: RequestListener = (_request, response) => void response.writeHead(307, { location: "https://elsewhere.example/" }).end();
	const redirecting = await startStandIn(t, { answer });
	const [http] = (await look(t, `address: "${redirecting.address}"`)).of("HTTP");
	t.regex(http?.message ?? "", /redirects to elsewhere\.example, which is not followed/);
	t.regex(http?.remedy ?? "", /Write the address of the server that answers itself/);
});

test.serial("the way through a proxy is walked too, with the certificate behind it", async (t) => {
	const behind = await startStandIn(t, {
		certificate: issue(certificates, authority, "behind", { names: "DNS:vault.corp" }),
		answer: healthyVault(),
	});
	const tunnels: string[] = [];
	const proxy = createServer();
	proxy.on("connect", (request, client) => {
		tunnels.push(request.url ?? "");
		const server = connect(Number(new URL(behind.address).port), "127.0.0.1", () => client.write("HTTP/1.1 200 OK\r\n\r\n"));
		for (const socket of [server, client]) socket.on("error", () => {});
		server.pipe(client).pipe(server);
	});
	await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
	t.teardown(() => proxy.close());
	const place = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
	const before = process.env["HTTPS_PROXY"];
	process.env["HTTPS_PROXY"] = `http://user:marked-password@${place}`;
	t.teardown(() => {
		if (before === undefined) delete process.env["HTTPS_PROXY"];
		else process.env["HTTPS_PROXY"] = before;
	});
	const seen = await look(t, `address: "https://vault.corp:8200", caFile: ${authority.certificate}`);
	const store = seen.findings.filter(({ section }) => section.startsWith("Store main"));
	t.deepEqual(statusesOf(store), ["name unchecked", "TCP ok", "TLS ok", "HTTP ok", "clock ok", "Vault ok"]);
	t.is(store[0]?.message, `vault.corp is looked up by the proxy ${place}.`);
	t.true(tunnels.every((tunnel) => tunnel === "vault.corp:8200") && tunnels.length === 2, tunnels.join());
	t.false(seen.output.includes("marked-password"));
});

test("a strongroom is opened and proved, and what is wrong with it is told", async (t) => {
	const location = await makeStrongroom(t);
	const store = await openStore(t, location);
	await put(store, "db", "marked-secret-value");
	const args = ["--http=off", "--socket-dir", temporaryDirectory(t)];
	const policy = policyFlag(t, `stores: {room: {type: strongroom, directory: ${location.directory}}}`);
	const whole = await examine([...args, policy]);
	t.deepEqual(statusesOf(whole.findings.filter(({ section }) => section.startsWith("Store room"))), [
		"unseal ok",
		"entries ok",
		"bindings ok",
		"audit ok",
	]);
	t.false(whole.output.includes("marked-secret"));
	await store.write(async (rows) => rows.run("UPDATE secrets SET current = 7"));
	await store.write(async (rows) => rows.run("UPDATE bindings SET pattern = 'other'"));
	const damaged = await examine([...args, policy]);
	t.regex(damaged.of("entries")[0]?.message ?? "", /db.*failed authentication/);
	t.regex(damaged.of("entries")[0]?.remedy ?? "", /Restore the strongroom from a backup/);
	t.is(damaged.of("bindings")[0]?.remedy, "See them with: claviger strongroom bindings");
	chmodSync(location.keyFile, 0o644);
	const open = await examine([...args, policy]);
	t.is(open.of("unseal")[0]?.remedy, `Run: chmod 0600 ${location.keyFile}`);
});

test("the keys of sealed values are told, and what a class's values lack for its pods", async (t) => {
	const installation = new Installation(t);
	const [old, current] = ["1", "2"].map((name) => installation.addKey(name).id);
	const objects = await Promise.all(
		(["1", "2", "3"] as const).map(async (key) => {
			const sealedFor = { kind: "object", namespace: "shop", serviceAccount: "web", object: `o${key}` } as const;
			return { name: sealedFor.object, sealed: await installation.seal(key, "marked-secret-value", sealedFor) };
		}),
	);
	installation.removeKey("3");
	const file = join(temporaryDirectory(t), "class.yaml");
	writeFileSync(
		file,
		JSON.stringify({
			apiVersion: "secrets-store.csi.x-k8s.io/v1",
			kind: "SecretProviderClass",
			metadata: { name: "shop" },
			spec: { provider: "claviger", parameters: { objects: JSON.stringify(objects) } },
		}),
	);
	const args = ["--http=off", "--socket-dir", temporaryDirectory(t), policyFlag(t, installation.policy())];
	const planned = (serviceAccount: string) =>
		examine([...args, "--class", file, "--namespace", "shop", "--service-account", serviceAccount]);
	const seen = await planned("web");
	const keys = ["1", "2"].map((name) => join(installation.directory, `${name}.pem`));
	t.is(
		seen.of("keys")[0]?.message,
		`Values that are sealed for these keys can be opened: ${old} (${keys[0]}), ${current} (${keys[1]}, the current one).`,
	);
	const trouble = ({ findings }: typeof seen) =>
		findings.filter(({ check, status }) => check === "object" && status !== "ok").map(({ status, message }) => [status, message]);
	const [aged, lost] = trouble(seen);
	t.deepEqual(aged, ["warning", `objects[0] "o1" is sealed for the key ${old}, which ${current} has followed.`]);
	t.regex(String(lost), /^failed,objects\[2\] "o3" is sealed for the key [\w-]{43}, which this installation does not have\.$/);
	t.is(trouble(seen).length, 2);
	t.regex(String(trouble(await planned("batch"))[0]), /"o1" is sealed for the service account "shop\/web", not for shop\/batch/);
	t.false(seen.output.includes("marked-secret"));
	rmSync(installation.directory, { recursive: true });
	t.regex((await planned("web")).of("keys")[0]?.message ?? "", /cannot be read \(ENOENT\)/);
});

test("a class is planned and said object by object, and what policy refuses is not asked", async (t) => {
	const [allowed, evil] = [await startStandIn(t, { answer: healthyVault() }), await startStandIn(t, { answer: healthyVault() })];
	const file = join(temporaryDirectory(t), "class.yaml");
	writeFileSync(
		file,
		JSON.stringify({
			apiVersion: "secrets-store.csi.x-k8s.io/v1",
			kind: "SecretProviderClass",
			metadata: { name: "shop" },
			spec: {
				provider: "claviger",
				parameters: {
					stores: `{main: {role: shop}, other: {type: vault, address: "${evil.address}", role: r}}`,
					objects: "[{name: db, store: main, path: secret/data/db}, {name: x, store: other, path: secret/data/x, optional: true}]",
					files: "[{path: a, from: db}, {path: b, from: x}]",
				},
			},
		}),
	);
	const policy = policyFlag(t, `stores: {main: {type: vault, address: "${allowed.address}", audience: vault-eu}}`);
	const pod = ["--namespace", "shop", "--service-account", "web"];
	const args = ["--http=off", "--socket-dir", temporaryDirectory(t), policy, "--class", file];
	const seen = await examine([...args, ...pod]);
	const [first, second] = seen.of("object");
	t.is(
		first?.message,
		`objects[0] "db" is asked of main (vault) at ${allowed.address} as shop/web in the role "shop", with the token for "vault-eu".`,
	);
	t.is(second?.status, "failed");
	t.regex(second?.message ?? "", /objects\[1\] "x": stores\.other\.address: 127\.0\.0\.1:\d+ lies on this node/);
	t.regex(second?.remedy ?? "", /Only an endpoints entry of the policy/);
	t.is(evil.connections(), 0);
	t.deepEqual(
		[...new Set(seen.findings.map(({ section }) => section))].filter((section) => section.startsWith("Store ")),
		[`Store main (vault) at ${allowed.address}`],
	);
	t.is(allowed.requests.length, 1);
	const elsewhere = await examine([...args, ...pod, "--providers", "vault"]);
	t.regex(elsewhere.of("plan")[0]?.remedy ?? "", /Add it to --providers \(served: vault\)/);
});

test("the whole ends at its time limit, and what was not seen counts as not checked", async (t) => {
	const server = await startStandIn(t, { answer: () => {} });
	const policy = policyFlag(t, `stores: {main: {type: vault, address: "${server.address}"}}`);
	const short = await examine(["--http=off", "--socket-dir", temporaryDirectory(t), policy, "--timeout", "1s"]);
	const cut = short.findings.filter(({ section }) => section.startsWith("Store"));
	t.true(cut.some(({ status, message }) => status === "unchecked" && /time was up after 1 s/.test(message)));
	t.true(cut.every(({ status }) => status !== "failed"));
});
