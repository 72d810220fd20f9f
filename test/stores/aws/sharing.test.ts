import test from "ava";
import { type AwsServers, startAws } from "../../servers/aws/aws.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider } from "../../support/provider.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { issuer, makeAccount } from "./harness.ts";

const names = (count: number) => Array.from({ length: count }, (_, index) => `s${index}`);

function policyAt(aws: AwsServers, role: string): string {
	return `stores: {main: {type: aws, region: us-east-1, role: "${role}", endpoints: ${JSON.stringify(aws.endpoints)}}}`;
}

function objectsOf(count: number): string {
	return JSON.stringify(names(count).map((name) => ({ name, store: "main", path: name })));
}

for (const [right, reads] of [
	["with", { BatchGetSecretValue: 1 }],
	["without", { BatchGetSecretValue: 1, GetSecretValue: 10 }],
] as const) {
	test.serial(
		`100 pods of one service account with ten secrets, ${right} the permission for batches, take one login and ${right === "with" ? "one batch" : "ten reads"}, again only when a poll is due`,
		async (t) => {
			const aws = await startAws(t, { fast: true });
			const actions = ["secretsmanager:GetSecretValue", ...(right === "with" ? ["secretsmanager:BatchGetSecretValue"] : [])];
			const { pod, role } = makeAccount(aws, "web", { allow: [{ actions }] });
			const flags = ["--poll-interval", "4s", "--max-age", "60s"];
			const provider = await startTestProvider(t, { issuer, policy: policyAt(aws, role), ages: "default", flags });
			const pods = Array.from({ length: 100 }, () => makePod({ namespace: pod.namespace, serviceAccount: pod.serviceAccount }));
			const mountAll = () =>
				Promise.all(pods.map((one) => provider.mount("claviger", one, { objects: objectsOf(10) }, { audience: "sts.amazonaws.com" })));
			const mounted = await mountAll();
			t.true(mounted.every(({ files }) => files.size === 10));
			t.deepEqual(aws.counts(), { AssumeRoleWithWebIdentity: 1, ...reads });
			await mountAll();
			t.deepEqual(aws.counts(), { AssumeRoleWithWebIdentity: 1, ...reads }, "remounts ask nobody");
			aws.forgetCalls();
			await waitUntil(() => aws.count() >= (right === "with" ? 1 : 10));
			t.deepEqual(aws.counts(), right === "with" ? { BatchGetSecretValue: 1 } : { GetSecretValue: 10 });
		},
	);
}

test.serial("50 objects are there after at most four round trips", async (t) => {
	const milliseconds = 250;
	const aws = await startAws(t, { fast: true });
	const { pod, role } = makeAccount(aws, "web");
	const provider = await startTestProvider(t, { issuer, policy: policyAt(aws, role) });
	const mount = (objects: string) => provider.mount("claviger", pod, { objects }, { audience: "sts.amazonaws.com" });
	// The code of the SDK is loaded once for the life of the process.
	await startTestProvider(t, { issuer, policy: policyAt(aws, role) }).then((other) =>
		other.mount("claviger", pod, { objects: objectsOf(2) }, { audience: "sts.amazonaws.com" }),
	);
	aws.settings.delayMilliseconds = milliseconds;
	const before = performance.now();
	t.is((await mount(objectsOf(50))).files.size, 50);
	const trips = (performance.now() - before) / milliseconds;
	t.true(trips < 4, `${trips.toFixed(1)} round trips`);
	t.deepEqual(aws.counts({ operation: "BatchGetSecretValue", name: "s49" }), { BatchGetSecretValue: 1 });
});
