import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { ProviderError } from "../provider/errors.ts";
import { readServeOptions, type ServeOptions, serveHelp } from "../provider/options.ts";
import { runtimeVersion } from "../provider/shared/runtime-version.ts";

function read(args: readonly string[], environment: Readonly<Record<string, string>> = {}): ServeOptions {
	const options = readServeOptions(args, environment);
	if (options === "help") throw new Error("help was shown");
	return options;
}

test("flags win over the environment, and the environment over defaults", (t) => {
	t.is(read([]).socketDirectory, "/var/run/secrets-store-csi-providers");
	t.is(read([], { CLAVIGER_SOCKET_DIR: "/a" }).socketDirectory, "/a");
	t.is(read(["--socket-dir", "/b"], { CLAVIGER_SOCKET_DIR: "/a" }).socketDirectory, "/b");
	t.deepEqual(read(["--providers=vault, claviger,vault"]).providers, ["vault", "claviger"]);
	t.deepEqual(read(["--http", "127.0.0.1:0"]).http, { host: "127.0.0.1", port: 0 });
	t.deepEqual(read(["--http", ":8080"]).http, { host: "::", port: 8080 });
	t.is(read(["--http", "off"]).http, undefined);
});

test("tokens are verified by default wherever there is something to verify them with", (t) => {
	t.is(read([]).tokenVerification, "off");
	t.is(read(["--token-keys", "/keys"]).tokenVerification, "keys");
	const cluster = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
	t.is(read([], cluster).tokenVerification, "keys");
	t.is(read([], cluster).kubernetesApi, "https://[fd00::1]:443");
});

for (const [args, parameter] of [
	[["--log-level", "loud"], "--log-level"],
	[["--providers", "vault,../x"], "--providers"],
	[["--providers", ""], "--providers"],
	[["--http", "nowhere"], "--http"],
	[["--http", "127.0.0.1:70000"], "--http"],
	[["--fetch-concurrency", "0"], "--fetch-concurrency"],
	[["--fetch-concurrency", "1e3"], "--fetch-concurrency"],
	[["--token-verification", "maybe"], "--token-verification"],
	[["--version-key-secret", "name"], "--version-key-secret"],
	[["--drain-seconds", "-1"], "--drain-seconds"],
	[["--max-response-bytes", "4MiB"], "--max-response-bytes"],
	[["--traces", "collector:4317"], "--traces"],
	[["--events", "yes"], "--events"],
	[["--sockets", "x"], "--sockets"],
	[["extra"], "extra"],
] as const) {
	test(`${args.join(" ")} is refused by name, with a remedy`, (t) => {
		const error = t.throws(() => read(args), { instanceOf: ProviderError });
		t.is(error?.code, "invalid");
		t.true(error?.message.includes(parameter), error?.message);
		t.truthy(error?.remedy);
	});
}

test("the help names every flag", (t) => {
	for (const flag of ["socket-dir", "providers", "policy", "http", "audit", "token-keys", "version-key-secret", "max-response-bytes"])
		t.true(serveHelp().includes(`--${flag} `));
});

test("the version is the package's", (t) => {
	const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "..", "package.json"), "utf8"));
	t.is(runtimeVersion, version);
});
