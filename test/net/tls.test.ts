import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { type TlsOptions as ServerTls, TLSSocket } from "node:tls";
import test, { type ExecutionContext } from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { parseAddress } from "../../provider/net/address.ts";
import type { TlsOptions } from "../../provider/net/tls-trust.ts";
import { Transport } from "../../provider/net/transport.ts";
import { listenDuring } from "../support/loopback.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { type Certificate, issue, makeAuthority } from "./certificates.ts";

async function startServer(t: ExecutionContext, { certificate, key }: Certificate, options: ServerTls = {}) {
	const seen: string[] = [];
	const server = createServer({ ...options, cert: readFileSync(certificate), key: readFileSync(key) }, (incoming, outgoing) => {
		if (incoming.socket instanceof TLSSocket) seen.push(String(incoming.socket.getPeerCertificate().subject?.CN ?? ""));
		outgoing.end("ok");
	});
	return { port: await listenDuring(t, server), seen, server };
}

interface AskOptions {
	readonly host?: string;
	readonly environment?: Readonly<Record<string, string>>;
}

function makeTransport(t: ExecutionContext, port: number, tls: TlsOptions, options: AskOptions = {}): Transport {
	const address = parseAddress(`https://${options.host ?? "127.0.0.1"}:${port}`);
	if ("problem" in address) throw new Error(address.problem);
	const transport = new Transport({ address, tls, environment: options.environment ?? {} });
	t.teardown(() => transport.close());
	return transport;
}

async function ask(transport: Transport): Promise<string> {
	const answer = await transport.request({ method: "GET", path: "/", signal: AbortSignal.timeout(20_000), allowsAddress: () => true });
	return answer.body.toString();
}

async function outcome(transport: Transport): Promise<string> {
	try {
		return await ask(transport);
	} catch (error) {
		if (!(error instanceof ProviderError)) throw error;
		return `${error.code}: ${error.text}`;
	}
}

test("a certificate is verified, and a refusal tells the fact about it", async (t) => {
	const directory = temporaryDirectory(t);
	const authority = makeAuthority(directory, "authority");
	const stranger = makeAuthority(directory, "stranger");
	const trusted = { caFile: authority.certificate };
	const cases = [
		{ certificate: issue(directory, authority, "good"), tls: trusted, expected: /^ok$/ },
		{ certificate: issue(directory, authority, "expired", { days: -1 }), tls: trusted, expected: /certificate has expired in the TLS/ },
		{ certificate: issue(directory, authority, "self", { selfSigned: true }), tls: trusted, expected: /certificate is self-signed/ },
		{ certificate: issue(directory, stranger, "unknown"), tls: trusted, expected: /authority that is not trusted/ },
		{ certificate: issue(directory, authority, "plain"), tls: {}, expected: /authority that is not trusted/ },
		{ certificate: issue(directory, authority, "weak", { hash: "sha1" }), tls: trusted, expected: /hash that is too weak, such as SHA-1/ },
		{
			certificate: issue(directory, authority, "other", { names: "DNS:vault.example" }),
			tls: trusted,
			expected: /made for other names \(DNS:vault\.example\)/,
		},
		{
			certificate: issue(directory, authority, "named", { names: "DNS:vault.example" }),
			tls: { ...trusted, serverName: "vault.example" },
			expected: /^ok$/,
		},
		{ certificate: issue(directory, stranger, "skipped"), tls: { skipVerification: true }, expected: /^ok$/ },
	];
	for (const { certificate, tls, expected } of cases) {
		const { port } = await startServer(t, certificate);
		const result = await outcome(makeTransport(t, port, tls));
		t.regex(result, expected);
		if (result !== "ok") t.regex(result, new RegExp(`^unreachable: 127\\.0\\.0\\.1:${port} .*CA file`));
	}
});

