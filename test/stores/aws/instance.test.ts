import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { KMSClient } from "@aws-sdk/client-kms";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SSMClient } from "@aws-sdk/client-ssm";
import { STSClient } from "@aws-sdk/client-sts";
import test from "ava";
import fc from "fast-check";
import { isRegion, serviceUrl } from "../../../provider/aws/regions.ts";
import { planNative } from "../../../provider/plan/native/index.ts";
import { module } from "../../../provider/stores/aws/index.ts";
import { makeAwsInstance, readInstance, readOptions } from "../../../provider/stores/aws/instance.ts";
import { readRole } from "../../../provider/stores/aws/role.ts";
import { requestOf } from "../../support/fake-store.ts";
import { makePod } from "../../support/pods.ts";
import { fieldsOf } from "./dialect-support.ts";

const regions = [
	"us-east-1",
	"eu-west-1",
	"ap-southeast-7",
	"mx-central-1",
	"il-central-1",
	"cn-north-1",
	"us-gov-west-1",
	"us-iso-east-1",
	"us-isob-east-1",
	"eu-isoe-west-1",
	"us-isof-south-1",
	"eusc-de-east-1",
];
const clients = { secretsmanager: SecretsManagerClient, ssm: SSMClient, kms: KMSClient, sts: STSClient } as const;
const anyCredentials = { accessKeyId: "a", secretAccessKey: "b" };

for (const region of regions) {
	test(`the hosts of ${region} are those of the SDK's own endpoint rules`, async (t) => {
		for (const service of ["secretsmanager", "ssm", "kms", "sts"] as const) {
			for (const [useFips, useDualStack] of [
				[false, false],
				[true, false],
				[false, true],
				[true, true],
			] as const) {
				const client = new clients[service]({
					region,
					useFipsEndpoint: useFips,
					useDualstackEndpoint: useDualStack,
					credentials: anyCredentials,
				});
				const parameters = { Region: region, UseFIPS: useFips, UseDualStack: useDualStack, UseGlobalEndpoint: false };
				const { url } = client.config.endpointProvider(parameters);
				t.is(`${serviceUrl(service, region, { useFips, useDualStack })}/`, url.href, `${service} ${useFips} ${useDualStack}`);
			}
		}
	});
}

test("only what has the form of a region becomes part of a host", (t) => {
	for (const region of regions) t.true(isRegion(region), region);
	for (const text of [
		"us-east-1.evil.com/",
		"us-east-1#",
		"..",
		"",
		"a".repeat(300),
		"US-EAST-1",
		"us-east-1 ",
		"us-east",
		"us_east_1",
		"us-east-1\n",
		"évil-east-1",
	])
		t.false(isRegion(text), text);
	fc.assert(
		fc.property(fc.string(), (text) => {
			if (!isRegion(text)) return;
			t.is(new URL(serviceUrl("sts", text, { useFips: false, useDualStack: false })).pathname, "/");
		}),
	);
});

function faultsOf(yaml: string): readonly string[] {
	const fields = fieldsOf(yaml, "stores.main");
	fields.text("type");
	readInstance("main", fields);
	readRole(fields);
	fields.done();
	return fields.faults.list.map(({ path, message }) => `${path} ${message}`);
}

