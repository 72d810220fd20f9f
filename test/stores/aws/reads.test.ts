import test from "ava";
import { startAws } from "../../servers/aws/aws.ts";
import { connect, instanceAt, makeAccount, read, told } from "./harness.ts";

const names = (count: number, prefix = "s") => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

test("secrets are read twenty at once, and answers that come in pages are read to their end", async (t) => {
	const aws = await startAws(t);
	const { pod, role } = makeAccount(aws, "web");
	for (const name of names(45)) await aws.putSecret(name, `of ${name}`);
	aws.settings.batchPage = 7;
	const instance = instanceAt(aws);
	const session = await connect(instance, { pod, role });
	const answers = await read(session, instance, ...names(45).map((name) => `{path: ${name}}`));
	t.deepEqual(
		answers.map(told),
		names(45).map((name) => `of ${name}`),
	);
	t.is(aws.count({ operation: "BatchGetSecretValue" }), 3 + 3 + 1);
	t.is(aws.count({ operation: "GetSecretValue" }), 0);
});

test("without the permission for batches each secret is asked for by itself, and the batch is not tried again", async (t) => {
	const aws = await startAws(t);
	const { pod, role } = makeAccount(aws, "web", { allow: [{ actions: ["secretsmanager:GetSecretValue"] }] });
	for (const name of names(5)) await aws.putSecret(name, `of ${name}`);
	const instance = instanceAt(aws);
	const session = await connect(instance, { pod, role });
	for (let turn = 0; turn < 2; turn += 1) {
		const answers = await read(session, instance, ...names(5).map((name) => `{path: ${name}}`));
		t.deepEqual(
			answers.map(told),
			names(5).map((name) => `of ${name}`),
		);
	}
	t.deepEqual(aws.counts({ service: "secretsmanager" }), { BatchGetSecretValue: 1, GetSecretValue: 10 });
});

test("batches that have reached their own low limit give way to single reads", async (t) => {
	const aws = await startAws(t);
	const { pod, role } = makeAccount(aws, "web");
	for (const name of names(3)) await aws.putSecret(name, `of ${name}`);
	const instance = instanceAt(aws);
	const session = await connect(instance, { pod, role });
	aws.fail({ operation: "BatchGetSecretValue", effect: { kind: "error", code: "ThrottlingException" } });
	const answers = await read(session, instance, ...names(3).map((name) => `{path: ${name}}`));
	t.deepEqual(
		answers.map(told),
		names(3).map((name) => `of ${name}`),
	);
});

