import test from "ava";
import { ProviderError } from "../../../provider/errors.ts";
import type { ApiAnswer } from "../../../provider/kubernetes/client.ts";
import { PodAnnotations } from "../../../provider/kubernetes/pod-annotations.ts";
import { letIn, openSite } from "../../servers/conjur/site.ts";
import { makePod } from "../../support/pods.ts";
import { type Annotated, annotation, classParameters, filesOf, startMounter } from "./harness.ts";

const { signal } = new AbortController();
const pod = makePod();
const keys = [annotation];
const list = "- f: db/password";

/** An API server that gives the answer of the moment, and counts. */
function scripted(first: ApiAnswer) {
	const api = { answer: first, asked: [] as string[], now: 0 };
	const getMetadata = async (path: string) => {
		api.asked.push(path);
		return api.answer;
	};
	return { api, annotations: new PodAnnotations({ getMetadata }, () => api.now) };
}

const found = (annotations: unknown, uid = pod.uid): ApiAnswer => ({ status: 200, body: { metadata: { uid, annotations } } });

test("a pod is asked for once a minute at most, however often it mounts", async (t) => {
	const { api, annotations } = scripted(found({ [annotation]: list, other: "x" }));
	const answers = await Promise.all(Array.from({ length: 50 }, () => annotations.annotations(pod, keys, signal)));
	t.true(answers.every((answer) => answer.get(annotation) === list && answer.size === 1));
	await annotations.annotations(pod, keys, signal);
	t.deepEqual(api.asked, ["/api/v1/namespaces/shop/pods/web-0"]);
	api.now = 61_000;
	api.answer = found({ [annotation]: "- g: db/password" });
	t.is((await annotations.annotations(pod, keys, signal)).get(annotation), "- g: db/password");
	t.is(api.asked.length, 2);
});

test("while the API server does not answer, a pod keeps what it was last known to have", async (t) => {
	const { api, annotations } = scripted(found({ [annotation]: list }));
	await annotations.annotations(pod, keys, signal);
	api.now = 61_000;
	api.answer = { status: 503, body: undefined };
	t.is((await annotations.annotations(pod, keys, signal)).get(annotation), list);
	const other = makePod({ name: "web-1" });
	t.is((await t.throwsAsync(annotations.annotations(other, keys, signal), { instanceOf: ProviderError }))?.code, "unreachable");
	api.now = 122_000;
	api.answer = { status: 403, body: undefined };
	t.is((await t.throwsAsync(annotations.annotations(pod, keys, signal), { instanceOf: ProviderError }))?.code, "invalid");
});

for (const [what, answer, text] of [
	["has another uid", found({ [annotation]: list }, "another"), /another one by now/],
	["is gone", { status: 404, body: undefined }, /another one by now/],
	["may not be read", { status: 403, body: undefined }, /readPodAnnotations\.enabled=true/],
	["is no object", { status: 200, body: null }, /another one by now/],
] as const) {
	test(`a pod that ${what} has no annotations to go by`, async (t) => {
		const { annotations } = scripted(answer);
		const error = await t.throwsAsync(annotations.annotations(pod, keys, signal), { instanceOf: ProviderError });
		t.is(error?.code, "invalid", "a store has not said anything");
		t.regex(error?.text ?? "", text);
	});
}

test("what a pod lacks is looked for again soon, whatever objects inherit", async (t) => {
	const { api, annotations } = scripted(found({ [annotation]: 5 }));
	t.is((await annotations.annotations(pod, ["constructor", annotation], signal)).size, 0);
	api.now = 6_000;
	api.answer = found({ constructor: "x", [annotation]: list });
	t.is((await annotations.annotations(pod, ["constructor", annotation], signal)).size, 2);
});

test("pods of one class get what their own annotations say, also after those have changed", async (t) => {
	const site = await openSite(t);
	for (const id of ["one", "two", "three"]) site.conjur.variables.set(id, `value of ${id}`);
	const [first, second, third] = ["web-0", "web-1", "web-2"].map((name) => makePod({ name }));
	if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
	letIn(site.conjur, first, ["one", "two", "three"]);
	const pods: Record<string, Annotated> = {
		"web-0": { uid: first.uid, annotations: { [annotation]: "- f: one" } },
		"web-1": { uid: second.uid, annotations: { [annotation]: "- f: two" } },
		"web-2": { uid: third.uid },
	};
	const { mount, refusal, asked, provider } = await startMounter(t, site, { pods });
	const parameters = classParameters(site.conjur);
	const read = async (of: typeof first) => filesOf(await mount(parameters, { pod: of })).map(([, , text]) => text);
	t.deepEqual(await read(first), ["value of one"]);
	t.deepEqual(await read(second), ["value of two"]);
	t.deepEqual(await read(first), ["value of one"], "a remount of the same pod");
	t.regex((await refusal(parameters, { pod: third })).details, /CKCP034 Annotation "conjur.org\/secrets" missing or empty/);
	t.is(asked.length, 3);
	t.true(asked.every((path) => /^GET \/api\/v1\/namespaces\/shop\/pods\/web-\d$/.test(path)));
	const fallback = { ...parameters, secrets: "- f: three" };
	t.deepEqual(filesOf(await mount(fallback, { pod: third })), [["f", 0o644, "value of three"]]);
	t.true(provider.logs.some((line) => line.includes("CKCP042") && line.includes('"pod":"web-2"')));
	const again = makePod({ name: "web-0" });
	pods["web-0"] = { uid: again.uid, annotations: { [annotation]: "- f: two" } };
	t.deepEqual(await read(again), ["value of two"], "a new pod of the same name");
});

test("without an API server the parameter stands in, and without the parameter the text says what is missing", async (t) => {
	const site = await openSite(t);
	site.conjur.variables.set("one", "value of one");
	letIn(site.conjur, pod, ["one"]);
	const { mount, refusal } = await startMounter(t, site);
	t.is((await mount(classParameters(site.conjur, { secrets: "- f: one" }), { pod })).files.size, 1);
	t.regex(
		(await refusal(classParameters(site.conjur), { pod })).details,
		/CKCP039 Failed to get pod "web-0" in namespace "shop": .*no API server is known/,
	);
});
