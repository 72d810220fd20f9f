import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { GetParameterCommand } from "@aws-sdk/client-ssm";
import { AssumeRoleWithWebIdentityCommand, type AssumeRoleWithWebIdentityCommandInput } from "@aws-sdk/client-sts";
import { HttpRequest } from "@smithy/protocol-http";
import type { FinalizeRequestMiddleware } from "@smithy/types";
import test, { type ExecutionContext } from "ava";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer, type TokenIssuer, type TokenOptions } from "../../support/token-issuer.ts";
import { type AwsServers, startAws } from "./aws.ts";
import { type ClientSettings, officialClients } from "./clients.ts";
import type { AwsCredentials } from "./sessions.ts";

const audience = "sts.amazonaws.com";
const subject = "system:serviceaccount:shop:web";
const everything = { allow: [{ actions: ["*"] }] };

interface Site {
	readonly aws: AwsServers;
	readonly issuer: TokenIssuer;
	readonly role: string;
}

/** Servers without an emulator, because it takes no part in who somebody is. */
async function openSite(t: ExecutionContext<unknown>): Promise<Site> {
	const [aws, issuer] = await Promise.all([startAws(t, { fast: true }), createTokenIssuer()]);
	const role = aws.roleArn("web");
	aws.trust(role, { issuer, subject });
	aws.permit(role, everything);
	return { aws, issuer, role };
}

/** What a promise is refused with, as `name: message`; empty when it is not. */
async function refusal(promise: Promise<unknown>): Promise<string> {
	const [result] = await Promise.allSettled([promise]);
	if (result === undefined || result.status === "fulfilled") return "";
	return result.reason instanceof Error ? `${result.reason.name}: ${result.reason.message}` : String(result.reason);
}

function assume({ aws, role }: Site, token: string, input: Partial<AssumeRoleWithWebIdentityCommandInput> = {}) {
	const command = new AssumeRoleWithWebIdentityCommand({ RoleArn: role, RoleSessionName: "shop-web", WebIdentityToken: token, ...input });
	return officialClients(aws).tokens.send(command);
}

