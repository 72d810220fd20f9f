import test from "ava";
import { ProviderError } from "../../provider/errors.ts";
import type { ApiAnswer } from "../../provider/kubernetes/client.ts";
import { NodeRegion } from "../../provider/kubernetes/node-region.ts";
import { ServiceAccounts } from "../../provider/kubernetes/service-accounts.ts";

const { signal } = new AbortController();
const account = { namespace: "shop", serviceAccount: "web" };
const key = "eks.amazonaws.com/role-arn";

/** An API server that gives one answer to everything, and notes what it was asked. */
function scripted(answer: () => ApiAnswer | Promise<ApiAnswer>) {
	const asked: string[] = [];
	return {
		asked,
		getMetadata: async (path: string) => {
			asked.push(path);
			return answer();
		},
	};
}

const found = (metadata: object): ApiAnswer => ({ status: 200, body: { metadata } });

test("an annotation is read once for all pods of an account that mount together or within the minute", async (t) => {
	const api = scripted(() => found({ annotations: { [key]: "the role", other: "x".repeat(10_000) } }));
	const accounts = new ServiceAccounts(api);
	const answers = await Promise.all(Array.from({ length: 100 }, () => accounts.annotation(account, key, signal)));
	t.deepEqual(new Set(answers), new Set(["the role"]));
	t.is(await accounts.annotation(account, key, signal), "the role");
	t.is(await accounts.annotation({ ...account, namespace: "other" }, key, signal), "the role");
	t.deepEqual(api.asked, ["/api/v1/namespaces/shop/serviceaccounts/web", "/api/v1/namespaces/other/serviceaccounts/web"]);
});

test("an account without the annotation has none, whatever objects inherit", async (t) => {
	for (const metadata of [{}, { annotations: null }, { annotations: { [key]: 1 } }, { annotations: {} }]) {
		const accounts = new ServiceAccounts(scripted(() => found(metadata)));
		t.is(await accounts.annotation(account, key, signal), undefined);
		t.is(await accounts.annotation(account, "constructor", signal), undefined);
	}
});

test("a name cannot lead to another path", async (t) => {
	const api = scripted(() => found({}));
	await new ServiceAccounts(api).annotation({ namespace: "a/../b", serviceAccount: "../x?y" }, key, signal);
	t.deepEqual(api.asked, ["/api/v1/namespaces/a%2F..%2Fb/serviceaccounts/..%2Fx%3Fy"]);
});

for (const [status, code, remedy] of [
	[403, "invalid", /roleAnnotations.enabled=true/],
	[404, "invalid", /kubectl create serviceaccount web --namespace shop/],
	[500, "unreachable", /tried again/],
] as const) {
	test(`an API server that answers ${status} about an account: ${code}, and the next mount asks again`, async (t) => {
		const api = scripted(() => ({ status, body: undefined }));
		const accounts = new ServiceAccounts(api);
		const error = await t.throwsAsync(accounts.annotation(account, key, signal), { instanceOf: ProviderError });
		t.is(error?.code, code);
		t.regex(error?.remedy ?? "", remedy);
		await t.throwsAsync(accounts.annotation(account, key, signal));
		t.is(api.asked.length, 2);
	});
}

test("the node's region is read once, by everybody together", async (t) => {
	const api = scripted(() => found({ labels: { "topology.kubernetes.io/region": "eu-west-1" } }));
	const region = new NodeRegion(api, "node-1");
	t.deepEqual(new Set(await Promise.all([region.find(signal), region.find(signal)])), new Set(["eu-west-1"]));
	t.is(await region.find(signal), "eu-west-1");
	t.deepEqual(api.asked, ["/api/v1/nodes/node-1"]);
});

for (const [what, answer, code, says] of [
	["answers 403", { status: 403, body: undefined }, "invalid", /403 to get of the node node-1/],
	["answers 404", { status: 404, body: undefined }, "invalid", /404/],
	["answers 500", { status: 500, body: undefined }, "unreachable", /500/],
	["knows no region", found({ labels: {} }), "invalid", /no label topology.kubernetes.io\/region/],
] as const) {
	test(`an API server that ${what} of the node: ${code}, and it is not asked again at once`, async (t) => {
		const api = scripted(() => answer);
		const region = new NodeRegion(api, "node-1");
		for (let mount = 0; mount < 3; mount += 1) {
			const error = await t.throwsAsync(region.find(signal), { instanceOf: ProviderError });
			t.is(error?.code, code);
			t.regex(error?.message ?? "", says);
			t.truthy(error?.remedy);
		}
		t.is(api.asked.length, 1);
	});
}

test("a caller that gives up leaves no failure behind", async (t) => {
	const caller = new AbortController();
	const pending = Promise.withResolvers<ApiAnswer>();
	let answer: Promise<ApiAnswer> = pending.promise;
	const region = new NodeRegion(
		scripted(() => answer),
		"node-1",
	);
	const asking = region.find(caller.signal);
	caller.abort(new ProviderError("stopped", "gone"));
	await t.throwsAsync(asking, { message: "gone" });
	answer = Promise.resolve(found({ labels: { "topology.kubernetes.io/region": "eu-west-1" } }));
	t.is(await region.find(signal), "eu-west-1");
});
