import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { parsePolicy, readPolicyFile } from "../../provider/policy/policy-file.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

test("a policy that says nothing is strict and opens nothing", (t) => {
	for (const text of ["", "profile: strict", "# nothing\n"]) {
		const policy = parsePolicy(text, []);
		t.is(policy.profile, "strict");
		t.deepEqual(policy.endpoints, []);
		t.false(policy.unboundTokens);
	}
});

test("origins are kept in the form that URL parsing gives", (t) => {
	const { endpoints } = parsePolicy(
		"endpoints: ['https://Vault.Example:443/', 'https://*.vault.example:8200', 'unix:///run/agent.sock']",
		[],
	);
	t.deepEqual(
		endpoints.map(({ origin, exact }) => ({ origin, exact })),
		[
			{ origin: "https://vault.example", exact: true },
			{ origin: "https://*.vault.example:8200", exact: false },
			{ origin: "unix:///run/agent.sock", exact: true },
		],
	);
});

for (const [text, ...says] of [
	["profile: lenient", "profile", "strict, compatible"],
	["endpoint: [https://a.example]", "endpoint", "not known here", "endpoints"],
	["endpoints: https://a.example", "endpoints", "not a list"],
	["endpoints: [https://a.example/v1]", "endpoints[0]", "not an origin"],
	["endpoints: [https://user@a.example]", "endpoints[0]", "not an origin"],
	["endpoints: ['https://*']", "endpoints[0]", "not an origin"],
	["endpoints: ['https://*.com']", "endpoints[0]", "not an origin"],
	["endpoints: ['https://a.*.example']", "endpoints[0]", "not an origin"],
	["endpoints: ['*']", "endpoints[0]", "not an origin"],
	["endpoints: [ftp://a.example]", "endpoints[0]", "not an origin"],
	["endpoints: [{skipTlsVerify: 'true'}]", "endpoints[0].origin", "missing"],
	["endpoints: [{origin: https://a.example, skipTlsVerify: yes}]", "endpoints[0].skipTlsVerify", "true, false"],
	["endpoints: [[https://a.example]]", "endpoints[0]"],
	["tokens: {unbound: yes}", "tokens.unbound"],
	["stores: [main]", "stores", "not a mapping"],
	["- strict", "not a mapping"],
	["profile: &a strict\nstores: *a", "alias"],
	["profile: strict\nprofile: compatible", "twice (line 2)"],
	["profile: [", "policy file"],
] as const) {
	test(`the policy ${JSON.stringify(text)} is refused with its place`, (t) => {
		const error = t.throws(() => parsePolicy(text, []), { instanceOf: ProviderError });
		t.is(error?.code, "invalid");
		for (const part of says) t.true(error?.text.includes(part), `${error?.text} does not say ${part}`);
	});
}

test("all faults of a policy are told at once", (t) => {
	const error = t.throws(() => parsePolicy("profile: x\nendpoints: [a, b]\nunknown: 1", []), { instanceOf: ProviderError });
	for (const part of ["profile", "endpoints[0]", "endpoints[1]", "unknown", "4 faults"]) t.true(error?.text.includes(part), error?.text);
});

test("a policy file that cannot be read ends the start", (t) => {
	const directory = temporaryDirectory(t);
	t.throws(() => readPolicyFile(join(directory, "none.yaml"), []), { instanceOf: ProviderError, message: /none\.yaml cannot be read/ });
	writeFileSync(join(directory, "policy.yaml"), "profile: compatible");
	t.is(readPolicyFile(join(directory, "policy.yaml"), []).profile, "compatible");
});
