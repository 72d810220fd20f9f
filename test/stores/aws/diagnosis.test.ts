import test from "ava";
import { diagnose } from "../../../provider/stores/aws/diagnosis.ts";
import { startAws } from "../../servers/aws/aws.ts";
import { freePort } from "../../servers/free-port.ts";
import { instanceAt } from "./harness.ts";

const context = { signal: AbortSignal.timeout(60_000), allowsAddress: () => true };

test("the way to every server is looked at, without a token", async (t) => {
	const aws = await startAws(t);
	for (const identity of ["web", "pod"]) {
		const findings = await diagnose(instanceAt(aws, { identity }), context);
		t.true(findings.length > 0 && findings.every(({ status }) => status === "ok"), JSON.stringify(findings));
	}
	t.false(aws.calls().some(({ accessKeyId }) => accessKeyId !== ""));
});

test("STS out of reach is a failure, and a service that not everybody needs a warning", async (t) => {
	const aws = await startAws(t);
	const nobody = `http://127.0.0.1:${await freePort()}`;
	const broken = async (server: string) => {
		const findings = await diagnose(instanceAt(aws, { endpoints: { ...aws.endpoints, [server]: nobody } }), context);
		return findings.filter(({ status }) => status !== "ok").map(({ status, check }) => `${check} ${status}`);
	};
	t.deepEqual(await broken("sts"), ["TCP failed"]);
	t.deepEqual(await broken("kms"), ["TCP warning"]);
});

test("without a region there is nothing to look at but what an administrator wrote", async (t) => {
	const aws = await startAws(t);
	const { agent } = aws.endpoints;
	const findings = await diagnose(instanceAt(aws, { region: "", identity: "pod", endpoints: { agent } }), context);
	t.is(findings[0]?.status, "unchecked");
	t.true(findings.slice(1).every(({ status }) => status === "ok"));
	t.true(findings.length > 1);
});
