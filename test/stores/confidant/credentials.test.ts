import test from "ava";
import { type Confidant, type Credential, startConfidant } from "../../servers/confidant/confidant.ts";
import { addRole, connect, entryAt, makeInstance, read, readError, told } from "./harness.ts";

let confidant: Confidant;

test.before(async () => {
	confidant = await startConfidant(undefined);
});
test.after.always(() => confidant?.stop());

/** A session of the service of a name. */
async function open(service: string, credentials: readonly Credential[], options: Readonly<Record<string, unknown>> = {}) {
	const role = addRole(confidant, service);
	await confidant.putService(service, credentials);
	return { role, session: await connect(makeInstance(entryAt(confidant, options)), { role }) };
}

test("a value is the credential's pairs as JSON, in the order of their keys", async (t) => {
	const pairs = { zeta: "p@ss w0rd\nü", alpha: '"quoted"', 10: "ten", 9: "nine", __proto__2: "no prototype" };
	const { session } = await open("pairs", [await confidant.createCredential("all kinds", pairs)]);
	const [outcome] = await read(session, "all kinds");
	t.is(outcome?.kind, "found");
	if (outcome?.kind !== "found") return;
	t.is(outcome.structure, "json");
	t.is(
		outcome.value.reveal().toString(),
		'{"9":"nine","10":"ten","__proto__2":"no prototype","alpha":"\\"quoted\\"","zeta":"p@ss w0rd\\nü"}',
	);
});

test("a credential is found by its name and by its id, many by one request", async (t) => {
	const [db, api] = [await confidant.createCredential("named db", { a: "1" }), await confidant.createCredential("named api", { b: "2" })];
	const { role, session } = await open("naming", [db, api]);
	confidant.front.reset();
	t.deepEqual(await told(session, "named db", db.id, "named api", "none", "named db"), [
		'{"a":"1"}',
		'{"a":"1"}',
		'{"b":"2"}',
		"absent",
		'{"a":"1"}',
	]);
	t.is(confidant.front.counts.get("/v1/services/naming"), 1);
	t.is(confidant.aws.count({ role, operation: "Encrypt" }), 1);
});

test("of several of one name the only one that is enabled is meant, and an id means one in any case", async (t) => {
	const plain = await confidant.createCredential("twin", { a: "1" });
	const blind = await confidant.createBlindCredential("twin", { b: "2" });
	const { session } = await open("twins", [plain, blind]);
	t.deepEqual(await told(session, "twin", plain.id, blind.id), ["invalid", '{"a":"1"}', '{"b":"2"}']);
	await confidant.changeCredential(plain, { enabled: false });
	t.deepEqual(await told(session, "twin", plain.id, blind.id), ['{"b":"2"}', "denied", '{"b":"2"}']);
});

test("a changed, an unmapped and a disabled credential are seen by the next read", async (t) => {
	const db = await confidant.createCredential("changing", { password: "one" });
	const { session } = await open("changes", [db]);
	t.deepEqual(await told(session, "changing"), ['{"password":"one"}']);
	const changed = await confidant.changeCredential(db, { pairs: { password: "two" } });
	t.deepEqual(await told(session, "changing"), ['{"password":"two"}']);
	await confidant.putService("changes", []);
	t.deepEqual(await told(session, "changing"), ["absent"]);
	await confidant.putService("changes", [changed]);
	await confidant.changeCredential(changed, { enabled: false });
	t.deepEqual(await told(session, "changing"), ["denied"]);
	await confidant.putService("changes", [changed], { enabled: false });
	t.deepEqual(await told(session, "changing", "none"), ["denied", "denied"], "a disabled service gives nobody anything");
});

test("another service can be proved where the role may", async (t) => {
	const db = await confidant.createCredential("of the team", { password: "shared" });
	await confidant.putService("team", [db]);
	const { role, session } = await open("member", [], { from: "team" });
	t.deepEqual(await told(session, "of the team"), ["denied"]);
	confidant.aws.permit(role, { allow: [confidant.authenticationRule("team")] });
	t.deepEqual(await told(session, "of the team"), ['{"password":"shared"}']);
});

test("a service of an account is read with the account's key", async (t) => {
	const db = await confidant.createCredential("of the sandbox", { password: "sand" });
	const { session } = await open("box", [], { authKey: confidant.keys.scopedAuthentication.alias });
	await confidant.putService("box", [db], { account: "sandbox" });
	t.deepEqual(await told(session, "of the sandbox"), ['{"password":"sand"}']);
});

test("a blind credential is opened here, its key by KMS once", async (t) => {
	const blind = await confidant.createBlindCredential("sealed", { password: "hunter2", "Upper Case": "kept" });
	const { role, session } = await open("blind", [blind]);
	const decryptions = () => confidant.aws.count({ role, operation: "Decrypt" });
	t.deepEqual(await told(session, "sealed", blind.id), Array(2).fill('{"Upper Case":"kept","password":"hunter2"}'));
	t.is(decryptions(), 1, "two objects of one read share the key");
	await told(session, "sealed");
	t.is(decryptions(), 1);
	await confidant.changeCredential(blind, { pairs: { password: "hunter3" } });
	t.deepEqual(await told(session, "sealed"), ['{"password":"hunter3"}']);
	t.is(decryptions(), 2, "what is encrypted anew has another key");
});

test("a blind credential that is not asked for is not opened", async (t) => {
	const blind = await confidant.createBlindCredential("left alone", { password: "hunter2" });
	const { role, session } = await open("sparing", [blind, await confidant.createCredential("asked for", { a: "1" })]);
	await told(session, "asked for");
	t.is(confidant.aws.count({ role, operation: "Decrypt" }), 0);
});

for (const [what, code, says, arrange] of [
	[
		"whose context the role may not use",
		"denied",
		/^KMS Decrypt for the blind credential "\S+" \([0-9a-f]{32}\) in us-east-1 with the context to=others refuses the role .+Allow the role kms:Decrypt on the key where "kms:EncryptionContext:to": "others"/,
		(name: string) => confidant.createBlindCredential(name, { password: "hunter2" }, { context: { to: "others" } }),
	],
	[
		"that is disabled",
		"denied",
		/^The credential "\S+" \([0-9a-f]{32}\) is disabled/,
		(name: string) => confidant.createBlindCredential(name, { password: "hunter2" }, { enabled: false }),
	],
] as const) {
	test(`a blind credential ${what} is ${code}, and the others are there`, async (t) => {
		const name = what.replaceAll(" ", "-");
		const { session } = await open(name, [await arrange(name), await confidant.createCredential(`beside-${name}`, { a: "1" })]);
		const error = await readError(session, name);
		t.is(error.code, code);
		t.regex(error.text, says);
		t.deepEqual(await told(session, name, `beside-${name}`), [code, '{"a":"1"}']);
	});
}
