import test from "ava";
import { enableJwt, enableKv, startVault, type VaultServer, writeJwtRole, writePolicy } from "./servers/vault/vault.ts";
import { CallFailure } from "./support/mount-client.ts";
import { makePod, mountAttributes } from "./support/pods.ts";
import { startTestProvider } from "./support/provider.ts";
import { createTokenIssuer } from "./support/token-issuer.ts";
import { waitUntil } from "./support/wait-until.ts";

const issuer = await createTokenIssuer();
const parameters = { roleName: "web", objects: "- {objectName: a, secretPath: secret/data/a, secretKey: v}" };
const web = makePod();
let vault: VaultServer;

test.before(async () => {
	vault = await startVault(undefined);
	await enableKv(vault, "secret", 2);
	await enableJwt(vault, issuer);
	await writePolicy(vault, "reader", { "secret/data/*": ["read"] });
	await writeJwtRole(vault, {
		name: "web",
		policies: ["reader"],
		account: { namespace: web.namespace, serviceAccount: web.serviceAccount },
	});
});
test.beforeEach(() => vault.api("POST", "secret/data/a", { data: { v: "first" } }));
test.after.always(() => vault?.stop());

function start(t: Parameters<typeof startTestProvider>[0], flags: readonly string[] = []) {
	const policy = `dialects: {vault: {address: "${vault.address}", authMount: jwt}}`;
	return startTestProvider(t, { policy, issuer, ages: "default", providers: "vault", flags });
}

test.serial("what one pod was given goes to its replicas, and to no pod of another account, with whatever token", async (t) => {
	const provider = await start(t);
	const client = provider.client("vault");
	const attributes = mountAttributes(web, parameters, { vault: await issuer.token(web) });
	const first = await client.mount(attributes);
	for (let time = 0; time < 3; time += 1) t.deepEqual((await client.mount(attributes)).files, first.files);
	t.deepEqual((await provider.mount("vault", makePod({ name: "web-2" }), parameters)).files, first.files);
	const stranger = makePod({ serviceAccount: "stranger" });
	await t.throwsAsync(provider.mount("vault", stranger, parameters), { instanceOf: CallFailure, message: /login/ });
	const stolen = await issuer.token(web, { audience: "vault" });
	await t.throwsAsync(provider.mount("vault", stranger, parameters, { tokens: { vault: stolen } }), {
		instanceOf: CallFailure,
		message: /web/,
	});
	const other = makePod({ name: "web-3" });
	await t.throwsAsync(provider.mount("vault", other, parameters, { tokens: { vault: stolen } }), { message: /another pod/ });
});

test.serial("a changed value reaches volumes that were answered from memory many times", async (t) => {
	const provider = await start(t, ["--poll-interval", "1s"]);
	const attributes = mountAttributes(web, parameters, { vault: await issuer.token(web) });
	const mount = () => provider.client("vault").mount(attributes);
	for (let time = 0; time < 5; time += 1) await mount();
	await vault.api("POST", "secret/data/a", { data: { v: "second" } });
	await waitUntil(async () => (await mount()).files.get("a")?.contents.toString() === "second");
	const { versions, files } = await provider.mount("vault", makePod({ name: "web-2" }), parameters);
	t.is(files.get("a")?.contents.toString(), "second");
	t.is(versions.size, 1);
});

test.serial("a token that has ended is refused though it was good when it came first", async (t) => {
	const provider = await start(t);
	// Ten seconds of tolerance are left to a clock that is behind.
	const attributes = mountAttributes(web, parameters, { vault: await issuer.token(web, { lifetime: -7 }) });
	const mount = () => provider.client("vault").mount(attributes);
	await mount();
	const isRefused = (error: unknown) => error instanceof CallFailure && /has expired/.test(error.message);
	await waitUntil(() => mount().then(() => false, isRefused));
	t.pass();
});
