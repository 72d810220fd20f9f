import test, { type ExecutionContext } from "ava";
import { type ErrorCode, ProviderError } from "../../provider/errors.ts";
import type { Admission } from "../../provider/plan/admission.ts";
import type { PlannedStore } from "../../provider/plan/mount-plan.ts";
import type { AnnotationSource } from "../../provider/policy/annotation-source.ts";
import { audienceOwners } from "../../provider/policy/audiences.ts";
import { Gate } from "../../provider/policy/gate.ts";
import { parsePolicy } from "../../provider/policy/policy-file.ts";
import { stores } from "../../provider/stores/index.ts";
import type { StoreInstance } from "../../provider/stores/store.ts";
import { fakeInstance, fakeStore, plannedStore, planOf, requestOf } from "../support/fake-store.ts";
import { makePod } from "../support/pods.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";

const issuer = await createTokenIssuer();
const pod = makePod();
const audience = "sts.amazonaws.com";
const token = await issuer.token(pod, { audience });
const [secrets, agent, agent6] = ["https://secretsmanager.eu-west-1.amazonaws.com", "http://169.254.170.23", "http://[fd00:ec2::23]"];

interface Case {
	readonly policy?: string;
	readonly instance?: Partial<StoreInstance>;
	readonly store?: Partial<PlannedStore>;
	readonly annotations?: AnnotationSource;
	readonly gate?: Gate;
}

function gateOf({ policy = "profile: strict", annotations }: Case): Gate {
	return new Gate({
		policy: parsePolicy(policy, ["10.0.0.1"]),
		owners: audienceOwners(stores),
		store: async () => fakeStore(() => Promise.reject(new Error("not asked"))),
		warn: () => undefined,
		...(annotations === undefined ? {} : { annotations }),
	});
}

async function admit(options: Case): Promise<Admission> {
	const instance = fakeInstance({ type: "aws", endpoints: [secrets], derivedEndpoints: [secrets], ...options.instance });
	const plan = planOf([plannedStore({ instance, audience, ...options.store })]);
	const [admission] = await (options.gate ?? gateOf(options)).admit(requestOf(pod, { [audience]: token }), plan);
	if (admission === undefined) throw new Error("no admission");
	return admission;
}

async function refused(t: ExecutionContext, options: Case, code: ErrorCode, text: string): Promise<void> {
	const error = await t.throwsAsync(admit(options), { instanceOf: ProviderError });
	t.is(error?.code, code, error?.text);
	t.true(error?.text.includes(text), error?.text);
	t.truthy(error?.remedy);
}

test("strict: a host that the store's code derives needs no entry, and leads nowhere but to ordinary addresses", async (t) => {
	const { allowsAddress } = await admit({});
	t.true(allowsAddress("192.0.2.7"));
	for (const address of [
		"127.0.0.1",
		"::1",
		"10.0.0.1",
		"169.254.169.254",
		"169.254.170.23",
		"fd00:ec2::23",
		"fd00:ec2::254",
		"::ffff:169.254.170.23",
	])
		t.false(allowsAddress(address), address);
});

test("strict: what a class wrote needs an entry, however many derived hosts stand beside it", (t) =>
	refused(t, { instance: { endpoints: [secrets, "https://evil.example"] } }, "refused", "is not in the policy's endpoints"));

test("derived addresses change nothing for an administrator's own that lies on this machine", async (t) => {
	const local = "http://127.0.0.1:4566";
	const written = await admit({ instance: { endpoints: [secrets, local] }, store: { origin: "policy" } });
	t.true(written.allowsAddress("127.0.0.1"));
	t.false(written.allowsAddress("169.254.169.254"));
	const class_ = {
		policy: "profile: compatible\nendpoints: [https://*.shop.internal]",
		instance: { endpoints: [secrets, "https://x.shop.internal"] },
	};
	t.false((await admit(class_)).allowsAddress("127.0.0.1"));
});

for (const address of [
	"https://localhost",
	"https://169.254.169.254",
	"https://metadata.google.internal",
	"https://10.0.0.1",
	"http://169.254.170.2",
]) {
	test(`no code of a store derives ${address}`, (t) =>
		refused(
			t,
			{ instance: { endpoints: [address], derivedEndpoints: [address] }, store: { origin: "policy" } },
			"refused",
			"is no address of a cloud's service",
		));
}

