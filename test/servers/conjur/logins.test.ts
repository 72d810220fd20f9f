import test from "ava";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer, type TokenOptions } from "../../support/token-issuer.ts";
import type { JwtAuthenticator } from "./authenticators.ts";
import { ask, logIn, type PlainRequest } from "./requests.ts";
import { audience, branch, hostOf, letIn, openSite, type Site, service } from "./site.ts";

const web = makePod();
const host = hostOf(web);
const webservice = `webservice:conjur/authn-jwt/${service}`;

interface Case {
	readonly name: string;
	readonly prepare?: (site: Site) => unknown;
	/** Replaces parts of the authenticator; undefined takes them away. */
	readonly authenticator?: Partial<Record<keyof JwtAuthenticator, unknown>>;
	readonly token?: TokenOptions;
	/** Sent instead of a token of the issuer. */
	readonly jwt?: (site: Site) => string | Promise<string>;
	readonly id?: string;
	readonly service?: string;
	readonly status: number;
	/** Nothing unless given. */
	readonly body?: RegExp;
}

const annotated = (annotations: Readonly<Record<string, string>>) => (site: Site) => {
	site.conjur.policy.addHost(host, annotations);
};
const otherName = { "kubernetes.io": { namespace: "shop", serviceaccount: { name: "other" } } };

async function ofUnknownKey(): Promise<string> {
	return (await createTokenIssuer()).token(web, { audience });
}

const algorithms = ["RS256", "RS384", "RS512", "PS256", "ES256"];
const ownKeys = new Map(await Promise.all(algorithms.map(async (alg) => [alg, await generateKeyPair(alg)] as const)));
/** Keys that the issuer publishes too, so that a token can be wrong in other ways than by its signature. */
const published = await Promise.all(
	Array.from(ownKeys, async ([alg, { publicKey }]) => ({ ...(await exportJWK(publicKey)), kid: alg, alg, use: "sig" })),
);

/** A token as the issuer would sign it, with other claims; undefined takes one away. */
function signed(changes: Readonly<Record<string, unknown>>, alg = "RS256") {
	return ({ issuer }: Site): Promise<string> => {
		const now = Math.floor(Date.now() / 1000);
		const claims = { iss: issuer.issuer, aud: [audience], sub: "system:serviceaccount:shop:web", iat: now, exp: now + 600 };
		const nested = { "kubernetes.io": { namespace: "shop", serviceaccount: { name: "web" } } };
		const key = ownKeys.get(alg)?.privateKey ?? Buffer.from("a secret that both would have to know");
		return new SignJWT(JSON.parse(JSON.stringify({ ...claims, ...nested, ...changes }))).setProtectedHeader({ alg, kid: alg }).sign(key);
	};
}

const soon = Math.floor(Date.now() / 1000) + 3600;

const cases: readonly Case[] = [
	{ name: "a pod's token", status: 200, body: /^\{"protected":"[\w-]+={0,2}","payload":"[\w-]+={0,2}","signature":"[\w-]+={0,2}"\}$/ },
	{ name: "no token", jwt: () => "", status: 400, body: /CONJ00009E/ },
	{ name: "what is no token", jwt: () => "a.b", status: 401 },
	{ name: "a token with a fourth part", jwt: async (site) => `${await site.issuer.token(web, { audience })}.x`, status: 401 },
	{ name: "a token that no key of the issuer's has signed", jwt: ofUnknownKey, status: 401 },
	...["RS384", "RS512"].map((alg) => ({ name: `a token signed with ${alg}`, jwt: signed({}, alg), status: 200, body: /./ })),
	...["PS256", "ES256", "HS256"].map((alg) => ({ name: `a token signed with ${alg}`, jwt: signed({}, alg), status: 401 })),
	{ name: "an expired token", token: { lifetime: -10 }, status: 401, body: /CONJ00016E/ },
	{ name: "a token without an end", jwt: signed({ exp: undefined }), status: 401 },
	{ name: "a token that is not valid yet", jwt: signed({ nbf: soon }), status: 401 },
	{ name: "a token of the future", jwt: signed({ iat: soon, exp: soon + 600 }), status: 401 },
	{ name: "a claim that is empty", jwt: signed({ sub: "" }), status: 401 },
	{ name: "a token for another audience", token: { audience: "vault" }, status: 401 },
	{ name: "a token for several audiences", token: { audience: ["vault", audience] }, status: 200, body: /./ },
	{
		name: "any audience, where none is demanded",
		authenticator: { audience: undefined },
		token: { audience: "x" },
		status: 200,
		body: /./,
	},
	{ name: "another issuer's name", authenticator: { issuer: "https://elsewhere.example" }, status: 401 },
	{ name: "any issuer's name, where none is demanded", authenticator: { issuer: undefined }, status: 200, body: /./ },
	{ name: "a service that is not set up", service: "other", status: 401 },
	{ name: "a service that is not enabled", prepare: ({ conjur }) => conjur.authenticators.disable(service), status: 401 },
	{ name: "keys that cannot be fetched", authenticator: { keys: () => Promise.reject(new Error("down")) }, status: 401 },
	{ name: "an identity in the URL beside the claim's", id: host, status: 401 },
	{ name: "no identity at all", authenticator: { tokenAppProperty: undefined }, status: 401 },
	{ name: "an identity in the URL alone", authenticator: { tokenAppProperty: undefined }, id: host, status: 200, body: /./ },
	{ name: "an identity without host/ is a user's", authenticator: { tokenAppProperty: undefined }, id: host.slice(5), status: 401 },
	{ name: "a claim that is not there", authenticator: { tokenAppProperty: "nothing/here" }, status: 401 },
	{ name: "a claim that is no text", authenticator: { tokenAppProperty: "kubernetes.io" }, status: 401 },
	{ name: "another branch", authenticator: { identityPath: "other" }, status: 401 },
	{ name: "no host of that name", prepare: ({ conjur }) => conjur.policy.removeHost(host), status: 401 },
	{ name: "a host without the right to log in here", prepare: ({ conjur }) => conjur.policy.revoke(host, webservice), status: 403 },
	{ name: "a host without annotations", prepare: annotated({}), status: 401 },
	{ name: "a host with annotations of another service", prepare: annotated({ "authn-jwt/x/sub": "y" }), status: 401 },
	{ name: "an annotation of a claim that is not there", prepare: annotated({ [`authn-jwt/${service}/x`]: "y" }), status: 401 },
	{
		name: "an annotation of a whole object",
		prepare: annotated({ [`authn-jwt/${service}/kubernetes.io`]: "[object Object]" }),
		status: 401,
	},
	{
		name: "an annotation of a standard claim",
		prepare: ({ conjur, issuer }) => conjur.policy.addHost(host, { [`authn-jwt/${service}/iss`]: issuer.issuer }),
		status: 401,
	},
	{ name: "another claim than the annotations demand", token: { claims: otherName }, status: 401 },
];

