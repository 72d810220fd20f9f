import test, { type ExecutionContext } from "ava";
import { type AwsServers, startAws } from "../../servers/aws/aws.ts";
import { type ScriptedApiServer, startApiServer } from "../../support/api-server.ts";
import { CallFailure, type MountResult } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider, type TestProvider } from "../../support/provider.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";

/** Fifteen cases that today's AWS provider was seen to answer, through the whole way of a Mount. */
const issuer = await createTokenIssuer();
const pod = makePod({ namespace: "shop", serviceAccount: "web" });
const [webAudience, podAudience] = ["sts.amazonaws.com", "pods.eks.amazonaws.com"];
const previous = '{"username": "u", "password": "old"}';
const current = '{"username": "u", "password": "new"}';
let aws: AwsServers;
let dbArn: string;

test.before(async () => {
	aws = await startAws(undefined);
	for (const number of ["00", "01", "02", "03"]) await aws.putSecret(`bulk/${number}`, `bulk-${number}`);
	await aws.putSecret("plain", "hunter2");
	await aws.putSecret("team/db", previous);
	dbArn = (await aws.putSecret("team/db", current)).arn;
	await aws.putParameter("/many/03", "many-03");
	for (const version of [1, 2, 3]) await aws.putParameter("/app/two", `two-v${version}`);
	const role = aws.roleArn("web");
	aws.permit(role, { allow: [{ actions: ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "ssm:GetParameters"] }] });
	aws.trust(role, { issuer, subject: "system:serviceaccount:shop:web" });
	aws.associate(role, { issuer, namespace: "shop", serviceAccount: "web" });
});

test.after.always(() => aws?.stop());

/** Mounts as SecretProviderClasses of the AWS provider, with the pod's genuine token. */
class Mounter {
	readonly #provider: TestProvider;
	readonly api: ScriptedApiServer;

	constructor(provider: TestProvider, api: ScriptedApiServer) {
		this.#provider = provider;
		this.api = api;
	}

	mount(objects: string, parameters: Readonly<Record<string, string>> = {}, audience = webAudience): Promise<MountResult> {
		return this.#provider.mount("aws", pod, { region: "us-east-1", objects, ...parameters }, { audience });
	}
}

async function mounter(t: ExecutionContext<unknown>): Promise<Mounter> {
	const annotations = { "eks.amazonaws.com/role-arn": aws.roleArn("web") };
	const api = await startApiServer(t, (_request, response) => {
		response.setHeader("content-type", "application/json");
		response.end(JSON.stringify({ metadata: { annotations } }));
	});
	const policy = `profile: strict\ndialects:\n  aws: {endpoints: ${JSON.stringify(aws.endpoints)}}\n`;
	return new Mounter(await startTestProvider(t, { policy, providers: "aws", issuer, flags: api.flags }), api);
}

async function refusal(t: ExecutionContext<unknown>, mounted: Promise<unknown>): Promise<string> {
	const error = await t.throwsAsync(mounted, { instanceOf: CallFailure });
	t.is(error?.code, "UNKNOWN");
	return error?.details ?? "";
}

/** Paths, modes and contents, sorted by path. */
function filesOf(result: MountResult): readonly (readonly [path: string, mode: number, text: string])[] {
	const files = [...result.files].map(([path, { mode, contents }]) => [path, mode, contents.toString()] as const);
	return files.sort(([one], [other]) => (one < other ? -1 : 1));
}

interface FilesCase {
	readonly title: string;
	readonly objects: string;
	readonly parameters?: Readonly<Record<string, string>>;
	readonly files: readonly (readonly [path: string, mode: number, text: string])[];
}

const filesCases: readonly FilesCase[] = [
	{
		title: "1: two secrets, slashes translated",
		objects: "- {objectName: bulk/00, objectType: secretsmanager}\n- {objectName: bulk/01, objectType: secretsmanager}",
		files: [
			["bulk_00", 420, "bulk-00"],
			["bulk_01", 420, "bulk-01"],
		],
	},
	{
		title: "2: another character in the place of slashes",
		objects: "- {objectName: bulk/01, objectType: secretsmanager}",
		parameters: { pathTranslation: "." },
		files: [["bulk.01", 420, "bulk-01"]],
	},
	{
		title: "3: no translation",
		objects: "- {objectName: bulk/02, objectType: secretsmanager}",
		parameters: { pathTranslation: "FALSE" },
		files: [["bulk/02", 420, "bulk-02"]],
	},
	{
		title: "4: a parameter under an alias with a folder",
		objects: "- {objectName: /many/03, objectType: ssmparameter, objectAlias: cfg/three}",
		parameters: { pathTranslation: "false" },
		files: [["cfg/three", 420, "many-03"]],
	},
	{
		title: "5: the previous version of a secret, and a part of it",
		objects:
			"- {objectName: team/db, objectType: secretsmanager, objectAlias: old, objectVersionLabel: AWSPREVIOUS, jmesPath: [{path: password, objectAlias: old-pass}]}",
		files: [
			["old", 420, previous],
			["old-pass", 420, "old"],
		],
	},
	{
		title: "6: a part with a mode of its own",
		objects:
			"- {objectName: team/db, objectType: secretsmanager, objectAlias: d, jmesPath: [{path: username, objectAlias: u, filePermission: '0440'}]}",
		files: [
			["d", 420, current],
			["u", 288, "u"],
		],
	},
	{
		title: "7: a version of a parameter",
		objects: "- {objectName: /app/two, objectType: ssmparameter, objectVersion: '2', objectAlias: two}",
		files: [["two", 420, "two-v2"]],
	},
];