test("a derived host is never asked in the clear", (t) =>
	refused(
		t,
		{ instance: { endpoints: ["http://s.amazonaws.com"], derivedEndpoints: ["http://s.amazonaws.com"] } },
		"refused",
		"is plain http",
	));

test("the Pod Identity agent is open to the store that logs in by it, and the rest of its network is not", async (t) => {
	const endpoints = [secrets, agent, agent6];
	const { allowsAddress } = await admit({ instance: { endpoints, derivedEndpoints: endpoints } });
	t.true(allowsAddress("169.254.170.23"));
	t.true(allowsAddress("fd00:ec2::23"));
	for (const address of ["169.254.170.2", "169.254.169.254", "fd00:ec2::254", "127.0.0.1"]) t.false(allowsAddress(address), address);
	const onlyFirst = await admit({ instance: { endpoints: [agent], derivedEndpoints: [agent] } });
	t.false(onlyFirst.allowsAddress("fd00:ec2::23"));
});

for (const profile of ["strict", "compatible"]) {
	const policy = `profile: ${profile}\nendpoints: [${agent}, "${agent6}"]`;
	test(`${profile}: the agent's address is refused to everybody else, listed or not`, async (t) => {
		for (const address of [agent, agent6]) {
			const endpoints = [address];
			await refused(t, { policy, instance: { endpoints, derivedEndpoints: [] } }, "refused", "metadata address");
			await refused(
				t,
				{ policy, instance: { endpoints, derivedEndpoints: [] }, store: { origin: "policy" } },
				"refused",
				"metadata address",
			);
			const vault = { type: "vault", endpoints, derivedEndpoints: endpoints };
			await refused(t, { policy, instance: vault, store: { audience: "vault" } }, "refused", "is no address of a cloud's service");
		}
	});
	test(`${profile}: what only an administrator may write is refused to a class`, async (t) => {
		await refused(t, { policy, instance: { administratorsOnly: true } }, "refused", "is configured by the administrator only");
		t.truthy(await admit({ policy, instance: { administratorsOnly: true }, store: { origin: "policy" } }));
	});
}

const roleAnnotation: NonNullable<StoreInstance["roleAnnotation"]> = {
	key: "role",
	failure: ({ namespace, serviceAccount }, error) =>
		new ProviderError("invalid", `no role for ${namespace}/${serviceAccount}: ${error?.message ?? "missing"}`, { remedy: "annotate" }),
};

/** Answers with the annotation, and counts. */
function annotated(value: string | undefined) {
	const source = {
		asked: 0,
		annotation: () => {
			source.asked += 1;
			return Promise.resolve(value);
		},
	};
	return source;
}

test("a role is taken from the service account where nobody names one, and makes the identity", async (t) => {
	const annotations = annotated("annotated");
	const instance = { roleAnnotation };
	const own = await admit({ instance, annotations });
	t.is(own.identity.role, "shop", "the plan's role wins");
	t.is(annotations.asked, 0);
	const taken = await admit({ instance, annotations, store: { role: "" } });
	t.is(taken.identity.role, "annotated");
	const other = await admit({ instance, annotations: annotated("other"), store: { role: "" } });
	t.not(other.identity.key, taken.identity.key);
	const none = await admit({ annotations, store: { role: "" } });
	t.is(none.identity.role, "", "a store without such an annotation has no role");
});

test("a role that cannot be found is told in the store's words", async (t) => {
	const store = { role: "" };
	const instance = { roleAnnotation };
	await refused(t, { instance, store, annotations: annotated(undefined) }, "invalid", "no role for shop/web: missing");
	await refused(t, { instance, store, annotations: annotated("") }, "invalid", "no role for shop/web: missing");
	const broken = { annotation: () => Promise.reject(new ProviderError("unreachable", "the API server is silent")) };
	await refused(t, { instance, store, annotations: broken }, "invalid", "the API server is silent");
	await refused(t, { instance, store }, "invalid", "no API server is known");
});

test("nobody's annotations are read for a token that is not the pod's", async (t) => {
	const annotations = annotated("annotated");
	const stranger = requestOf(makePod({ serviceAccount: "stranger" }), { [audience]: token });
	const planned = plannedStore({ instance: fakeInstance({ type: "aws", roleAnnotation }), audience, role: "" });
	await t.throwsAsync(gateOf({ annotations, policy: "endpoints: [https://vault.example:8200]" }).admit(stranger, planOf([planned])), {
		message: /belongs to service account/,
	});
	t.is(annotations.asked, 0);
});
