import test from "ava";
import { importPKCS8, type JWTPayload, SignJWT } from "jose";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer, type TokenOptions } from "../../support/token-issuer.ts";
import { cloudPlatformScope } from "./access-tokens.ts";
import { ask, type Exchange, exchange } from "./client.ts";
import {
	clusterAudience,
	clusterProvider,
	openSite,
	pool,
	providerAudience,
	type Site,
	tokenOf,
	verdict,
	web,
	webMember,
} from "./servers-support.ts";

let site: Site;
const elsewhere = "https://elsewhere.example";
const week = 7 * 24 * 3600;

test.before(async () => {
	site = await openSite(undefined);
	site.gcp.federation.trustCluster({ pool, provider: elsewhere, issuer: { issuer: elsewhere, keys: site.issuer.keys } });
});
test.after.always(() => site?.gcp.stop());

interface ExchangeCase {
	readonly name: string;
	/** Of the token; the cluster's audience unless given. */
	readonly token?: TokenOptions;
	/** Sent instead of a token of the issuer. */
	readonly subjectToken?: () => string | Promise<string>;
	readonly audience?: string;
	readonly fields?: NonNullable<Exchange["fields"]>;
	readonly expected: RegExp;
}

const unparsable = /^400 invalid_request: Unable to parse the ID Token/;
const badSignature = /^400 invalid_grant: The signature of the ID Token is invalid/;
const badAudience = /^400 invalid_grant: The audience in ID Token does not match/;
const noTarget = /^400 invalid_target: The target service indicated by the "audience"/;
const tokenType = "urn:ietf:params:oauth:token-type:";

const exchanges: readonly ExchangeCase[] = [
	{ name: "a cluster's token is taken", expected: /^200$/ },
	{ name: "an issuer's token is taken", audience: providerAudience, token: { audience: providerAudience }, expected: /^200$/ },
	{
		name: "so is one with https: in front",
		audience: providerAudience,
		token: { audience: `https:${providerAudience}` },
		expected: /^200$/,
	},
	{ name: "a token for another audience", token: { audience: "vault" }, expected: badAudience },
	{ name: "a cluster's token at a provider", audience: providerAudience, expected: badAudience },
	{
		name: "a token past its end",
		token: { audience: pool, lifetime: -5 },
		expected: /^400 invalid_grant: ID Token issued at \d+ is stale/,
	},
	{ name: "a token that lives a week", token: { audience: pool, lifetime: week }, expected: /^400 invalid_grant: The lifetime/ },
	{
		name: "a token without a service account",
		subjectToken: () => ownToken({ namespace: "" }),
		expected: /^400 invalid_grant: The subject/,
	},
	{ name: "a token of a long name", subjectToken: () => ownToken({ serviceAccount: "x".repeat(120) }), expected: /^400 .*longer than 127/ },
	{ name: "a token of another issuer", subjectToken: () => foreignToken(elsewhere), expected: badSignature },
	{ name: "another's token in the issuer's name", subjectToken: () => foreignToken(clusterProvider), expected: badSignature },
	{
		name: "a token in another's name",
		audience: `identitynamespace:${pool}:${elsewhere}`,
		expected: /^400 invalid_grant: The issuer in ID/,
	},
	{ name: "a token signed with a shared secret", subjectToken: sharedSecretToken, expected: unparsable },
	{ name: "no token", subjectToken: () => "", expected: unparsable },
	{ name: "a cluster that is not there", audience: `identitynamespace:${pool}:https://x`, expected: noTarget },
	{ name: "a pool that is not there", audience: `${providerAudience}x`, expected: noTarget },
	{
		name: "a provider without slashes",
		audience: providerAudience.slice(2),
		expected: /^400 invalid_request: Invalid value for "audience"/,
	},
	{ name: "another grant", fields: { grant_type: "password" }, expected: /^400 unsupported_grant_type/ },
	{
		name: "another kind of token",
		fields: { subject_token_type: `${tokenType}saml2` },
		expected: /^400 invalid_request: .*subject_token_type/,
	},
	{ name: "another kind of answer", fields: { requested_token_type: `${tokenType}jwt` }, expected: /^400 invalid_request: .*requested/ },
	{ name: "no scope", fields: { scope: "" }, expected: /^400 invalid_request: Invalid value for "scope"/ },
];

