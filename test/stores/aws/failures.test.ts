import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import { type AwsServers, startAws } from "../../servers/aws/aws.ts";
import { CallFailure, type MountResult } from "../../support/mount-client.ts";
import { startTestProvider, type TestProvider } from "../../support/provider.ts";
import { issuer, makeAccount } from "./harness.ts";

/** A pod that has mounted one object, and the levers of its AWS. */
interface Scene {
	readonly aws: AwsServers;
	readonly role: string;
	/** Of the secret. */
	readonly version: string;
}

interface Case {
	/** What is read; a secret `app` unless given. */
	readonly entry?: Readonly<Record<string, string>>;
	readonly begin: (scene: Scene) => unknown;
	readonly code: string;
	/** What the message must say. */
	readonly says: readonly RegExp[];
	/** Whether a running pod loses the file: only by the store's word. */
	readonly withdraws?: true;
}

const error = (code: string, status = 400, message?: string) =>
	({ kind: "error", code, status, ...(message === undefined ? {} : { message }) }) as const;
const parameter = { path: "/app", service: "ssm" };

const cases: Readonly<Record<string, Case>> = {
	"throttling that does not end": {
		begin: ({ aws }) => aws.fail({ service: "secretsmanager", effect: error("ThrottlingException") }),
		code: "unreachable",
		says: [/Secrets Manager in us-east-1 limits the rate of requests: it did not give "app"/, /quota/],
	},
	"credentials that are not taken any more": {
		begin: ({ aws }) => aws.fail({ service: "secretsmanager", effect: error("ExpiredTokenException") }),
		code: "unreachable",
		says: [/does not accept the session's credentials/],
	},
	"a clock that is wrong": {
		begin: ({ aws }) =>
			aws.fail({
				service: "secretsmanager",
				effect: error("InvalidSignatureException", 400, "Signature expired: 20200101 is now earlier than 20200102"),
			}),
		code: "unreachable",
		says: [/signature/, /clock/],
	},
	"a secret that was deleted": {
		begin: ({ aws }) => aws.deleteSecret("app"),
		code: "absent",
		says: [
			/Secrets Manager in us-east-1 has no "app" \(ResourceNotFoundException/,
			/aws secretsmanager describe-secret --region us-east-1 --secret-id app/,
		],
		withdraws: true,
	},
	"a secret that is scheduled for deletion": {
		begin: ({ aws }) => aws.deleteSecret("app", { recoveryDays: 7 }),
		code: "absent",
		says: [/is about to delete "app"/, /aws secretsmanager restore-secret/],
		withdraws: true,
	},
	"a stage that is not there any more": {
		entry: { path: "app", stage: "special" },
		begin: ({ aws, version }) =>
			aws.admin("secretsmanager", "UpdateSecretVersionStage", {
				SecretId: "app",
				VersionStage: "special",
				RemoveFromVersionId: version,
			}),
		code: "absent",
		says: [/has no "app"/, /stage/],
		withdraws: true,
	},
	"a permission that is taken away": {
		begin: ({ aws, role }) => aws.permit(role, { allow: [] }),
		code: "denied",
		says: [
			/denies "app" to the role arn:aws:iam::\d+:role\/web of service account shop\/web/,
			/secretsmanager:GetSecretValue/,
			/not authorized to perform/,
		],
		withdraws: true,
	},
	"a key of a secret that may not be used": {
		begin: ({ aws }) =>
			aws.fail({
				service: "secretsmanager",
				effect: error("DecryptionFailure", 400, "Secrets Manager can't decrypt the protected secret text."),
			}),
		code: "denied",
		says: [/cannot decrypt "app"/, /kms:Decrypt/],
		withdraws: true,
	},
	"a parameter that was deleted": {
		entry: parameter,
		begin: ({ aws }) => aws.deleteParameter("/app"),
		code: "absent",
		says: [/Parameter Store in us-east-1 has no "\/app"/],
		withdraws: true,
	},
	"a key of a parameter that is disabled": {
		entry: parameter,
		begin: ({ aws }) => aws.fail({ service: "ssm", effect: error("InvalidKeyId", 400, "key is disabled") }),
		code: "denied",
		says: [/Parameter Store in us-east-1 cannot decrypt "\/app"/, /enabled/],
		withdraws: true,
	},
	"a request that AWS does not understand": {
		entry: parameter,
		begin: ({ aws }) => aws.fail({ service: "ssm", effect: error("ValidationException", 400, "1 validation error detected") }),
		code: "invalid",
		says: [/does not understand the request for "\/app"/],
	},
	"a service that fails": {
		begin: ({ aws }) => aws.fail({ service: "secretsmanager", effect: error("InternalServiceError", 500) }),
		code: "unreachable",
		says: [/Secrets Manager in us-east-1 could not give "app" \(InternalServiceError/],
	},
	"an error that nobody knows": {
		begin: ({ aws }) => aws.fail({ service: "secretsmanager", effect: error("BrandNewException", 418) }),
		code: "unreachable",
		says: [/gave no usable answer to the request for "app" \(BrandNewException/],
	},
	"a connection that is cut": {
		begin: ({ aws }) => aws.fail({ service: "secretsmanager", effect: { kind: "reset" } }),
		code: "unreachable",
		says: [/"app": 127.0.0.1:\d+ is unreachable: the connection was cut/],
	},
	"an answer that is cut": {
		begin: ({ aws }) => aws.fail({ service: "secretsmanager", effect: { kind: "truncate" } }),
		code: "unreachable",
		says: [/the connection was cut/],
	},
	"an answer without an end": {
		begin: ({ aws }) => aws.fail({ service: "secretsmanager", effect: { kind: "endless" } }),
		code: "too-large",
		says: [/answered with more than \d+ bytes/],
	},
	"an answer that is none": {
		begin: ({ aws }) => aws.fail({ service: "secretsmanager", effect: { kind: "garbage" } }),
		code: "unreachable",
		says: [/Secrets Manager in us-east-1 gave no usable answer to the request for "app"/],
	},
	"an answer without a value": {
		begin: ({ aws }) => aws.fail({ service: "secretsmanager", effect: { kind: "status", status: 200, body: "{}" } }),
		code: "unreachable",
		says: [/it holds no value/],
	},
	"a proxy's page that refuses": {
		begin: ({ aws }) =>
			aws.fail({ service: "secretsmanager", effect: { kind: "status", status: 403, body: "<html>forbidden hunter2</html>" } }),
		code: "unreachable",
		says: [/gave no usable answer to the request for "app" \(status 403\)/],
	},
	"a redirect": {
		begin: ({ aws }) => aws.fail({ service: "secretsmanager", effect: { kind: "redirect", location: "https://evil.example/" } }),
		code: "unreachable",
		says: [/redirects to evil.example/],
	},
};

for (const [name, { entry = { path: "app" }, begin, code, says, withdraws }] of Object.entries(cases)) {
	test(`${name}: ${code}, and a running pod ${withdraws ? "loses the file" : "keeps the file"}`, async (t) => {
		const aws = await startAws(t);
		const { pod, role } = makeAccount(aws, "web");
		const { versionId: version } = await aws.putSecret("app", "hunter2");
		await aws.admin("secretsmanager", "UpdateSecretVersionStage", {
			SecretId: "app",
			VersionStage: "special",
			MoveToVersionId: version,
		});
		await aws.putParameter("/app", "hunter2");
		const provider = await startTestProvider(t, { issuer, policy: policyAt(aws, role) });
		t.is((await mount(provider, pod, entry)).files.get("f")?.contents.toString(), "hunter2");
		await begin({ aws, role, version });
		const failure = await failureOf(t, mount(provider, { ...pod, uid: randomUUID() }, entry));
		t.is(failure.errorCode, code, failure.details);
		for (const pattern of says) t.regex(failure.details, pattern);
		t.false(failure.details.includes("hunter2"), failure.details);
		const remounted = mount(provider, pod, entry);
		if (withdraws) t.deepEqual([...(await remounted).files.keys()], [".revoked"]);
		else await failureOf(t, remounted);
	});
}

const logins: readonly (readonly [what: string, effect: Parameters<AwsServers["fail"]>[0]["effect"], code: string, says: RegExp])[] = [
	[
		"refuses the role",
		error("AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity"),
		"denied",
		/STS in us-east-1 refuses the role .*trust policy must allow/s,
	],
	[
		"does not know the issuer",
		error("InvalidIdentityToken", 400, "No OpenIDConnect provider found in your account for https://x"),
		"unidentified",
		/create-open-id-connect-provider --url https:\/\/kubernetes.default.svc.cluster.local --client-id-list sts.amazonaws.com/,
	],
	[
		"does not take the audience",
		error("InvalidIdentityToken", 400, "Incorrect token audience"),
		"unidentified",
		/add-client-id-to-open-id-connect-provider/,
	],
	["finds the token expired", error("ExpiredTokenException", 400, "Token expired"), "unidentified", /the token has expired/],
	[
		"cannot read the issuer's keys",
		error("InvalidIdentityToken", 400, "Couldn't retrieve verification key from your identity provider"),
		"unreachable",
		/could not log in/,
	],
	["cannot reach the issuer", error("IDPCommunicationError", 400, "x"), "unreachable", /could not log in/],
	["throttles", error("Throttling", 400, "Rate exceeded"), "unreachable", /limits the rate of requests/],
	["fails", error("InternalFailure", 500), "unreachable", /could not log in/],
	["is not active there", error("RegionDisabledException", 403), "invalid", /STS is active in the region/],
	["answers nonsense", { kind: "garbage" }, "unreachable", /no usable answer/],
	["is a proxy's page", { kind: "status", status: 403, body: "<html>no</html>" }, "unreachable", /no usable answer/],
	["cuts the connection", { kind: "reset" }, "unreachable", /the connection was cut/],
];

for (const [what, effect, code, says] of logins) {
	test(`an STS that ${what}: ${code}`, async (t) => {
		const aws = await startAws(t);
		const { pod, role } = makeAccount(aws, "web");
		const provider = await startTestProvider(t, { issuer, policy: policyAt(aws, role) });
		aws.fail({ service: "sts", effect });
		const failure = await failureOf(t, mount(provider, pod, { path: "app" }));
		t.is(failure.errorCode, code, failure.details);
		t.regex(failure.details, says);
		if (effect.kind === "error") t.true(failure.details.includes("service account shop/web"), failure.details);
	});
}

const agents: readonly (readonly [status: number, body: string, code: string, says: RegExp])[] = [
	[
		404,
		"(ResourceNotFoundException): No association found",
		"denied",
		/aws eks create-pod-identity-association --cluster-name CLUSTER --namespace shop --service-account web/,
	],
	[403, "(AccessDeniedException): no", "denied", /has no role for service account shop\/web/],
	[400, "(InvalidTokenException): token", "unidentified", /its audience must be pods.eks.amazonaws.com/],
	[500, "(InternalServerException): x", "unreachable", /could not log in service account shop\/web \(status 500/],
	[200, "{}", "unreachable", /no usable answer/],
	[200, "<html>hello</html>", "unreachable", /no usable answer/],
];

for (const [status, body, code, says] of agents) {
	test(`a Pod Identity agent that answers ${status} ${body}: ${code}`, async (t) => {
		const aws = await startAws(t);
		const { pod } = makeAccount(aws, "web");
		const provider = await startTestProvider(t, { issuer, policy: policyAt(aws, "", "pod") });
		aws.fail({ service: "agent", effect: { kind: "status", status, body } });
		const failure = await failureOf(t, mount(provider, pod, { path: "app" }, "pods.eks.amazonaws.com"));
		t.is(failure.errorCode, code, failure.details);
		t.regex(failure.details, says);
	});
}

test("an error that repeats token and credentials is shown without them", async (t) => {
	const aws = await startAws(t);
	const { pod, role } = makeAccount(aws, "web");
	const token = await issuer.token(pod, { audience: "sts.amazonaws.com" });
	const provider = await startTestProvider(t, { issuer, policy: policyAt(aws, role) });
	aws.fail({ service: "sts", effect: error("AccessDenied", 403, `Your token ${token} and key ${"A".repeat(200)} \u001b[31m\nare bad`) });
	const objects = JSON.stringify([{ name: "f", store: "main", path: "app" }]);
	const failure = await failureOf(t, provider.mount("claviger", pod, { objects }, { tokens: { "sts.amazonaws.com": token } }));
	for (const text of [failure.details, ...provider.logs]) {
		for (const part of token.split(".")) t.false(text.includes(part.slice(0, 30)), text);
		t.false(text.includes("A".repeat(64)) || text.includes("\u001b"), text);
	}
});

test("throttling that says how long is waited out, and what passes quickly is not seen", async (t) => {
	const aws = await startAws(t);
	const { pod, role } = makeAccount(aws, "web");
	await aws.putSecret("app", "hunter2");
	const provider = await startTestProvider(t, { issuer, policy: policyAt(aws, role) });
	aws.fail({ service: "secretsmanager", times: 1, effect: { ...error("ThrottlingException"), headers: { "retry-after": "1" } } });
	aws.fail({ service: "sts", times: 1, effect: error("InternalFailure", 500) });
	const before = Date.now();
	t.is((await mount(provider, pod, { path: "app" })).files.get("f")?.contents.toString(), "hunter2");
	t.true(Date.now() - before >= 1000, "as long as the service wanted");
	t.deepEqual(aws.counts(), { AssumeRoleWithWebIdentity: 2, GetSecretValue: 2 });
});

function policyAt(aws: AwsServers, role: string, identity = "web"): string {
	return `stores: {main: {type: aws, region: us-east-1, identity: ${identity}, role: "${role}", endpoints: ${JSON.stringify(aws.endpoints)}}}`;
}

function mount(
	provider: TestProvider,
	pod: Pod,
	entry: Readonly<Record<string, string>>,
	audience = "sts.amazonaws.com",
): Promise<MountResult> {
	return provider.mount("claviger", pod, { objects: JSON.stringify([{ name: "f", store: "main", ...entry }]) }, { audience });
}

async function failureOf(t: ExecutionContext, mounting: Promise<unknown>): Promise<CallFailure> {
	const failure = await t.throwsAsync(mounting, { instanceOf: CallFailure });
	if (failure === undefined) throw new Error("the mount did not fail");
	return failure;
}