test("TLS below 1.2, and no TLS at all, are refused with the fact", async (t) => {
	const directory = temporaryDirectory(t);
	const authority = makeAuthority(directory, "authority");
	const certificate = issue(directory, authority, "old");
	const old = await startServer(t, certificate, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" });
	t.regex(await outcome(makeTransport(t, old.port, { caFile: authority.certificate })), /no TLS version from 1\.2 on/);
	const { createServer: createPlain } = await import("node:http");
	const plain = createPlain((_incoming, outgoing) => outgoing.end("ok"));
	const port = await listenDuring(t, plain);
	t.regex(await outcome(makeTransport(t, port, { skipVerification: true })), /does not speak TLS on this port/);
});

test("NODE_TLS_REJECT_UNAUTHORIZED changes nothing", async (t) => {
	const directory = temporaryDirectory(t);
	const { port } = await startServer(t, issue(directory, makeAuthority(directory, "authority"), "good"));
	process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
	t.teardown(() => {
		delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
	});
	t.regex(await outcome(makeTransport(t, port, {})), /not trusted/);
});

test("trust comes from a directory, and from SSL_CERT_FILE where nothing else is said", async (t) => {
	const directory = temporaryDirectory(t);
	const [authority, stranger] = [makeAuthority(directory, "authority"), makeAuthority(directory, "stranger")];
	const { port } = await startServer(t, issue(directory, authority, "good"));
	const folder = join(directory, "trusted");
	mkdirSync(folder);
	copyFileSync(authority.certificate, join(folder, "a.pem"));
	copyFileSync(stranger.certificate, join(folder, "b.pem"));
	writeFileSync(join(folder, "README"), "not a certificate");
	t.is(await outcome(makeTransport(t, port, { caDirectory: folder })), "ok");
	t.is(await outcome(makeTransport(t, port, {}, { environment: { SSL_CERT_FILE: authority.certificate } })), "ok");
	const environment = { SSL_CERT_FILE: stranger.certificate };
	t.is(await outcome(makeTransport(t, port, { caFile: authority.certificate, caDirectory: "/nowhere" }, { environment })), "ok");
	t.regex(await outcome(makeTransport(t, port, {}, { environment })), /not trusted/);
});

test("a client certificate is presented", async (t) => {
	const directory = temporaryDirectory(t);
	const authority = makeAuthority(directory, "authority");
	const client = issue(directory, authority, "client");
	const server = await startServer(t, issue(directory, authority, "good"), {
		requestCert: true,
		rejectUnauthorized: true,
		ca: readFileSync(authority.certificate),
	});
	const trusted = { caFile: authority.certificate };
	const identified = { ...trusted, clientCertificateFile: client.certificate, clientKeyFile: client.key };
	t.is(await outcome(makeTransport(t, server.port, identified)), "ok");
	t.deepEqual(server.seen, ["client"]);
	t.regex(await outcome(makeTransport(t, server.port, trusted)), /^unreachable: /);
	const mismatched = { ...identified, clientKeyFile: authority.key };
	t.regex(await outcome(makeTransport(t, server.port, mismatched)), /^invalid: The TLS file .*client\.pem.* cannot be used/);
});

test("a CA file that is replaced on disk is used without a restart, and a broken one keeps the last good", async (t) => {
	const directory = temporaryDirectory(t);
	const [first, second] = [makeAuthority(directory, "first"), makeAuthority(directory, "second")];
	const [old, renewed] = [issue(directory, first, "old"), issue(directory, second, "renewed")];
	const { port, server } = await startServer(t, old);
	const caFile = join(directory, "ca.pem");
	copyFileSync(first.certificate, caFile);
	const transport = makeTransport(t, port, { caFile });
	t.is(await outcome(transport), "ok");
	server.setSecureContext({ cert: readFileSync(renewed.certificate), key: readFileSync(renewed.key) });
	server.closeAllConnections();
	await becomes(t, transport, /not trusted/);
	copyFileSync(second.certificate, caFile);
	await becomes(t, transport, /^ok$/);
	rmSync(caFile);
	await new Promise((resolve) => setTimeout(resolve, 1100));
	t.is(await outcome(transport), "ok");
});

async function becomes(t: ExecutionContext, transport: Transport, expected: RegExp): Promise<void> {
	const end = Date.now() + 10_000;
	let last = await outcome(transport);
	while (!expected.test(last) && Date.now() < end) {
		await new Promise((resolve) => setTimeout(resolve, 50));
		last = await outcome(transport);
	}
	t.regex(last, expected);
}

test("a TLS file that cannot be used is named, and only plain files are opened", async (t) => {
	const directory = temporaryDirectory(t);
	const empty = join(directory, "empty");
	mkdirSync(empty);
	const text = join(directory, "text.pem");
	writeFileSync(text, "no certificate");
	const cases: readonly (readonly [TlsOptions, RegExp])[] = [
		[{ caFile: join(directory, "missing.pem") }, /missing\.pem cannot be used \(ENOENT\)/],
		[{ caFile: directory }, /is not a file/],
		[{ caFile: "/dev/zero" }, /\/dev\/zero is not a file/],
		[{ caFile: text }, /text\.pem holds no certificate/],
		[{ caDirectory: empty }, /empty holds no file/],
		[{ caDirectory: text }, /text\.pem cannot be used \(ENOTDIR\)/],
		[{ clientCertificateFile: text, clientKeyFile: text }, /text\.pem.* cannot be used/],
	];
	for (const [tls, expected] of cases) {
		const result = await outcome(makeTransport(t, 1, tls));
		t.regex(result, expected);
		t.regex(result, /^invalid: .*PEM files that the provider's container has/);
	}
});