for (const [yaml, fault] of [
	["{region: us-east-1.evil.com/}", /stores.main.region is "us-east-1.evil.com\/", which is no region/],
	["{region: eu-west-1, failoverRegion: '..'}", /failoverRegion/],
	["{region: eu-west-1, failoverRegion: eu-west-1}", /failoverRegion is the region itself/],
	["{region: eu-west-1, role: shop}", /role is "shop", which is no role's ARN/],
	["{identity: pod, role: 'arn:aws:iam::111122223333:role/shop'}", /role stands beside identity: pod/],
	["{identity: node}", /identity/],
	["{endpoints: {secretsmanager: 'ftp://x'}}", /endpoints.secretsmanager has the scheme ftp/],
	["{endpoints: {ec2: 'https://x'}}", /endpoints.ec2 is not known here/],
	["{endpoints: {'sts.eu-west-1.evil': 'https://x'}}", /is not known here/],
	["{regoin: eu-west-1}", /regoin is not known here/],
] as const) {
	test(`${yaml} is a fault`, (t) => {
		const faults = faultsOf(yaml);
		t.true(
			faults.some((one) => fault.test(one)),
			faults.join("; "),
		);
	});
}

test("without options a store is of the node's region, and policy judges nothing that a class wrote", (t) => {
	t.deepEqual(faultsOf("{}"), []);
	const instance = makeAwsInstance({ name: "main", ...readOptions(fieldsOf("{}"), {}) }, () => t.fail(), {});
	t.is(instance.region, "");
	t.deepEqual(instance.endpoints, ["https://*.amazonaws.com"]);
	t.deepEqual(instance.derivedEndpoints, instance.endpoints);
	t.false(instance.administratorsOnly);
});

test("the process's region and FIPS switch count where nobody else says any", (t) => {
	const environment = { AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "eu-west-2", AWS_USE_FIPS_ENDPOINT: "true" };
	const made = (yaml: string) =>
		makeAwsInstance({ name: "main", ...readOptions(fieldsOf(yaml), environment) }, () => t.fail(), environment);
	t.is(made("{}").region, "eu-west-1");
	t.true(made("{}").endpoints.includes("https://sts-fips.eu-west-1.amazonaws.com"), "STS too");
	t.is(made("{region: us-east-1, useFips: 'false'}").endpoints[0], "https://secretsmanager.us-east-1.amazonaws.com");
});

test("two instances that differ in anything do not share sessions and values", (t) => {
	const texts = [
		"{}",
		"{region: eu-west-1}",
		"{region: eu-west-1, failoverRegion: us-east-1}",
		"{region: us-east-1, failoverRegion: eu-west-1}",
		"{region: eu-west-1, identity: pod}",
		"{region: eu-west-1, identity: pod, agentAddressType: ipv6}",
		"{region: eu-west-1, useFips: 'true'}",
		"{region: eu-west-1, useDualStack: 'true'}",
		"{region: eu-west-1, allowUnboundKms: 'true'}",
		"{region: eu-west-1, endpoints: {sts: 'https://x'}}",
		"{region: eu-west-1, endpoints: {ssm: 'https://x'}}",
		"{region: eu-west-1, endpoints: {ssm.eu-west-1: 'https://x'}}",
	];
	t.is(
		new Set(texts.map((text) => makeAwsInstance({ name: "main", ...readOptions(fieldsOf(text), {}) }, () => t.fail(), {}).key)).size,
		texts.length,
	);
});

for (const option of ["endpoints: {sts: 'https://evil.example'}", "allowUnboundKms: 'true'"]) {
	test(`a class that writes {${option}} is faulty: that is the administrator's`, (t) => {
		const stores = `main: {type: aws, region: eu-west-1, ${option}}`;
		const request = { ...requestOf(makePod()), parameters: new Map(Object.entries({ stores, objects: "[{name: a, path: a}]" })) };
		const environment = { store: () => module.store, storeTypes: ["aws"], configured: new Map() };
		t.throws(() => planNative(request, environment), { message: /stores.main has options that only the administrator may write/ });
	});
}

test("the SDK is not loaded with the store, but at its first login", async (t) => {
	const index = join(import.meta.dirname, "../../../provider/stores/aws/index.ts");
	const script = `await import(${JSON.stringify(index)}); const { createRequire } = await import("node:module");
		console.log(Object.keys(createRequire(${JSON.stringify(index)}).cache).filter((file) => /@aws-sdk|@smithy/.test(file)).length)`;
	const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
	t.is(stdout.trim(), "0");
});
