import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { DecryptCommand } from "@aws-sdk/client-kms";
import test from "ava";
import { startAws } from "../aws/aws.ts";
import { officialClients } from "../aws/clients.ts";
import { pythonProgram } from "../python-program.ts";
import { type Answered, ask, askAs } from "./client.ts";
import { type Confidant, startConfidant } from "./confidant.ts";

let confidant: Confidant;

test.before(async () => {
	confidant = await startConfidant(undefined);
});

test.after.always(() => confidant?.stop());

interface ReadCredential {
	readonly id: string;
	readonly name: string;
	readonly enabled: boolean;
	readonly revision: number;
	readonly credential_keys: readonly string[];
	readonly credential_pairs: Readonly<Record<string, string>>;
}

interface ReadBlindCredential extends ReadCredential {
	readonly cipher_type: string;
	readonly data_key: Readonly<Record<string, string>>;
	readonly metadata: { readonly context: Readonly<Record<string, Record<string, string>>> };
}

interface ReadService {
	readonly enabled: boolean;
	readonly revision: number;
	readonly credentials: readonly ReadCredential[];
	readonly blind_credentials: readonly ReadBlindCredential[];
}

async function askService(service: string, query = ""): Promise<Answered> {
	return askAs(confidant, `/v1/services/${service}${query}`, await confidant.mint({ from: service }));
}

async function read(service: string, query = ""): Promise<ReadService> {
	const { status, text } = await askService(service, query);
	if (status !== 200) throw new Error(`${status} ${text}`);
	return JSON.parse(text) as ReadService;
}

test("a service has its credentials with their values, keys in lower case", async (t) => {
	const db = await confidant.createCredential("values/db", { DB_User: "app", db_password: "p@ss w0rd\n\u00fc\u{1f511}" });
	t.is(await confidant.putService("values", [db]), 1);
	const [credential] = (await read("values")).credentials;
	t.like(credential, { id: db.id, name: "values/db", enabled: true, revision: 1 });
	t.deepEqual(credential?.credential_pairs, { db_user: "app", db_password: "p@ss w0rd\n\u00fc\u{1f511}" });
	const [bare] = (await read("values", "?metadata_only=true")).credentials;
	t.deepEqual(bare?.credential_pairs, {});
	t.deepEqual(bare?.credential_keys.toSorted(), ["db_password", "db_user"]);
});

test("a change moves the credential's revision and leaves the service's", async (t) => {
	const api = await confidant.createCredential("changed/api", { token: "1" });
	await confidant.putService("changed", [api]);
	t.is((await confidant.changeCredential(api, { pairs: { token: "2" } })).revision, 2);
	t.is((await confidant.changeCredential(api, { name: "changed/api 2" })).revision, 3);
	const { revision, credentials } = await read("changed");
	t.is(revision, 1);
	t.like(credentials[0], { name: "changed/api 2", revision: 3, credential_pairs: { token: "2" } });
	t.is(await confidant.putService("changed", []), 2);
	t.deepEqual((await read("changed")).credentials, []);
});

test("what is disabled is answered all the same, and says so", async (t) => {
	const off = await confidant.createCredential("disabled/off", { key: "old" });
	const blind = await confidant.createBlindCredential("disabled/blind", { sealed: "old" });
	await confidant.putService("disabled", [off, blind]);
	await confidant.changeCredential(off, { enabled: false });
	await confidant.changeCredential(blind, { enabled: false });
	const service = await read("disabled");
	t.like(service.credentials[0], { enabled: false, credential_pairs: { key: "old" } });
	t.is(service.blind_credentials[0]?.enabled, false);
	t.true(service.enabled);
	await confidant.putService("disabled", [off, blind], { enabled: false });
	t.false((await read("disabled")).enabled);
});

/** Fernet of the library that Confidant's clients use. */
async function openWithFernet(key: Uint8Array, token: string): Promise<string> {
	const python = join(dirname(await pythonProgram("confidant")), "python");
	const program = "import sys; from cryptography.fernet import Fernet; print(Fernet(sys.argv[1]).decrypt(sys.argv[2]).decode())";
	const { stdout, stderr } = spawnSync(python, ["-c", program, Buffer.from(key).toString(), token], { encoding: "utf8" });
	return stdout.trim() || stderr;
}

test("a blind credential opens with the data key of its context, and Confidant never has its values", async (t) => {
	const blind = await confidant.createBlindCredential("blind/key", { sealed: "first" }, { context: { to: "blind", from: "blind" } });
	await confidant.putService("blind", [blind]);
	t.is((await confidant.changeCredential(blind, { pairs: { sealed: "second" } })).revision, 2);
	const { text } = await askService("blind");
	t.false(text.includes("second"));
	const [credential] = (await read("blind")).blind_credentials;
	const { region } = confidant;
	const role = confidant.aws.roleArn("blind");
	confidant.aws.permit(role, { allow: [confidant.blindRule({ to: "blind", from: "blind" })] });
	const { keys } = officialClients(confidant.aws, { credentials: confidant.aws.session(role) });
	const open = (context: Record<string, string>) =>
		keys.send(
			new DecryptCommand({ CiphertextBlob: Buffer.from(credential?.data_key[region] ?? "", "base64"), EncryptionContext: context }),
		);
	const { Plaintext = Buffer.alloc(0) } = await open(credential?.metadata.context[region] ?? {});
	t.is(await openWithFernet(Plaintext, credential?.credential_pairs[region] ?? ""), '{"sealed":"second"}');
	await t.throwsAsync(open({ to: "another" }), { name: "AccessDeniedException" });
});

test("the server refuses keys that two credentials of a service share, and names that are taken", async (t) => {
	const [first, second] = await Promise.all([
		confidant.createCredential("shared/1", { key: "1" }),
		confidant.createCredential("shared/2", { KEY: "2" }),
	]);
	await t.throwsAsync(confidant.putService("shared", [first, second]), { message: /400 .*[Cc]onflict/s });
	await t.throwsAsync(confidant.createCredential("shared/1", { other: "1" }), { message: /409 .*Name already exists/s });
});

test("a Confidant that KMS refuses answers as if the token were wrong, unless it has taken the token before", async (t) => {
	const cut = await startConfidant(t);
	await cut.putService("web", []);
	const token = await cut.mint({ from: "web" });
	const mend = cut.aws.fail({ operation: "Decrypt", role: cut.principal, effect: { kind: "error", code: "DisabledException" } });
	t.is((await askAs(cut, "/v1/services/web", token)).status, 403);
	mend();
	t.is((await askAs(cut, "/v1/services/web", token)).status, 200);
	const decryptions = cut.aws.count({ role: cut.principal, operation: "Decrypt" });
	t.true(decryptions > 0);
	t.is((await askAs(cut, "/v1/services/web", token)).status, 200);
	t.is(cut.aws.count({ operation: "Decrypt" }), decryptions, "a token that was taken once is kept");
});

test("the proxy counts what clients ask for, and misbehaves as it is told to", async (t) => {
	const aws = await startAws(t);
	const own = await startConfidant(t, { aws });
	await own.putService("web", []);
	t.is(own.aws, aws);
	t.is(own.front.requests.length, 0);
	const headers = { "x-auth-from": "2/service/web", "x-auth-token": (await own.mint({ from: "web" })).token };
	t.is((await ask(own, "/v1/services/web", headers)).status, 200);
	t.is(own.front.counts.get("/v1/services/web"), 1);
	own.front.misbehave({ kind: "redirect", location: "https://elsewhere.example/" });
	t.is((await ask(own, "/v1/services/web", headers)).status, 302);
});
