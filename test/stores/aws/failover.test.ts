import test, { type ExecutionContext } from "ava";
import { type AwsServers, startAws } from "../../servers/aws/aws.ts";
import { connect, instanceAt, kept, loginError, makeAccount, read, told } from "./harness.ts";

const [primary, secondary] = ["us-east-1", "eu-west-1"] as const;

/** Two regions that can be told apart at every service, STS included. */
async function twoRegions(t: ExecutionContext) {
	const aws = await startAws(t);
	const { pod, role } = makeAccount(aws, "web");
	for (const region of [primary, secondary]) {
		await aws.putSecret("app", `app in ${region}`, { region });
		await aws.putParameter("/app", `parameter in ${region}`, { region });
	}
	await aws.putSecret("other", "stand-in", { region: secondary });
	const regional = (["secretsmanager", "ssm", "sts", "kms"] as const).flatMap((service) =>
		[primary, secondary].map((region) => [`${service}.${region}`, `${aws.endpoints[service]}/${region}`]),
	);
	const instance = instanceAt(aws, { failoverRegion: secondary, endpoints: Object.fromEntries(regional) });
	aws.forgetCalls();
	return { aws, instance, pod, role, open: () => connect(instance, { pod, role, context: { once: kept() } }) };
}

const entries = ["{path: app}", "{path: /app, service: ssm}"];
const here = [`app in ${primary}`, `parameter in ${primary}`];
const there = [`app in ${secondary}`, `parameter in ${secondary}`];

test("while the first region answers, the second one hears nothing", async (t) => {
	const { aws, instance, open } = await twoRegions(t);
	t.deepEqual((await read(await open(), instance, ...entries)).map(told), here);
	t.is(aws.count({ region: secondary }), 0);
});

const outages: Readonly<Record<string, (aws: AwsServers) => void>> = {
	"answers 500": (aws) => aws.fail({ region: primary, effect: { kind: "error", code: "InternalServiceError", status: 500 } }),
	throttles: (aws) => aws.fail({ region: primary, effect: { kind: "error", code: "ThrottlingException" } }),
	"cuts connections": (aws) => aws.fail({ region: primary, effect: { kind: "reset" } }),
	"answers nonsense": (aws) => aws.fail({ region: primary, effect: { kind: "garbage" } }),
};

for (const [what, begin] of Object.entries(outages)) {
	test(`a first region that ${what} is stood in for, and not asked again for a while`, async (t) => {
		const { aws, instance, open } = await twoRegions(t);
		const session = await open();
		begin(aws);
		t.deepEqual((await read(session, instance, ...entries)).map(told), there);
		aws.forgetCalls();
		t.deepEqual((await read(session, instance, ...entries)).map(told), there);
		t.is(aws.count({ region: primary }), 0);
	});
}

test("credentials come from the second region's STS when the first one's is out of order, and are good in both", async (t) => {
	const { aws, instance, pod, role } = await twoRegions(t);
	aws.fail({ service: "sts", region: primary, effect: { kind: "error", code: "ServiceUnavailable", status: 503 } });
	const once = kept();
	const session = await connect(instance, { pod, role, context: { once } });
	const asked = aws.count({ service: "sts", region: primary });
	t.is(aws.count({ service: "sts", region: secondary }), 1);
	t.deepEqual((await read(session, instance, ...entries)).map(told), here, "with the second one's credentials");
	await connect(instance, { pod, role, context: { once } });
	t.is(aws.count({ service: "sts", region: primary }), asked, "it is passed over for a while");
});

test("the first region's word that something is absent or denied holds", async (t) => {
	const { aws, instance, pod, role, open } = await twoRegions(t);
	const session = await open();
	aws.forgetCalls();
	t.deepEqual((await read(session, instance, "{path: other}")).map(told), ["absent"]);
	aws.permit(aws.roleArn("web"), { allow: [] });
	t.deepEqual((await read(session, instance, "{path: app}")).map(told), ["denied"]);
	aws.distrust(role);
	t.is((await loginError(instance, { pod, role })).code, "denied");
	t.is(aws.count({ region: secondary }), 0);
});

test("what the second region lacks is no absence, and both regions are named", async (t) => {
	const { aws, instance, open } = await twoRegions(t);
	await aws.deleteSecret("app", { region: secondary });
	const session = await open();
	aws.fail({ region: primary, effect: { kind: "error", code: "InternalServiceError", status: 500 } });
	const [answer] = await read(session, instance, "{path: app}");
	t.is(told(answer), "unreachable");
	const text = answer?.kind === "failed" ? answer.error.text : "";
	t.regex(text, /Secrets Manager in us-east-1 could not give "app".*did not stand in: Secrets Manager in eu-west-1 has no "app"/s);
});

test("a failover object has a name, version or stage of its own, and an ARN leads to the replica", async (t) => {
	const { aws, instance, open } = await twoRegions(t);
	const replica = await aws.putSecret("app", "newer", { region: secondary });
	const session = await open();
	aws.fail({ region: primary, effect: { kind: "error", code: "InternalServiceError", status: 500 } });
	const answers = await read(
		session,
		instance,
		"{path: app, failover: {path: other}}",
		"{path: app, failover: {stage: AWSPREVIOUS}}",
		`{path: "${replica.arn.replace(secondary, primary)}"}`,
		"{path: /app, service: ssm, failover: {version: '1'}}",
	);
	t.deepEqual(answers.map(told), ["stand-in", there[0], "newer", there[1]]);
});
