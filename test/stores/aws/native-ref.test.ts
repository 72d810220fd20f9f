import test from "ava";
import { readAwsRef } from "../../../provider/stores/aws/native-ref.ts";
import { fieldsOf, makeInstance } from "./dialect-support.ts";

const instance = makeInstance("region: us-east-1");
const twoRegions = makeInstance("{region: us-east-1, failoverRegion: us-west-2}");
const arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:shop/db-AbCdEf";
const parameterArn = "arn:aws:ssm:us-east-1:111122223333:parameter/shop/db";

const refCases: readonly (readonly [yaml: string, expected: object])[] = [
	["path: shop/db", { kind: "secret", id: "shop/db", versionId: "", stage: "", failover: undefined }],
	[`path: "${arn}"`, { kind: "secret", id: arn }],
	[`path: "${parameterArn}"`, { kind: "parameter", id: parameterArn, selector: "" }],
	["{path: shop/db, version: v-1, stage: AWSPREVIOUS}", { kind: "secret", versionId: "v-1", stage: "AWSPREVIOUS" }],
	["{path: /shop/db, service: ssm}", { kind: "parameter", id: "/shop/db", selector: "", failover: undefined }],
	["{path: /shop/db, service: ssm, version: 3}", { kind: "parameter", id: "/shop/db", selector: "3" }],
	["{path: /shop/db, service: ssm, label: live}", { kind: "parameter", id: "/shop/db", selector: "live" }],
	["{path: '/shop/db:3', service: ssm}", { kind: "parameter", id: "/shop/db", selector: "3" }],
	["{path: a, failover: {path: b, stage: s}}", { kind: "secret", id: "a", failover: { id: "b", versionId: "", selector: "s" } }],
	["{path: a, service: ssm, failover: {label: l}}", { kind: "parameter", failover: { id: "", versionId: "", selector: "l" } }],
];

for (const [yaml, expected] of refCases) {
	test(`an object with ${yaml} is asked for as it says`, (t) => {
		const fields = fieldsOf(yaml, "objects[0]");
		const ref = readAwsRef(fields, twoRegions);
		fields.done();
		t.deepEqual(fields.faults.list, []);
		t.like(ref, expected);
	});
}

const faultCases: readonly (readonly [yaml: string, path: string])[] = [
	["service: ssm", "objects[0].path"],
	["path: ''", "objects[0].path"],
	["{path: a, service: s3}", "objects[0].service"],
	["path: 'arn:aws:ssm'", "objects[0].path"],
	["path: 'arn:aws:s3:us-east-1:111122223333:bucket'", "objects[0].path"],
	[`{path: "${arn}", service: ssm}`, "objects[0].path"],
	[`path: "${arn.replace("us-east-1", "eu-west-1")}"`, "objects[0].path"],
	['path: "a\\u0007"', "objects[0].path"],
	["{path: a, label: x}", "objects[0].label"],
	["{path: a, service: ssm, stage: x}", "objects[0].stage"],
	["{path: a, service: ssm, version: 1, label: x}", "objects[0].label"],
	["{path: a, service: ssm, version: v1}", "objects[0].version"],
	["{path: 'a:1', service: ssm, version: 2}", "objects[0].path"],
	["{path: a, failover: {path: b}}", "objects[0].failover"],
	["{path: a, failover: {}}", "objects[0].failover"],
];

for (const [yaml, path] of faultCases) {
	test(`an object with ${yaml} has a fault at ${path}`, (t) => {
		const fields = fieldsOf(yaml, "objects[0]");
		readAwsRef(fields, instance);
		t.deepEqual(
			fields.faults.list.map((fault) => fault.path),
			[path],
		);
	});
}

test("a place in the second region has faults of its own", (t) => {
	const fields = fieldsOf(`{path: a, failover: {path: "${arn}", label: x, colour: red}}`, "objects[0]");
	readAwsRef(fields, twoRegions);
	t.deepEqual(
		fields.faults.list.map(({ path }) => path),
		["objects[0].failover.path", "objects[0].failover.label", "objects[0].failover.colour"],
	);
});

test("where nobody knows the region yet, an ARN of any region is taken", (t) => {
	const fields = fieldsOf(`path: "${arn}"`, "objects[0]");
	readAwsRef(fields, makeInstance("{}"));
	t.deepEqual(fields.faults.list, []);
});
