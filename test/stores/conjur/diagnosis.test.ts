import test from "ava";
import { module } from "../../../provider/stores/conjur/index.ts";
import { makeInstance } from "../../../provider/stores/conjur/instance.ts";
import { startConjur } from "../../servers/conjur/conjur.ts";

for (const [title, status, found, text] of [
	["Conjur", undefined, "ok", /Conjur answers at https:\/\/127\.0\.0\.1:\d+; .*\/authn-jwt\/kube\/acme\/status/],
	["another server", 200, "failed", /does not answer as Conjur does \(status 200\)/],
	["a server whose database is gone", 503, "failed", /does not answer as Conjur does \(status 503\)/],
] as const) {
	test(`the doctor tells ${title} by what it says to anybody, without a token`, async (t) => {
		const conjur = await startConjur(t);
		if (status !== undefined) conjur.faults.add({ kind: "status", status });
		const options = { address: conjur.address, account: conjur.account, service: "kube", caCertificate: conjur.authority, caFile: "" };
		const instance = makeInstance({ ...options, name: "main", bringsOwnTrust: false }, (option, message) => t.fail(`${option} ${message}`));
		const findings = await module.diagnose?.(instance, { signal: AbortSignal.timeout(30_000), allowsAddress: () => true });
		const last = findings?.at(-1);
		t.is(last?.status, found);
		t.regex(last?.message ?? "", text);
		t.deepEqual(conjur.counts(), { whoami: 1 });
	});
}