test("one secret of a batch that is absent, denied or awaits its deletion leaves the others alone", async (t) => {
	const aws = await startAws(t);
	const deny = [{ actions: ["secretsmanager:GetSecretValue"], resources: ["hidden"] }];
	const { pod, role } = makeAccount(aws, "web", { allow: [{ actions: ["*"] }], deny });
	for (const name of ["app", "hidden", "leaving", "other"]) await aws.putSecret(name, name);
	await aws.deleteSecret("leaving", { recoveryDays: 7 });
	const instance = instanceAt(aws);
	const session = await connect(instance, { pod, role });
	const answers = await read(session, instance, "{path: app}", "{path: hidden}", "{path: leaving}", "{path: nothing}", "{path: other}");
	t.deepEqual(answers.map(told), ["app", "denied", "absent", "absent", "other"]);
	t.is(aws.count({ service: "secretsmanager" }), 1);
	const [, hidden, leaving, nothing] = answers.map((answer) => (answer.kind === "found" ? "" : answer.error.text));
	t.regex(
		hidden ?? "",
		/denies "hidden" to the role arn:aws:iam::\d+:role\/web of service account shop\/web \(AccessDeniedException: "User: arn:aws:sts::\d+:assumed-role\/web\/shop@web is not authorized/,
	);
	t.regex(leaving ?? "", /about to delete "leaving".*aws secretsmanager restore-secret --region us-east-1 --secret-id leaving/s);
	t.regex(nothing ?? "", /Secrets Manager in us-east-1 has no "nothing" \(ResourceNotFoundException: .*describe-secret/s);
});

test("secrets are found by name, by ARN, by an ARN without its ending, by version and by stage", async (t) => {
	const aws = await startAws(t);
	const { pod, role } = makeAccount(aws, "web");
	const first = await aws.putSecret("team/app", "one");
	await aws.putSecret("team/app", "two");
	await aws.putSecret("binary", Buffer.from([0, 255, 10]));
	const instance = instanceAt(aws);
	const session = await connect(instance, { pod, role });
	const answers = await read(
		session,
		instance,
		"{path: team/app}",
		`{path: "${first.arn}"}`,
		`{path: "${first.arn.slice(0, -7)}"}`,
		`{path: team/app, version: ${first.versionId}}`,
		"{path: team/app, stage: AWSPREVIOUS}",
		"{path: team/app, stage: AWSPENDING}",
		`{path: team/app, version: ${first.versionId}, stage: AWSPREVIOUS}`,
	);
	t.deepEqual(answers.map(told), ["two", "two", "two", "one", "one", "absent", "one"]);
	const [binary] = await read(session, instance, "{path: binary}");
	t.deepEqual(binary?.kind === "found" ? binary.value.reveal() : undefined, Buffer.from([0, 255, 10]));
});

test("parameters are read ten at once, and no call asks for two versions of one", async (t) => {
	const aws = await startAws(t);
	const { pod, role } = makeAccount(aws, "web");
	for (const name of names(25, "/p/")) await aws.putParameter(name, `of ${name}`);
	await aws.putParameter("/p/0", "newer", { labels: ["good"] });
	await aws.putParameter("list", "a,b", { type: "StringList" });
	const instance = instanceAt(aws);
	const session = await connect(instance, { pod, role });
	const entries = [...names(25, "/p/").map((name) => `{path: ${name}, service: ssm}`), "{path: list, service: ssm}"];
	const versions = [
		"{path: /p/0, service: ssm, version: 1}",
		"{path: /p/0, service: ssm, label: good}",
		"{path: /p/0, service: ssm, version: 9}",
	];
	const answers = await read(session, instance, ...entries, ...versions);
	t.deepEqual(answers.map(told), [
		"newer",
		...names(25, "/p/")
			.slice(1)
			.map((name) => `of ${name}`),
		"a,b",
		"of /p/0",
		"newer",
		"absent",
	]);
	t.is(aws.count({ operation: "GetParameters" }), 5);
	const last = answers.at(-1);
	t.is(last?.kind === "absent" ? last.error.legacyText : "", "400: us-east-1: invalid parameters: /p/0:9");
});

test("a parameter for which AWS refuses a whole call is asked for alone from then on", async (t) => {
	const aws = await startAws(t);
	const deny = [{ actions: ["ssm:GetParameters"], resources: ["/hidden"] }];
	const { pod, role } = makeAccount(aws, "web", { allow: [{ actions: ["*"] }], deny });
	for (const name of ["/app", "/hidden", "/other"]) await aws.putParameter(name, name);
	const instance = instanceAt(aws);
	const session = await connect(instance, { pod, role });
	const entries = ["/app", "/hidden", "/other"].map((name) => `{path: ${name}, service: ssm}`);
	t.deepEqual((await read(session, instance, ...entries)).map(told), ["/app", "denied", "/other"]);
	t.is(aws.count({ operation: "GetParameters" }), 1 + 3);
	t.deepEqual((await read(session, instance, ...entries)).map(told), ["/app", "denied", "/other"]);
	t.is(aws.count({ operation: "GetParameters" }), 4 + 2);
});

test("an ARN of another region than the node's fails by itself", async (t) => {
	const aws = await startAws(t);
	const { pod, role } = makeAccount(aws, "web");
	const { arn } = await aws.putSecret("app", "hunter2");
	const instance = instanceAt(aws, { region: "" });
	const session = await connect(instance, { pod, role, context: { nodeRegion: () => Promise.resolve("us-east-1") } });
	const answers = await read(session, instance, `{path: "${arn}"}`, `{path: "${arn.replace("us-east-1", "eu-west-1")}"}`);
	t.deepEqual(answers.map(told), ["hunter2", "invalid"]);
});
