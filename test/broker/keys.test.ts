import test from "ava";
import fc from "fast-check";
import { valueKey } from "../../provider/broker/reader.ts";
import { audienceOwners } from "../../provider/policy/audiences.ts";
import { Gate } from "../../provider/policy/gate.ts";
import { parsePolicy } from "../../provider/policy/policy-file.ts";
import { fakeInstance, fakeStore, plannedStore, planOf, requestOf } from "../support/fake-store.ts";

/** Texts that try to look like the seams of a key. */
const text = fc.oneof(
	fc.constantFrom("", '"', ",", '","', "[", "a", "b", "ab", "\\", "\u0000", "a/b", "a,b"),
	fc.string({ maxLength: 8 }),
	fc.string({ unit: "binary", maxLength: 4 }),
);
const who = fc.record({ instance: text, audience: text, namespace: text, serviceAccount: text, role: text, ref: text });
type Who = Parameters<typeof keyOf>[0];

const gate = new Gate({
	policy: parsePolicy("profile: compatible\ntokens: {unbound: allow}", []),
	owners: audienceOwners([]),
	store: async () => fakeStore(() => Promise.reject(new Error("not asked"))),
	warn: () => undefined,
});

/** The key of a value, by the way that a Mount takes. */
async function keyOf(parts: {
	instance: string;
	audience: string;
	namespace: string;
	serviceAccount: string;
	role: string;
	ref: string;
}): Promise<string> {
	const audience = `audience ${parts.audience}`;
	const claims = {
		aud: [audience],
		iss: "issuer",
		exp: 4_000_000_000,
		"kubernetes.io": { namespace: parts.namespace, serviceaccount: { name: parts.serviceAccount } },
	};
	const token = `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.e30`;
	const pod = { name: "p", uid: "u", namespace: parts.namespace, serviceAccount: parts.serviceAccount };
	const instance = fakeInstance({ key: parts.instance, endpoints: ["https://vault.example"] });
	const plan = planOf([plannedStore({ instance, audience, role: parts.role })]);
	const [admission] = await gate.admit(requestOf(pod, { [audience]: token }), plan);
	return valueKey(admission?.identity.key ?? "", { key: parts.ref });
}

function same(one: Who, other: Who): boolean {
	return Object.entries(one).every(([name, value]) => Object.is(value, other[name as keyof Who]));
}

test("in ten thousand pairs of identities and refs, two values share a key only when every part of both is equal", async (t) => {
	// Half of the pairs differ in one part alone, where a seam would be crossed most easily.
	const pair = fc.oneof(
		fc.tuple(who, who),
		fc
			.tuple(who, fc.constantFrom("instance", "audience", "namespace", "serviceAccount", "role", "ref"), text)
			.map(([one, part, value]) => [one, { ...one, [part]: value }] as const),
	);
	await fc.assert(
		fc.asyncProperty(pair, async ([one, other]) => {
			const [first, second] = [await keyOf(one), await keyOf(other)];
			return (first === second) === same(one, other);
		}),
		{ numRuns: 10_000 },
	);
	t.pass();
});