for (const { name, prepare, authenticator, token, jwt, id = "", service: asked = service, status, body = /^$/ } of cases) {
	test(`a login with ${name}: ${status}`, async (t) => {
		const site = await openSite(t);
		const { conjur, issuer } = site;
		letIn(conjur, web);
		const changed = Object.entries({ issuer: issuer.issuer, audience, tokenAppProperty: "sub", identityPath: branch, ...authenticator });
		const keys = { keys: [...issuer.keys.keys, ...published] };
		conjur.authenticators.add(service, { keys, ...Object.fromEntries(changed.filter(([, value]) => value !== undefined)) });
		prepare?.(site);
		const sent = jwt === undefined ? issuer.token(web, { audience, ...token }) : jwt(site);
		const answer = await logIn(conjur, await sent, asked, id);
		t.is(answer.status, status);
		t.regex(answer.body.toString(), body);
		t.like(conjur.calls("authenticate")[0], { status, caller: status === 200 ? host : "", connection: 1 });
	});
}

const path = `/authn-jwt/${service}/acme/authenticate`;
const form = { "content-type": "application/x-www-form-urlencoded" };
const requests: readonly (Partial<PlainRequest> & { readonly name: string; readonly status: number })[] = [
	{ name: "a body that is no form", headers: { "content-type": "application/json" }, status: 400 },
	{ name: "another account", path: path.replace("acme", "other"), status: 401 },
	{ name: "an identity whose slash is not encoded", path: path.replace("/authenticate", "/host/web/authenticate"), status: 404 },
	{ name: "a path that cannot be decoded", path: path.replace("kube", "%zz"), status: 404 },
	{ name: "a path of the Cloud", path: `/api${path}`, status: 404 },
];

for (const { name, status, headers = form, path: other = path } of requests) {
	test(`a login with ${name}: ${status}`, async (t) => {
		const { conjur, issuer } = await openSite(t);
		letIn(conjur, web);
		const body = `jwt=${await issuer.token(web, { audience })}`;
		t.is((await ask(conjur, { path: other, headers, body })).status, status);
	});
}

test("an access token comes in base64 to who accepts that, among others", async (t) => {
	const { conjur, issuer } = await openSite(t);
	letIn(conjur, web);
	const body = `jwt=${await issuer.token(web, { audience })}`;
	const answer = await ask(conjur, { path, body, headers: { ...form, "accept-encoding": "gzip, base64" } });
	t.is(answer.headers["content-encoding"], "base64");
	const token = Buffer.from(answer.body.toString(), "base64").toString();
	t.like(JSON.parse((await ask(conjur, { path: "/whoami", token })).body.toString()), { account: "acme", username: host });
});

test("an authenticator tells how it is to who may read its status", async (t) => {
	const { conjur, issuer } = await openSite(t);
	const login = letIn(conjur, web);
	const status = async (name = service) =>
		(await ask(conjur, { path: `/authn-jwt/${name}/acme/status`, token: conjur.tokens.issue(login) })).status;
	t.is(await status(), 403);
	conjur.policy.permit(login, ["read"], `${webservice}/status`);
	t.is(await status(), 200);
	t.is(await status("other"), 404);
	conjur.authenticators.add(service, { ...issuer, keys: () => Promise.reject(new Error("down")) });
	t.is(await status(), 500);
});
