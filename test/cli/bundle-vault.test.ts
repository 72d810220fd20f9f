import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { startGuarded } from "../servers/guarded-process.ts";
import { enableJwt, enableKv, startVault, writeJwtRole, writePolicy } from "../servers/vault/vault.ts";
import { makePod } from "../support/pods.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";

/** The flags that the image gives to Node. */
const imageFlags = ["--max-semi-space-size=1", "--max-old-space-size=48", "--disable-sigusr1"];

test("the bundle alone brings a Vault's secret into a volume and keeps the inspector shut", async (t) => {
	const directory = temporaryDirectory(t);
	const script = join(import.meta.dirname, "../../scripts/bundle.ts");
	execFileSync(process.execPath, [script, "--directory", directory], { stdio: ["ignore", "ignore", "inherit"] });
	const [vault, issuer] = await Promise.all([startVault(t), createTokenIssuer()]);
	const pod = makePod();
	await enableKv(vault, "secret", 2);
	await vault.api("POST", "secret/data/shop", { data: { password: "from vault" } });
	await enableJwt(vault, issuer);
	await writePolicy(vault, "shop", { "secret/data/shop": ["read"] });
	await writeJwtRole(vault, { name: "shop", policies: ["shop"], account: pod });

	const inside = (name: string) => join(directory, name);
	mkdirSync(inside("sockets"));
	writeFileSync(inside("keys.json"), JSON.stringify(issuer.keys));
	writeFileSync(inside("token"), await issuer.token(pod));
	writeFileSync(
		inside("policy.yaml"),
		`endpoints: [${vault.address}]\ndialects:\n  vault: {address: "${vault.address}", authMount: jwt}\n`,
	);
	writeFileSync(inside("class.yaml"), providerClass);
	const program = [...imageFlags, inside("claviger.cjs")];
	const serve = ["serve", "--socket-dir", inside("sockets"), "--providers", "vault", "--policy", inside("policy.yaml")];
	const provider = startGuarded(process.execPath, [...program, ...serve, "--token-keys", inside("keys.json"), "--http", "off"], {
		logFile: inside("log"),
	});
	t.teardown(() => provider.stop());
	await until(
		() => existsSync(inside("sockets/vault.sock")),
		() => provider.log(),
	);

	const identity = ["--namespace", pod.namespace, "--pod", pod.name, "--pod-uid", pod.uid, "--service-account", pod.serviceAccount];
	const mount = [
		"mount",
		"--spc",
		inside("class.yaml"),
		"--token",
		`vault=${inside("token")}`,
		"--socket-dir",
		inside("sockets"),
		"--no-tmpfs",
	];
	const arguments_ = [...program, ...mount, ...identity, "--target", inside("volume")];
	const { status, stderr } = spawnSync(process.execPath, arguments_, { encoding: "utf8", timeout: 60_000 });
	t.is(status, 0, `${stderr}${provider.log()}`);
	t.is(readFileSync(inside("volume/password"), "utf8"), "from vault");

	provider.kill("SIGUSR1");
	provider.kill("SIGTERM");
	await provider.ended;
	t.false(/debugger/i.test(provider.log()), provider.log());
	t.regex(provider.log(), /"stopped"/);
});

const providerClass = `kind: SecretProviderClass
metadata: {name: shop}
spec:
  provider: vault
  parameters:
    roleName: shop
    objects: |
      - {objectName: password, secretPath: secret/data/shop, secretKey: password}
`;

async function until(condition: () => boolean, explain: () => string): Promise<void> {
	const end = Date.now() + 30_000;
	while (!condition()) {
		if (Date.now() > end) throw new Error(`waited in vain: ${explain()}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
