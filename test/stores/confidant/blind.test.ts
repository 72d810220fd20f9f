import { randomBytes } from "node:crypto";
import test from "ava";
import { type Confidant, startConfidant } from "../../servers/confidant/confidant.ts";
import { fernetKeyText, sealFernet } from "../../servers/confidant/fernet.ts";
import { basicAuthorization } from "../../servers/confidant/kmsauth.ts";
import { startLatencyProxy } from "../../servers/latency-proxy.ts";
import { addRole, connect, entryAt, makeInstance, read, readError, told } from "./harness.ts";

let confidant: Confidant;

test.before(async () => {
	confidant = await startConfidant(undefined);
});
test.after.always(() => confidant?.stop());

const region = "us-east-1";

/** A blind credential as the server answers with it. */
interface Blind {
	cipher_type: string;
	cipher_version: number;
	credential_pairs: Record<string, string>;
	data_key: Record<string, string>;
	metadata: { context?: Record<string, Record<string, string>> };
}

/** Reads a blind credential whose answer has been changed on its way. */
async function readChanged(t: Parameters<typeof startLatencyProxy>[0], service: string, change: (blind: Blind) => unknown) {
	const role = addRole(confidant, service);
	await confidant.putService(service, [await confidant.createBlindCredential(`sealed-${service}`, { password: "hunter2" })]);
	const authorization = basicAuthorization(await confidant.mint({ from: service }));
	const answer = await fetch(`${confidant.address}/v1/services/${service}`, { headers: { authorization } });
	const body = (await answer.json()) as { blind_credentials: readonly [Blind] };
	await change(body.blind_credentials[0]);
	const front = await startLatencyProxy(t, { target: confidant.address });
	front.misbehave({ kind: "status", status: 200, body: JSON.stringify(body) });
	return connect(makeInstance(entryAt(confidant, { address: front.address })), { role });
}

async function wrap(plaintext: string): Promise<string> {
	const body = {
		KeyId: confidant.keys.blind.alias,
		Plaintext: Buffer.from(plaintext).toString("base64"),
		EncryptionContext: { to: "blind" },
	};
	return String((await confidant.aws.admin("kms", "Encrypt", body))["CiphertextBlob"]);
}

const cases: readonly (readonly [what: string, change: (blind: Blind) => unknown, says: RegExp])[] = [
	["of another cipher", (blind) => Object.assign(blind, { cipher_version: 3 }), /is encrypted by "fernet 3", which is not known here/],
	[
		"for another region",
		(blind) => {
			blind.data_key = { "eu-west-1": blind.data_key[region] ?? "" };
		},
		/is not encrypted for us-east-1\. .+set the store's region to one of eu-west-1/,
	],
	[
		"with another context",
		(blind) => {
			blind.metadata.context = { [region]: { to: "blind", more: "x" } };
		},
		/says that the data key does not open with its context \(InvalidCiphertextException/,
	],
	[
		"with a damaged token",
		(blind) => {
			blind.credential_pairs[region] = sealFernet(randomBytes(32), "{}");
		},
		/does not open with its data key/,
	],
	[
		"with a data key that is none",
		async (blind) => {
			blind.data_key[region] = await wrap("no key");
		},
		/has a data key that is none of Fernet's/,
	],
	[
		"that holds no pairs",
		async (blind) => {
			const key = randomBytes(32);
			blind.data_key[region] = await wrap(fernetKeyText(key));
			blind.credential_pairs[region] = sealFernet(key, '["hunter2"]');
		},
		/holds no JSON object/,
	],
];

for (const [what, change, says] of cases) {
	test(`a blind credential ${what} is invalid, and says so`, async (t) => {
		const service = what.replaceAll(" ", "-");
		const session = await readChanged(t, service, change);
		const error = await readError(session, `sealed-${service}`);
		t.is(error.code, "invalid", error.text);
		t.regex(error.text, says);
		t.regex(error.text, /"sealed-\S+" \([0-9a-f]{32}\)/);
		t.notRegex(error.text, /hunter2/);
	});
}

test("a blind credential whose numbers and nothings are JSON keeps them", async (t) => {
	const key = randomBytes(32);
	const session = await readChanged(t, "scalars", async (blind) => {
		blind.data_key[region] = await wrap(fernetKeyText(key));
		blind.credential_pairs[region] = sealFernet(key, '{"big":12345678901234567890,"none":null,"yes":true,"half":0.50}');
	});
	t.deepEqual(await told(session, "sealed-scalars"), ['{"big":12345678901234567890,"half":0.50,"none":null,"yes":true}']);
});

test("the values of two objects are each their own bytes", async (t) => {
	const session = await readChanged(t, "copies", () => undefined);
	const [one, other] = await read(session, "sealed-copies", "sealed-copies");
	if (one?.kind !== "found" || other?.kind !== "found") return t.fail("both are there");
	one.value.wipe();
	t.is(other.value.reveal().toString(), '{"password":"hunter2"}');
});

test("a key that KMS could not open for want of rights is asked for again", async (t) => {
	const session = await readChanged(t, "later", () => undefined);
	const role = confidant.aws.roleArn("later");
	confidant.aws.permit(role, { allow: [confidant.authenticationRule("later")] });
	t.deepEqual(await told(session, "sealed-later"), ["denied"]);
	confidant.aws.permit(role, { allow: [confidant.authenticationRule("later"), confidant.blindRule()] });
	t.deepEqual(await told(session, "sealed-later"), ['{"password":"hunter2"}']);
});