for (const host of ["sts.googleapis.com", "securetoken.googleapis.com"] as const) {
	for (const { name, token = { audience: pool }, subjectToken, audience = clusterAudience, fields = {}, expected } of exchanges) {
		test(`exchange at ${host}: ${name}`, async (t) => {
			const sent = (await subjectToken?.()) ?? (await site.issuer.token(web, token));
			t.regex(verdict(await exchange(site.gcp, { host, subjectToken: sent, audience, fields })), expected);
		});
	}
}

test("a cluster or provider that is no longer trusted is none", async (t) => {
	const { gcp, issuer } = await openSite(t);
	const subjectToken = await issuer.token(web, { audience: pool });
	t.is(verdict(await exchange(gcp, { subjectToken, audience: clusterAudience })), "200");
	gcp.federation.distrust(clusterAudience);
	t.regex(verdict(await exchange(gcp, { subjectToken, audience: clusterAudience })), noTarget);
});

interface ImpersonationCase {
	readonly name: string;
	/** Who asks: an account with the right, unless given. */
	readonly token?: (site: Site) => string;
	/** Whom it wants to be. */
	readonly account?: string;
	readonly body?: Readonly<Record<string, unknown>>;
	readonly expected: RegExp;
}

const named = (name: string) => `projects/-/serviceAccounts/${name}@my-proj.iam.gserviceaccount.com`;
const bare = (email: string) => `projects/my-proj/serviceAccounts/${email}`;
const denied = (permission: string) =>
	new RegExp(`^403 PERMISSION_DENIED: Permission 'iam.serviceAccounts.${permission}' denied on resource`);

const impersonations: readonly ImpersonationCase[] = [
	{ name: "who may, gets a token", expected: /^200$/ },
	{ name: "nobody", token: () => "", expected: /^401 UNAUTHENTICATED: Request is missing required authentication/ },
	{ name: "an unknown token", token: () => "ya29.x", expected: /^401 UNAUTHENTICATED: Request had invalid authentication/ },
	{ name: "a token past its end", token: ({ gcp, app }) => tokenOf(gcp, app, [cloudPlatformScope], -1), expected: /^401 UNAUTHENTICATED/ },
	{ name: "a token of another scope", token: ({ gcp, app }) => tokenOf(gcp, app, ["email"]), expected: /^403 PERMISSION_DENIED: .*scopes/ },
	{ name: "who may not", token: ({ gcp }) => tokenOf(gcp, "other@x"), expected: denied("getAccessToken") },
	{
		name: "an account that is not there",
		account: named("nobody"),
		expected: /^404 NOT_FOUND: Not found; Gaia id not found for email nobody@/,
	},
	{ name: "longer than an hour", body: { lifetime: "3601s" }, expected: /^400 INVALID_ARGUMENT: .*3600/ },
	{ name: "a time that is none", body: { lifetime: "1h" }, expected: /^400 INVALID_ARGUMENT/ },
	{ name: "no scope", body: { scope: [] }, expected: /^400 INVALID_ARGUMENT: Scope required/ },
	{ name: "through a delegate", account: named("last"), body: { delegates: [named("middle")] }, expected: /^200$/ },
	{ name: "past the delegate", account: named("last"), expected: denied("getAccessToken") },
	{ name: "through no delegate", account: named("middle"), body: { delegates: [named("target")] }, expected: denied("implicitDelegation") },
	{ name: "through one that may not go on", body: { delegates: [named("middle")] }, expected: denied("getAccessToken") },
	{ name: "a delegate in a project", body: { delegates: [bare("a@b")] }, expected: /^400 INVALID_ARGUMENT: Invalid form of account name/ },
];

