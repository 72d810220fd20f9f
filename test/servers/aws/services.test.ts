import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand } from "@aws-sdk/client-kms";
import { BatchGetSecretValueCommand, DescribeSecretCommand, GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { GetParametersCommand } from "@aws-sdk/client-ssm";
import { AssumeRoleWithWebIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import test, { type ExecutionContext } from "ava";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { type AwsServers, startAws } from "./aws.ts";
import { type Clients, officialClients } from "./clients.ts";
import type { FaultEffect } from "./faults.ts";
import { startLoadAws } from "./load-server.ts";
import type { RolePermissions } from "./permissions.ts";

/** An account with one role that may do what is given, and the clients of a session of it. */
async function openRole(t: ExecutionContext<unknown>, permissions: RolePermissions): Promise<Clients & { aws: AwsServers; role: string }> {
	const aws = await startAws(t);
	const role = aws.roleArn("web");
	aws.permit(role, permissions);
	return { ...officialClients(aws, { credentials: aws.session(role) }), aws, role };
}

const everything: RolePermissions = { allow: [{ actions: ["*"] }] };

/** The name of the error that a promise is rejected with; empty when it is not. */
async function errorName(promise: Promise<unknown>): Promise<string> {
	const [result] = await Promise.allSettled([promise]);
	if (result?.status !== "rejected") return "";
	return result.reason instanceof Error ? result.reason.name : "not an error";
}

test.serial("a role reads what its policy allows and nothing that it denies", async (t) => {
	const { aws, secrets, role } = await openRole(t, {
		allow: [{ actions: ["secretsmanager:Get*"], resources: ["shop/*"] }],
		deny: [{ actions: ["*"], resources: [`arn:aws:secretsmanager:*:secret:shop/root`] }],
	});
	const { arn } = await aws.putSecret("shop/db", "hunter2");
	for (const name of ["shop/root", "other"]) await aws.putSecret(name, "x");
	const get = (id: string) => secrets.send(new GetSecretValueCommand({ SecretId: id }));
	t.is((await get("shop/db")).SecretString, "hunter2");
	t.is((await get(arn)).SecretString, "hunter2");
	t.is(await errorName(get("shop/root")), "AccessDeniedException");
	t.is(await errorName(get("other")), "AccessDeniedException");
	t.is(await errorName(get("shop/absent")), "ResourceNotFoundException");
	t.is(await errorName(secrets.send(new DescribeSecretCommand({ SecretId: "shop/db" }))), "AccessDeniedException");
	aws.permit(role, { allow: [] });
	const error = await t.throwsAsync(get("shop/db"));
	t.regex(
		error?.message ?? "",
		/^User: arn:aws:sts::\d+:assumed-role\/web\/test is not authorized to perform: secretsmanager:GetSecretValue/,
	);
});

test.serial("secrets have versions, bytes, an end and a region", async (t) => {
	const { aws, secrets } = await openRole(t, everything);
	const first = await aws.putSecret("db", "old");
	const second = await aws.putSecret("db", Buffer.from([0, 255]));
	const get = async (input: object) => secrets.send(new GetSecretValueCommand({ SecretId: "db", ...input }));
	t.deepEqual([...((await get({})).SecretBinary ?? [])], [0, 255]);
	t.is((await get({ VersionStage: "AWSPREVIOUS" })).VersionId, first.versionId);
	t.is((await get({ VersionId: second.versionId })).VersionId, second.versionId);
	t.is(await errorName(get({ VersionStage: "AWSPENDING" })), "ResourceNotFoundException");
	for (const arn of [first.arn, first.arn.replace(/-\w{6}$/, "")])
		t.is(await errorName(get({ SecretId: arn.replace("us-east-1", "eu-west-1") })), "ResourceNotFoundException");
	const absent = await t.throwsAsync(get({ SecretId: "nowhere" }));
	t.like(absent, { $metadata: { httpStatusCode: 400 } });
	await aws.deleteSecret("db", { recoveryDays: 7 });
	t.is(await errorName(get({})), "InvalidRequestException");
	await aws.putSecret("here", "1", { region: "eu-west-1" });
	t.is(await errorName(get({ SecretId: "here" })), "ResourceNotFoundException");
	const elsewhere = officialClients(aws, { region: "eu-west-1" }).secrets;
	t.is((await elsewhere.send(new GetSecretValueCommand({ SecretId: "here" }))).SecretString, "1");
});

test.serial("a batch needs two rights, has a limit, pages, and tells faults by secret", async (t) => {
	const single = { actions: ["secretsmanager:GetSecretValue"], resources: ["s*", "gone", "nowhere"] };
	const { aws, secrets, role } = await openRole(t, { allow: [single] });
	for (const name of ["s1", "s2", "s3", "foreign", "gone"]) await aws.putSecret(name, `of ${name}`);
	await aws.deleteSecret("gone", { recoveryDays: 7 });
	const batch = (ids: readonly string[], NextToken?: string) =>
		secrets.send(new BatchGetSecretValueCommand({ SecretIdList: [...ids], NextToken }));
	t.is(await errorName(batch(["s1"])), "AccessDeniedException");
	aws.permit(role, { allow: [single, { actions: ["secretsmanager:BatchGetSecretValue"] }] });
	const { SecretValues = [], Errors = [] } = await batch(["s1", "foreign", "gone", "nowhere", "s2"]);
	t.deepEqual(
		SecretValues.map(({ SecretString }) => SecretString),
		["of s1", "of s2"],
	);
	t.deepEqual(Object.fromEntries(Errors.map(({ SecretId, ErrorCode }) => [SecretId, ErrorCode])), {
		foreign: "AccessDeniedException",
		gone: "InvalidRequestException",
		nowhere: "ResourceNotFoundException",
	});
	t.is(await errorName(batch(Array.from({ length: 21 }, (_, index) => `s${index}`))), "ValidationException");
	aws.settings.batchPage = 2;
	const page = await batch(["s1", "s2", "s3"]);
	t.is(page.SecretValues?.length, 2);
	t.is((await batch(["s1", "s2", "s3"], page.NextToken)).SecretValues?.[0]?.Name, "s3");
	aws.fail({ operation: "BatchGetSecretValue", name: "s1", times: 1, effect: { kind: "error", code: "InternalServiceError" } });
	t.is((await batch(["s1", "s2"])).Errors?.[0]?.ErrorCode, "InternalServiceError");
	t.is((await batch(["s1", "s2"])).Errors?.length, 0);
});

test.serial("parameters have versions, labels, types, a limit of ten names, and one denial fails them all", async (t) => {
	const { aws, parameters } = await openRole(t, {
		allow: [{ actions: ["ssm:GetParameters"] }],
		deny: [{ actions: ["*"], resources: ["/root"] }],
	});
	const version = await aws.putParameter("/app", "one", { labels: ["stable"] });
	await aws.putParameter("/app", "two");
	await aws.putParameter("/list", "a,b", { type: "StringList" });
	const get = async (names: readonly string[]) => {
		const answer = await parameters.send(new GetParametersCommand({ Names: [...names], WithDecryption: true }));
		return { values: (answer.Parameters ?? []).map(({ Value }) => Value).sort(), invalid: answer.InvalidParameters };
	};
	const foreign = `arn:aws:ssm:eu-west-1:${aws.account}:parameter/app`;
	t.deepEqual(await get(["/app", "/list", "/none"]), { values: ["a,b", "two"], invalid: ["/none"] });
	t.deepEqual(await get([`/app:${version}`, foreign]), { values: ["one"], invalid: [foreign] });
	t.deepEqual((await get(["/app:stable"])).values, ["one"]);
	t.deepEqual(await get([foreign]), { values: [], invalid: [foreign] });
	t.is(await errorName(get(["/app", "/root"])), "AccessDeniedException");
	t.is(await errorName(get(Array.from({ length: 11 }, (_, index) => `/p${index}`))), "ValidationException");
});

test.serial("keys decrypt for the right context, role, region and state only", async (t) => {
	const { aws, keys, role } = await openRole(t, everything);
	const [key, other] = [await aws.createKey({ alias: "alias/app" }), await aws.createKey()];
	const context = { "csi:ns": "shop" };
	const { CiphertextBlob } = await keys.send(
		new EncryptCommand({ KeyId: "alias/app", Plaintext: Buffer.from("hunter2"), EncryptionContext: context }),
	);
	const decrypt = (input: object = {}) =>
		keys.send(new DecryptCommand({ CiphertextBlob, KeyId: key, EncryptionContext: context, ...input }));
	t.is(Buffer.from((await decrypt()).Plaintext ?? []).toString(), "hunter2");
	t.is(Buffer.from((await decrypt({ KeyId: undefined })).Plaintext ?? []).toString(), "hunter2");
	t.is((await keys.send(new GenerateDataKeyCommand({ KeyId: key, KeySpec: "AES_256" }))).Plaintext?.length, 32);
	t.is(await errorName(decrypt({ EncryptionContext: { "csi:ns": "other" } })), "InvalidCiphertextException");
	t.is(await errorName(decrypt({ KeyId: other })), "IncorrectKeyException");
	t.is(await errorName(decrypt({ KeyId: undefined, CiphertextBlob: Buffer.from("nonsense") })), "InvalidCiphertextException");
	t.is(await errorName(decrypt({ KeyId: key.replace("us-east-1", "eu-west-1") })), "NotFoundException");
	t.is(await errorName(decrypt({ KeyId: "alias/none" })), "NotFoundException");
	aws.permit(role, { allow: [{ actions: ["kms:Decrypt"], resources: [key], encryptionContext: { "csi:ns": "blog" } }] });
	t.is(await errorName(decrypt()), "AccessDeniedException");
	aws.permit(role, { allow: [{ actions: ["kms:Decrypt"], resources: [key], encryptionContext: { "csi:ns": "shop" } }] });
	t.is(await errorName(decrypt()), "");
	await aws.setKeyState(key, "Disabled");
	t.is(await errorName(decrypt()), "DisabledException");
	await aws.setKeyState(key, "Enabled");
	t.is(await errorName(decrypt()), "");
	await aws.setKeyState(key, "PendingDeletion");
	t.is(await errorName(decrypt()), "KMSInvalidStateException");
});

test.serial("faults happen to the calls that they are for, as often as they say", async (t) => {
	const { aws, secrets, role } = await openRole(t, everything);
	await aws.putSecret("app", "1");
	const get = (signal?: AbortSignal) =>
		secrets.send(new GetSecretValueCommand({ SecretId: "app" }), signal === undefined ? {} : { abortSignal: signal });
	const throttled: FaultEffect = { kind: "error", code: "ThrottlingException", headers: { "retry-after": "1" } };
	const filters = { operation: "GetSecretValue", region: "us-east-1", name: /^ap/, role, service: "secretsmanager" } as const;
	aws.fail({ ...filters, times: 2, effect: throttled });
	for (const filter of [{ operation: "DescribeSecret" }, { region: "eu-west-1" }, { name: "other" }, { role: "other" }])
		aws.fail({ ...filter, effect: { kind: "reset" } });
	t.deepEqual([await errorName(get()), await errorName(get()), await errorName(get())], ["ThrottlingException", "ThrottlingException", ""]);
	for (const effect of [
		{ kind: "reset" },
		{ kind: "garbage" },
		{ kind: "truncate" },
		{ kind: "error", code: "Broken", status: 503 },
	] as const) {
		const end = aws.fail({ effect });
		t.not(await errorName(get()), "", effect.kind);
		end();
		t.is(await errorName(get()), "", `after ${effect.kind}`);
	}
	for (const kind of ["hang", "endless", "drip"] as const) {
		const caller = new AbortController();
		aws.fail({ effect: { kind }, times: 1 });
		const failing = errorName(get(caller.signal));
		await waitUntil(() => aws.traffic.openRequests > 0);
		caller.abort();
		t.not(await failing, "", kind);
		await waitUntil(() => aws.traffic.openRequests === 0);
	}
});

test.serial("calls are counted by operation, role, region and name, and answers take as long as they should", async (t) => {
	const { aws, secrets, role } = await openRole(t, everything);
	await aws.putSecret("app", "1");
	aws.forgetCalls();
	aws.settings.delayMilliseconds = 100;
	const began = performance.now();
	await Promise.all([1, 2, 3].map(() => secrets.send(new GetSecretValueCommand({ SecretId: "app" }))));
	t.true(performance.now() - began >= 100);
	t.deepEqual(aws.counts(), { GetSecretValue: 3 });
	t.deepEqual(
		[{ role }, { region: "us-east-1" }, { name: "app" }, { region: "eu-west-1" }, { name: "other" }].map((filter) => aws.count(filter)),
		[3, 3, 3, 0, 0],
	);
	t.is(aws.traffic.peakOpenRequests, 3);
	t.is(aws.traffic.openRequests, 0);
	t.true(aws.traffic.connections <= 3);
});

test.serial("canned answers go through the same checks", async (t) => {
	const aws = await startAws(t, { fast: true });
	const role = aws.roleArn("web");
	const { secrets, parameters } = officialClients(aws, { credentials: aws.session(role) });
	const get = () => secrets.send(new GetSecretValueCommand({ SecretId: "app" }));
	t.is(await errorName(get()), "AccessDeniedException");
	aws.permit(role, everything);
	const { SecretString, VersionId } = await get();
	t.is(SecretString, "value of app");
	await aws.putSecret("app", "new");
	const changed = await get();
	t.is(changed.SecretString, "new");
	t.not(changed.VersionId, VersionId);
	const { SecretValues } = await secrets.send(new BatchGetSecretValueCommand({ SecretIdList: ["app", "b"] }));
	t.deepEqual(
		SecretValues?.map(({ Name, SecretString: value }) => [Name, value]),
		[
			["app", "new"],
			["b", "value of b"],
		],
	);
	const { Parameters } = await parameters.send(new GetParametersCommand({ Names: ["/a"] }));
	t.is(Parameters?.[0]?.Value, "value of /a");
	const eleven = Array.from({ length: 11 }, (_, index) => `/p${index}`);
	t.is(await errorName(parameters.send(new GetParametersCommand({ Names: eleven }))), "ValidationException");
});

test.serial("the server for load answers from a process of its own, and counts there", async (t) => {
	const issuer = await createTokenIssuer();
	const aws = await startLoadAws(t, issuer);
	const tokens = new STSClient({
		region: "us-east-1",
		endpoint: aws.endpoints.sts,
		credentials: { accessKeyId: "-", secretAccessKey: "-" },
	});
	const WebIdentityToken = await issuer.token(makePod(), { audience: "sts.amazonaws.com" });
	const command = new AssumeRoleWithWebIdentityCommand({ RoleArn: aws.role, RoleSessionName: "load", WebIdentityToken });
	t.truthy((await tokens.send(command)).Credentials?.AccessKeyId);
	const { counts, connections } = await aws.report();
	t.deepEqual(counts, { AssumeRoleWithWebIdentity: 1 });
	t.is(connections, 1);
	await aws.restart(0);
	t.deepEqual((await aws.report()).counts, {});
});