for (const { title, objects, parameters, files } of filesCases) {
	test(title, async (t) => {
		const result = await (await mounter(t)).mount(objects, parameters);
		t.deepEqual(filesOf(result), files);
		t.deepEqual([...result.versions.keys()].sort(), files.map(([path]) => path).sort());
	});
}

const failingArn = "arn:aws:ssm:us-west-2:111122223333:parameter/plain";
const notFound = "ResourceNotFoundException: ";

interface RefusalCase {
	readonly title: string;
	objects(): string;
	readonly parameters?: Readonly<Record<string, string>>;
	/** Parts of the text, the first one its beginning. */
	readonly text: () => readonly string[];
}

const refusalCases: readonly RefusalCase[] = [
	{
		title: "8: a version that a parameter does not have",
		objects: () => "- {objectName: /app/two, objectType: ssmparameter, objectVersion: '9'}",
		text: () => ["400: us-east-1: invalid parameters: /app/two:9"],
	},
	{
		title: "9: a type in other case",
		objects: () => "- {objectName: plain, objectType: SecretsManager}",
		text: () => ["Invalid objectType: SecretsManager"],
	},
	{
		title: "10: a secret's ARN as a parameter",
		objects: () => `- {objectName: "${dbArn}", objectType: ssmparameter}`,
		text: () => [`objectType does not match ARN: ${dbArn}`],
	},
	{
		title: "11: a secret that its region does not have",
		objects: () => "- {objectName: plain, objectType: secretsmanager}",
		parameters: { region: "eu-west-1" },
		text: () => ["eu-west-1: Failed fetching secret plain: operation error Secrets Manager: GetSecretValue", notFound],
	},
	{
		title: "12: an alias that a part has",
		objects: () =>
			"- {objectName: team/db, objectType: secretsmanager, objectAlias: d, jmesPath: [{path: username, objectAlias: u}]}\n- {objectName: plain, objectType: secretsmanager, objectAlias: u}",
		text: () => ["found duplicate object alias u"],
	},
	{
		title: "13: a stage that a secret does not have",
		objects: () => "- {objectName: plain, objectType: secretsmanager, objectVersionLabel: AWSPENDING}",
		text: () => ["us-east-1: Failed fetching secret plain: operation error Secrets Manager: GetSecretValue", notFound],
	},
	{
		title: "14: a parameter's ARN as the failover of a secret",
		objects: () => `- {objectName: plain, objectType: secretsmanager, objectAlias: p, failoverObject: {objectName: "${failingArn}"}}`,
		parameters: { failoverRegion: "us-west-2" },
		text: () => [`objectType does not match ARN: ${failingArn}`],
	},
];

for (const { title, objects, parameters, text } of refusalCases) {
	test(title, async (t) => {
		const said = await refusal(t, (await mounter(t)).mount(objects(), parameters));
		const [beginning = "", ...parts] = text();
		t.true(said.startsWith(beginning), said);
		for (const part of parts) t.true(said.includes(part), said);
	});
}

test.serial("15: with Pod Identity the agent is asked once, the secret once and the API server never", async (t) => {
	const mounting = await mounter(t);
	aws.forgetCalls();
	const objects = "- {objectName: bulk/03, objectType: secretsmanager}";
	const result = await mounting.mount(objects, { usePodIdentity: "t" }, podAudience);
	t.deepEqual(filesOf(result), [["bulk_03", 420, "bulk-03"]]);
	t.is(aws.count({ service: "agent" }), 1);
	t.is(aws.count({ service: "secretsmanager" }), 1);
	t.is(aws.count(), 2);
	t.deepEqual(mounting.api.requests, []);
});

test("a pod without the token for the way to log in hears so in today's words and ours, whatever was mounted before", async (t) => {
	const mounting = await mounter(t);
	const objects = "- {objectName: plain, objectType: secretsmanager}";
	await mounting.mount(objects);
	const said = await refusal(t, mounting.mount(objects, {}, podAudience));
	t.true(said.startsWith('IRSA token extraction failed: token for audience "sts.amazonaws.com" not found'), said);
	t.true(said.includes("Add {audience: sts.amazonaws.com} to spec.tokenRequests"), said);
});