test("impersonation needs a good token, the right, and every link of the chain", async (t) => {
	const opened = await openSite(t);
	const { gcp, app } = opened;
	const caller = `serviceAccount:${app}`;
	for (const account of ["target", "middle", "last"]) gcp.accounts.add(account);
	gcp.iam.allow(caller, "roles/iam.workloadIdentityUser", named("target"));
	gcp.iam.allow(caller, "roles/iam.serviceAccountTokenCreator", named("middle"));
	gcp.iam.allow("serviceAccount:middle@my-proj.iam.gserviceaccount.com", "roles/iam.serviceAccountTokenCreator", named("last"));
	for (const { name, token, account = named("target"), body = {}, expected } of impersonations) {
		const bearer = token === undefined ? tokenOf(gcp, app) : token(opened);
		const answer = await ask(gcp, {
			host: "iamcredentials.googleapis.com",
			path: `/v1/${account}:generateAccessToken`,
			...(bearer === "" ? {} : { token: bearer }),
			body: { scope: [cloudPlatformScope], ...body },
		});
		t.regex(verdict(answer), expected, name);
	}
	t.is(gcp.calls("iam.generateAccessToken")[0]?.principal, caller);
});

interface GrantCase {
	readonly name: string;
	readonly claims?: JWTPayload;
	/** Whose key signs: the account's own unless given. */
	readonly signer?: "another" | "deleted";
	readonly expected: RegExp;
}

const now = () => Math.floor(Date.now() / 1000);
const unreasonable = /^400 invalid_grant: Invalid JWT: Token must be a short-lived token/;

const grants: readonly GrantCase[] = [
	{ name: "a good assertion", expected: /^200$/ },
	{ name: "for another address", claims: { aud: "https://example.com/token" }, expected: /^400 invalid_grant: .*audience/ },
	{ name: "past its end", claims: { iat: now() - 7200, exp: now() - 3600 }, expected: unreasonable },
	{ name: "longer than an hour", claims: { exp: now() + 7200 }, expected: unreasonable },
	{ name: "from the future", claims: { iat: now() + 600, exp: now() + 1200 }, expected: unreasonable },
	{ name: "without a scope", claims: { scope: "" }, expected: /^400 invalid_scope/ },
	{ name: "of an account that is not there", claims: { iss: "nobody@x" }, expected: /^400 invalid_grant: .*account not found/ },
	{ name: "signed with another account's key", signer: "another", expected: /^400 invalid_grant: Invalid JWT Signature/ },
	{ name: "signed with a deleted key", signer: "deleted", expected: /^400 invalid_grant: Invalid JWT Signature/ },
];

test("a key file's owner gets a token, and nobody else", async (t) => {
	const { gcp, app } = await openSite(t);
	const deleted = gcp.accounts.createKey(app);
	gcp.accounts.deleteKeys(app);
	const files = { own: gcp.accounts.createKey(app), another: gcp.accounts.createKey(gcp.accounts.add("another")), deleted };
	for (const { name, claims, signer = "own", expected } of grants) {
		const { private_key: key, private_key_id: kid } = JSON.parse(files[signer]);
		const usual = { iss: app, aud: "https://oauth2.googleapis.com/token", scope: cloudPlatformScope, iat: now(), exp: now() + 3600 };
		const assertion = await new SignJWT({ ...usual, ...claims })
			.setProtectedHeader({ alg: "RS256", kid })
			.sign(await importPKCS8(key, "RS256"));
		const body = new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion });
		t.regex(verdict(await ask(gcp, { host: "oauth2.googleapis.com", path: "/token", body })), expected, name);
	}
});