async function assumed(site: Site): Promise<Required<AwsCredentials>> {
	const { Credentials: { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = {} } = await assume(
		site,
		await site.issuer.token(makePod(), { audience }),
	);
	return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}

function read(aws: AwsServers, settings: ClientSettings): Promise<unknown> {
	return officialClients(aws, settings).secrets.send(new GetSecretValueCommand({ SecretId: "app" }));
}

test("the token of a trusted subject becomes a session that signs", async (t) => {
	const site = await openSite(t);
	const token = await site.issuer.token(makePod(), { audience });
	const before = Date.now();
	const { Credentials, AssumedRoleUser, SubjectFromWebIdentityToken } = await assume(site, token, { DurationSeconds: 900 });
	t.is(SubjectFromWebIdentityToken, subject);
	t.is(AssumedRoleUser?.Arn, `arn:aws:sts::${site.aws.account}:assumed-role/web/shop-web`);
	const seconds = ((Credentials?.Expiration?.getTime() ?? 0) - before) / 1000;
	t.true(seconds > 890 && seconds < 920, `${seconds} s`);
	const credentials = await assumed(site);
	t.not(credentials.accessKeyId, Credentials?.AccessKeyId, "each session has keys of its own");
	t.is(await refusal(read(site.aws, { credentials })), "");
	const [first] = site.aws.calls({ operation: "GetSecretValue", role: site.role, region: "us-east-1", name: "app" });
	t.is(first?.accessKeyId, credentials.accessKeyId);
});

const refusedTokens: Readonly<Record<string, { readonly token: TokenOptions; readonly serviceAccount?: string; readonly text: string }>> = {
	"of another audience": { token: { audience: "vault" }, text: "InvalidIdentityTokenException: Incorrect token audience" },
	"that has expired": { token: { audience, lifetime: -10 }, text: "ExpiredTokenException: Token expired" },
	"of another service account": { token: { audience }, serviceAccount: "db", text: "AccessDenied: Not authorized" },
};

for (const [name, { token, serviceAccount = "web", text }] of Object.entries(refusedTokens)) {
	test(`STS refuses a token ${name}`, async (t) => {
		const site = await openSite(t);
		const given = await site.issuer.token(makePod({ serviceAccount }), token);
		const message = await refusal(assume(site, given));
		t.true(message.startsWith(text), message);
	});
}

test("STS refuses a token whose issuer it trusts and who did not sign it", async (t) => {
	const site = await openSite(t);
	const forger = await createTokenIssuer(site.issuer.issuer);
	t.regex(await refusal(assume(site, await forger.token(makePod(), { audience }))), /^InvalidIdentityTokenException: Couldn't retrieve/);
	const [header, , signature] = (await site.issuer.token(makePod(), { audience })).split(".");
	const [, payload] = (await site.issuer.token(makePod(), { audience, lifetime: 7200 })).split(".");
	t.regex(await refusal(assume(site, [header, payload, signature].join("."))), /^InvalidIdentityTokenException: The signature/);
	t.regex(await refusal(assume(site, "no token")), /^InvalidIdentityTokenException: The ID Token provided is not a valid JWT/);
	const stranger = await createTokenIssuer("https://stranger.example");
	t.regex(await refusal(assume(site, await stranger.token(makePod(), { audience }))), /No OpenIDConnect provider found/);
});

test("STS refuses roles without trust, session names and durations that are not allowed", async (t) => {
	const site = await openSite(t);
	const token = await site.issuer.token(makePod(), { audience });
	const other = site.aws.roleArn("other");
	t.regex(await refusal(assume(site, token, { RoleArn: other })), /^AccessDenied/);
	site.aws.trust(other, { issuer: site.issuer, subject, audience: "vault" });
	t.regex(await refusal(assume(site, token, { RoleArn: other })), /^AccessDenied/, "the other role wants another audience");
	for (const input of [{ RoleArn: "web" }, { RoleSessionName: "shop:web" }, { DurationSeconds: 60 }, { DurationSeconds: 7200 }])
		t.regex(await refusal(assume(site, token, input)), /^ValidationError/, JSON.stringify(input));
	site.aws.distrust(site.role);
	t.regex(await refusal(assume(site, token)), /^AccessDenied/);
});

const wrongSigners: Readonly<
	Record<string, { readonly settings: (good: Required<AwsCredentials>) => ClientSettings; readonly text: string }>
> = {
	"a wrong secret key": { settings: (good) => ({ credentials: { ...good, secretAccessKey: "x" } }), text: "InvalidSignatureException" },
	"an unknown access key": {
		settings: (good) => ({ credentials: { ...good, accessKeyId: "ASIA0" } }),
		text: "UnrecognizedClientException",
	},
	"no session token": {
		settings: ({ accessKeyId, secretAccessKey }) => ({ credentials: { accessKeyId, secretAccessKey } }),
		text: "UnrecognizedClientException",
	},
	"another session's token": {
		settings: (good) => ({ credentials: { ...good, sessionToken: "other" } }),
		text: "UnrecognizedClientException",
	},
	"a clock that is an hour wrong": {
		settings: (credentials) => ({ credentials, systemClockOffset: 3_600_000 }),
		text: "InvalidSignatureException: Signature expired",
	},
	"another region than the address is of": {
		settings: (credentials) => ({ credentials, path: "/eu-west-1" }),
		text: "InvalidSignatureException: Credential should be scoped to a valid region",
	},
};

for (const [name, { settings, text }] of Object.entries(wrongSigners)) {
	test(`the services refuse a signature with ${name}`, async (t) => {
		const site = await openSite(t);
		const good = await assumed(site);
		const message = await refusal(read(site.aws, settings(good)));
		t.true(message.startsWith(text), message);
		t.is(await refusal(read(site.aws, { credentials: good, path: "/us-east-1" })), "", "the good one is taken");
	});
}

function changing<Input extends object, Output extends object>(
	change: (request: HttpRequest) => void,
): FinalizeRequestMiddleware<Input, Output> {
	return (next) => (args) => {
		if (HttpRequest.isInstance(args.request)) change(args.request);
		return next(args);
	};
}

test("the services refuse what was changed after it was signed, signed for another service, or not signed", async (t) => {
	const { aws } = await openSite(t);
	const changed = officialClients(aws).secrets;
	changed.middlewareStack.addRelativeTo(
		changing((request) => {
			request.body = JSON.stringify({ SecretId: "apq" });
		}),
		{ relation: "after", toMiddleware: "httpSigningMiddleware" },
	);
	t.regex(await refusal(changed.send(new GetSecretValueCommand({ SecretId: "app" }))), /^InvalidSignatureException: The request signature/);
	const extended = officialClients(aws).secrets;
	extended.middlewareStack.addRelativeTo(
		changing((request) => {
			request.headers["x-amz-extra"] = "1";
		}),
		{ relation: "after", toMiddleware: "httpSigningMiddleware" },
	);
	t.regex(await refusal(extended.send(new GetSecretValueCommand({ SecretId: "app" }))), /^InvalidSignatureException: There were headers/);
	const { parameters } = officialClients(aws);
	parameters.middlewareStack.addRelativeTo(
		changing((request) => {
			request.headers["x-amz-target"] = "secretsmanager.GetSecretValue";
		}),
		{ relation: "before", toMiddleware: "httpSigningMiddleware" },
	);
	t.regex(await refusal(parameters.send(new GetParameterCommand({ Name: "app" }))), /^InvalidSignatureException: .*correct service/);
	const plain = { method: "POST", headers: { "x-amz-target": "secretsmanager.GetSecretValue" }, body: '{"SecretId":"app"}' };
	const unsigned = await fetch(aws.endpoints.secretsmanager, plain);
	t.is(unsigned.status, 400);
	t.regex(await unsigned.text(), /MissingAuthenticationTokenException/);
});

test("sessions end, by themselves or by order", async (t) => {
	const site = await openSite(t);
	const credentials = await assumed(site);
	site.aws.endSessions(site.role);
	t.regex(await refusal(read(site.aws, { credentials })), /^ExpiredTokenException/);
	site.aws.settings.sessionSeconds = 0;
	const ended = await assumed(site);
	t.regex(await refusal(read(site.aws, { credentials: ended })), /^ExpiredTokenException/);
	t.is(await refusal(read(site.aws, {})), "", "keys without an end stay");
});

test("the Pod Identity agent gives the role of the association to the right token only", async (t) => {
	const { aws, issuer, role } = await openSite(t);
	aws.associate(role, { issuer, namespace: "shop", serviceAccount: "web" });
	const pod = makePod();
	const ask = async (authorization: string) => {
		const answer = await fetch(`${aws.endpoints.agent}/v1/credentials`, authorization === "" ? {} : { headers: { authorization } });
		return { status: answer.status, text: await answer.text() };
	};
	const good = await ask(await issuer.token(pod, { audience: "pods.eks.amazonaws.com" }));
	t.is(good.status, 200, good.text);
	const answer = JSON.parse(good.text) as Record<"AccessKeyId" | "SecretAccessKey" | "Token" | "AccountId" | "Expiration", string>;
	t.is(answer.AccountId, aws.account);
	t.true(Date.parse(answer.Expiration) > Date.now());
	const credentials = { accessKeyId: answer.AccessKeyId, secretAccessKey: answer.SecretAccessKey, sessionToken: answer.Token };
	t.is(await refusal(read(aws, { credentials })), "");
	const refused = {
		InvalidRequestException: "",
		InvalidTokenException: await issuer.token(pod, { audience }),
		ExpiredTokenException: await issuer.token(pod, { audience: "pods.eks.amazonaws.com", lifetime: -10 }),
		ResourceNotFoundException: await issuer.token(makePod({ serviceAccount: "db" }), { audience: "pods.eks.amazonaws.com" }),
	};
	for (const [code, token] of Object.entries(refused)) {
		const { status, text } = await ask(token);
		t.true(status >= 400 && text.includes(code), `${status} ${text}`);
	}
	t.is(aws.count({ service: "agent", name: "shop/web" }), 3);
});
