import test from "ava";
import { diagnose } from "../../../provider/stores/confidant/diagnosis.ts";
import { startConfidant } from "../../servers/confidant/confidant.ts";
import { freePort } from "../../servers/free-port.ts";
import { entryAt, makeInstance } from "./harness.ts";

const context = { signal: AbortSignal.timeout(60_000), allowsAddress: () => true };

test("the ways to Confidant, STS and KMS are looked at without a token, and what is broken is told", async (t) => {
	const confidant = await startConfidant(t);
	const look = async (options: Readonly<Record<string, unknown>> = {}) => {
		const findings = await diagnose(makeInstance(entryAt(confidant, options)), context);
		return findings.filter(({ status }) => status !== "ok").map(({ check, status, message }) => `${check} ${status}: ${message}`);
	};
	t.deepEqual(await look(), []);
	t.deepEqual([...confidant.front.counts], [["/healthcheck", 1]]);
	t.false(confidant.aws.calls().some(({ accessKeyId, role }) => accessKeyId !== "" && role !== confidant.principal));
	const nobody = `http://127.0.0.1:${await freePort()}`;
	for (const [options, pattern] of [
		[{ address: nobody }, /^TCP failed: /],
		[{ endpoints: { sts: nobody, kms: confidant.aws.endpoints.kms } }, /^TCP failed: /],
		[{ endpoints: { sts: confidant.aws.endpoints.sts, kms: nobody } }, /^TCP failed: /],
	] as const) {
		const [first, ...others] = await look(options);
		t.regex(first ?? "", pattern);
		t.deepEqual(others, []);
	}
	confidant.front.misbehave({ kind: "status", status: 404 });
	t.regex((await look())[0] ?? "", /^Confidant failed: Confidant at \S+ answers its health check with status 404\./);
});