test("a token signed by a key's owner opens the API it names, and no other", async (t) => {
	const { gcp, app } = await openSite(t);
	gcp.secrets.add("projects/my-proj/secrets/db", "hunter2");
	gcp.iam.allow(`serviceAccount:${app}`, "roles/secretmanager.secretAccessor", "projects/my-proj");
	const { private_key: key, private_key_id: kid } = JSON.parse(gcp.accounts.createKey(app));
	const read = async (aud: string, lifetime = 3600) => {
		const claims = { iss: app, sub: app, aud, iat: now(), exp: now() + lifetime };
		const token = await new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid }).sign(await importPKCS8(key, "RS256"));
		return verdict(
			await ask(gcp, { host: "secretmanager.googleapis.com", path: "/v1/projects/my-proj/secrets/db/versions/1:access", token }),
		);
	};
	t.is(await read("https://secretmanager.googleapis.com/"), "200");
	t.regex(await read("https://cloudkms.googleapis.com/"), /^401 UNAUTHENTICATED/);
	t.regex(await read("https://secretmanager.googleapis.com/", 7200), /^401 UNAUTHENTICATED/);
});

test("the metadata server answers who asks for it with its header, and directly", async (t) => {
	const { gcp } = await openSite(t);
	const url = `http://${gcp.metadataHost}/computeMetadata/v1/instance/service-accounts/default/token`;
	const answer = async (headers: Readonly<Record<string, string>>) => (await fetch(url, { headers })).status;
	t.is(await answer({ "metadata-flavor": "Google" }), 200);
	t.is(await answer({}), 403);
	t.is(await answer({ "metadata-flavor": "Google", "x-forwarded-for": "10.0.0.1" }), 403);
	t.is(
		(await fetch(url.replace(/instance.*$/, "instance/attributes/cluster-name"), { headers: { "metadata-flavor": "Google" } })).status,
		404,
	);
	t.deepEqual(gcp.counts(), { "metadata.token": 3, "metadata.get": 1 });
});

test("principals of a cluster are told by each of their names", async (t) => {
	const { gcp, issuer } = await openSite(t);
	const { body } = await exchange(gcp, { subjectToken: await issuer.token(web, { audience: pool }), audience: clusterAudience });
	const { access_token: token } = body as { readonly access_token: string };
	const read = async () =>
		verdict(
			await ask(gcp, { host: "secretmanager.googleapis.com", path: "/v1/projects/123456789012/secrets/db/versions/1:access", token }),
		);
	gcp.secrets.add("projects/my-proj/secrets/db", "hunter2");
	const name = `//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/${pool}`;
	const members = [webMember, `principal:${name}/subject/ns/shop/sa/web`, `principalSet:${name}/namespace/shop`];
	const others = [`serviceAccount:${pool}[shop/other]`, `principal:${name}/subject/ns/shop/sa/we`, `principalSet:${name}/namespace/sho`];
	for (const member of others) gcp.iam.allow(member, "roles/secretmanager.secretAccessor", "projects/my-proj");
	for (const member of members) {
		t.regex(await read(), /^403 PERMISSION_DENIED/, `without ${member}`);
		gcp.iam.allow(member, "roles/secretmanager.secretAccessor", "projects/my-proj/secrets/db");
		t.is(await read(), "200", member);
		gcp.iam.revoke(member);
	}
});

function ownToken(pod: Partial<Pod>): Promise<string> {
	return site.issuer.token(makePod(pod), { audience: pool });
}

async function foreignToken(issuer: string): Promise<string> {
	return (await createTokenIssuer(issuer)).token(web, { audience: pool });
}

/** A token that no private key has signed. */
function sharedSecretToken(): Promise<string> {
	const key = new TextEncoder().encode("a secret that is long enough for HS256");
	const claims = { iss: clusterProvider, aud: pool, sub: "system:serviceaccount:shop:web" };
	return new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).setIssuedAt().setExpirationTime("1h").sign(key);
}
