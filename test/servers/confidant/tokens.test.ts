import { AssumeRoleWithWebIdentityCommand } from "@aws-sdk/client-sts";
import test from "ava";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { officialClients } from "../aws/clients.ts";
import type { AwsCredentials } from "../aws/sessions.ts";
import { ask, askAs, mintAs } from "./client.ts";
import { type Confidant, startConfidant } from "./confidant.ts";
import { scopedAccount } from "./keys.ts";
import type { KmsauthToken, TokenClaims } from "./kmsauth.ts";

const issuer = await createTokenIssuer();
const web = "/v1/services/web";
let confidant: Confidant;

test.before(async () => {
	confidant = await startConfidant(undefined);
	const api = await confidant.createCredential("api", { token: "t0k3n" });
	await confidant.putService("web", [api]);
	await confidant.putService("job", [api]);
	await confidant.putService("box", [api], { account: scopedAccount });
});

test.after.always(() => confidant?.stop());

/** Keys of a role, by a pod's token at STS. */
async function assume(role: string): Promise<AwsCredentials> {
	const token = await issuer.token(makePod(), { audience: "sts.amazonaws.com" });
	const command = new AssumeRoleWithWebIdentityCommand({ RoleArn: role, RoleSessionName: "shop-web", WebIdentityToken: token });
	const { Credentials: { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = {} } = await officialClients(
		confidant.aws,
	).tokens.send(command);
	return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}

test("a pod's role makes tokens of its service, and of no other", async (t) => {
	const role = confidant.addRole("web", { issuer, subject: "system:serviceaccount:shop:web" });
	const credentials = await assume(role);
	for (const version of [1, 2] as const) {
		const { status, text } = await askAs(confidant, web, await mintAs(confidant, credentials, { from: "web", version }));
		t.is(status, 200, text);
		t.true(text.includes("t0k3n"));
	}
	const refused: readonly (Partial<TokenClaims> & Pick<TokenClaims, "from">)[] = [
		{ from: "job" },
		{ from: "web", userType: "user" },
		{ from: "web", to: "another" },
		{ from: "web", key: confidant.keys.userAuthentication.arn },
		{ from: "web", key: confidant.keys.blind.alias },
	];
	for (const claims of refused) await t.throwsAsync(mintAs(confidant, credentials, claims), { name: "AccessDeniedException" });
	t.is(confidant.aws.count({ operation: "Encrypt", role }), 2 + refused.length, "only what the role itself asked for");
});

test("a token is taken from HTTP Basic and from headers of its own", async (t) => {
	const { username, token } = await confidant.mint({ from: "web" });
	t.is((await askAs(confidant, web, { username, token })).status, 200);
	t.is((await ask(confidant, web, { "x-auth-from": username, "x-auth-token": token })).status, 200);
	t.is((await ask(confidant, web, { "x-auth-token": token })).status, 401);
});

/** What a wrong token is answered with, by what is wrong. */
const wrongTokens: Readonly<Record<string, Partial<TokenClaims>>> = {
	"of another service": { from: "job" },
	"for another Confidant": { to: "another" },
	"of a person": { userType: "user", key: "alias/confidant-users" },
	"of another type": { userType: "robot" },
	"with the key of people": { key: "alias/confidant-users" },
	"with a key that Confidant does not know": { key: "alias/blind" },
	"that has expired": { notBefore: -30, notAfter: -20 },
	"that begins in the future": { notBefore: 5, notAfter: 15 },
	"that lasts for longer than an hour": { notAfter: 58.1 },
};

for (const [name, claims] of Object.entries(wrongTokens)) {
	test(`Confidant refuses a token ${name}`, async (t) => {
		const { token } = await confidant.mint({ from: "web", ...claims });
		const { status, text } = await askAs(confidant, web, { username: "2/service/web", token });
		t.is(status, 403, text);
		t.true(text.startsWith("<!DOCTYPE HTML"), text);
	});
}

/** What else a request may prove itself with, and the status that it gets. */
const wrongProofs: Readonly<Record<string, { readonly change: (good: KmsauthToken) => KmsauthToken; readonly status: number }>> = {
	"garbage instead of a token": { change: ({ username }) => ({ username, token: "AAAA" }), status: 403 },
	"no token": { change: ({ username }) => ({ username, token: "" }), status: 403 },
	"a changed token": { change: ({ username, token }) => ({ username, token: `${token.slice(0, -8)}AAAAAAA=` }), status: 403 },
	"a version that does not exist": { change: ({ token }) => ({ username: "3/service/web", token }), status: 403 },
	"another user's name": { change: ({ token }) => ({ username: "2/service/job", token }), status: 403 },
	"a type that is not allowed": { change: ({ token }) => ({ username: "2/robot/web", token }), status: 403 },
	"a user name of two parts": { change: ({ token }) => ({ username: "service/web", token }), status: 500 },
};

for (const [name, { change, status }] of Object.entries(wrongProofs)) {
	test(`Confidant answers ${status} to ${name}`, async (t) => {
		const answer = await askAs(confidant, web, change(await confidant.mint({ from: "web" })));
		t.is(answer.status, status, answer.text);
	});
}

/** What a service may ask for besides itself. */
const otherPaths: Readonly<Record<string, { readonly path: string; readonly status: number }>> = {
	"another service": { path: "/v1/services/job", status: 403 },
	"a service that does not exist": { path: "/v1/services/nobody", status: 403 },
	"all services": { path: "/v1/services", status: 403 },
	"all credentials": { path: "/v1/credentials", status: 403 },
	"a path that does not exist": { path: "/v1/nothing", status: 404 },
};

for (const [name, { path, status }] of Object.entries(otherPaths)) {
	test(`a service that asks for ${name} is answered ${status}`, async (t) => {
		const answer = await askAs(confidant, path, await confidant.mint({ from: "web" }));
		t.is(answer.status, status, answer.text);
	});
}

test("a service that does not exist is told so only to who proves to be it", async (t) => {
	t.deepEqual(await askAs(confidant, "/v1/services/nobody", await confidant.mint({ from: "nobody" })), { status: 404, text: "{}\n" });
	t.is((await ask(confidant, "/v1/services/nobody")).status, 401);
});

test("a service of an account has to come with the key of that account, and others may", async (t) => {
	const scoped = { key: confidant.keys.scopedAuthentication.alias };
	const statusOf = async (from: string, claims = {}) =>
		(await askAs(confidant, `/v1/services/${from}`, await confidant.mint({ from, ...claims }))).status;
	t.is(await statusOf("box"), 401);
	t.is(await statusOf("box", scoped), 200);
	t.is(await statusOf("web", scoped), 200);
});

test("Confidant's own settings are obeyed: one that takes no tokens of version 1", async (t) => {
	const strict = await startConfidant(t, { environment: { KMS_MINIMUM_TOKEN_VERSION: "2" } });
	await strict.putService("web", []);
	t.is((await askAs(strict, web, await strict.mint({ from: "web", version: 1 }))).status, 403);
	t.is((await askAs(strict, web, await strict.mint({ from: "web" }))).status, 200);
	t.is((await askAs(strict, web, await confidant.mint({ from: "web" }))).status, 403, "a token of another account");
});
