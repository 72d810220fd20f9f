import test from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { audienceOwners, judgeAudience } from "../../provider/policy/audiences.ts";
import { parsePolicy } from "../../provider/policy/policy-file.ts";
import { stores } from "../../provider/stores/index.ts";
import { fakeInstance, plannedStore } from "../support/fake-store.ts";

const owners = audienceOwners(stores);

/** What becomes of the token for an audience that a class writes: `fits`, or the rule that refuses it. */
function judge(type: string, audience: string): string {
	const store = plannedStore({ instance: fakeInstance({ type }), audience, origin: "parameters", audienceOrigin: "parameters" });
	try {
		return judgeAudience(parsePolicy("profile: strict", []), store, owners) ?? "fits";
	} catch (error) {
		if (error instanceof ProviderError) return error.rule ?? "no rule";
		throw error;
	}
}

for (const [type, audience, verdict] of [
	["aws", "sts.amazonaws.com", "fits"],
	["confidant", "sts.amazonaws.com", "fits"],
	["confidant", "sts.amazonaws.com.cn", "fits"],
	["confidant", "pods.eks.amazonaws.com", "foreign-audience"],
	["confidant", "vault", "foreign-audience"],
	["confidant", "https://kubernetes.default.svc", "foreign-audience"],
	["confidant", "confidant", "unlisted-audience"],
	["vault", "sts.amazonaws.com", "foreign-audience"],
	["gcp", "sts.amazonaws.com", "foreign-audience"],
] as const) {
	test(`strict: the token for ${audience} and a store of type ${type}: ${verdict}`, (t) => t.is(judge(type, audience), verdict));
}

test("an audience is shared with a type by name, and only where another type owns it", (t) => {
	const owned = new Set(stores.flatMap(({ audiences }) => audiences));
	for (const { type, audiences, sharedAudiences = [] } of stores) {
		for (const audience of sharedAudiences) {
			t.true(owned.has(audience), `${type} shares ${audience}`);
			t.false(audiences.includes(audience), `${type} owns ${audience}`);
		}
	}
});
