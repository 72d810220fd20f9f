import test, { type ExecutionContext } from "ava";
import { audience, hostOf, letIn, openSite, type Site } from "../../servers/conjur/site.ts";
import type { MountResult } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider, type TestProviderOptions } from "../../support/provider.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { classParameters, failureOf, startMounter, storeFields } from "./harness.ts";

const pod = makePod();

/** A server with variables `s0`, `s1`, …, all for the service account `web`. */
async function openWith(t: ExecutionContext<unknown>, count: number, options: Parameters<typeof openSite>[1] = {}) {
	const site = await openSite(t, options);
	const ids = Array.from({ length: count }, (_, index) => `s${index}`);
	for (const id of ids) site.conjur.variables.set(id, `value of ${id}`);
	const host = letIn(site.conjur, pod, ids);
	return { ...site, ids, host };
}

const listOf = (ids: readonly string[]) => ids.map((id) => `- "${id}": ${id}`).join("\n");

/** Mounts objects of a native store. */
async function startNative(
	t: ExecutionContext<unknown>,
	{ conjur, issuer }: Site,
	options: Partial<TestProviderOptions> & { store?: object } = {},
) {
	const { store = storeFields(conjur), ...rest } = options;
	const policy = JSON.stringify({ stores: { main: store } });
	const provider = await startTestProvider(t, { policy, providers: "claviger", issuer, ...rest });
	return (objects: readonly Readonly<Record<string, string>>[], forPod = pod): Promise<MountResult> =>
		provider.mount("claviger", forPod, { objects: JSON.stringify(objects) }, { audience });
}

const text = ({ files }: MountResult, name: string) => files.get(name)?.contents.toString();

test.serial("100 replicas of one account take one login and one batch, and remounts none", async (t) => {
	const { ids, ...site } = await openWith(t, 10);
	const { mount } = await startMounter(t, site, { ages: "default" });
	const pods = Array.from({ length: 100 }, () => makePod());
	const parameters = classParameters(site.conjur, { secrets: listOf(ids) });
	const mountAll = () => Promise.all(pods.map((each) => mount(parameters, { pod: each })));
	t.true((await mountAll()).every((mounted) => mounted.files.size === 10 && text(mounted, "s9") === "value of s9"));
	t.deepEqual(site.conjur.counts(), { authenticate: 1, "secrets.batch": 1 });
	await mountAll();
	t.deepEqual(site.conjur.counts(), { authenticate: 1, "secrets.batch": 1 });
});

test.serial("a poll that is due asks once more with the same login, and a variable that has gone spoils one poll at most", async (t) => {
	const { ids, conjur, ...site } = await openWith(t, 10);
	const { mount } = await startMounter(t, { conjur, ...site }, { ages: "default", flags: ["--poll-interval", "1s", "--push", "off"] });
	await mount(classParameters(conjur, { secrets: listOf(ids) }), { pod });
	await waitUntil(() => (conjur.counts()["secrets.batch"] ?? 0) >= 3);
	t.is(conjur.counts()["authenticate"], 1);
	conjur.variables.delete("s3");
	conjur.reset();
	await waitUntil(() => conjur.calls("secrets.batch").some(({ resource, status }) => resource === "acme:variable:s3" && status === 404));
	conjur.reset();
	await waitUntil(() => (conjur.counts()["secrets.batch"] ?? 0) >= 4);
	const refused = conjur.calls("secrets.batch").filter(({ status }) => status === 404);
	t.deepEqual(new Set(refused.map(({ resource }) => resource)), new Set(["acme:variable:s3"]), "known as missing, it spoils no batch");
});

test.serial(
	"200 variables go out in batches whose request lines every server takes, and a shorter limit divides them further",
	async (t) => {
		const { conjur, issuer } = await openSite(t);
		const ids = Array.from({ length: 200 }, (_, index) => `team/${"x".repeat(60)}/${index}`);
		for (const id of ids) conjur.variables.set(id, id);
		letIn(conjur, pod, ids);
		const { mount } = await startMounter(t, { conjur, issuer });
		const parameters = classParameters(conjur, { secrets: ids.map((id, index) => `- f${index}: ${id}`).join("\n") });
		t.is((await mount(parameters, { pod })).files.size, 200);
		const batches = conjur.calls("secrets.batch");
		t.true(batches.length <= 5 && batches.every(({ status }) => status === 200), `${batches.length} batches`);
		conjur.reset();
		conjur.longestUrl = 3000;
		const mounted = await mount(parameters, { pod });
		t.true(ids.every((id, index) => text(mounted, `f${index}`) === id));
		t.true(conjur.calls("secrets.batch").some(({ status }) => status === 414));
	},
);

test.serial("variables that are made anew at each read go out ten to a batch", async (t) => {
	const { conjur, issuer } = await openSite(t);
	const ids = Array.from({ length: 25 }, (_, index) => `data/dynamic/d${index}`);
	for (const id of ids) conjur.variables.set(id, id);
	letIn(conjur, pod, ids);
	const { mount } = await startMounter(t, { conjur, issuer });
	const secrets = ids.map((id, index) => `- f${index}: ${id}`).join("\n");
	t.is((await mount(classParameters(conjur, { secrets }), { pod })).files.size, 25);
	t.deepEqual(conjur.counts(), { authenticate: 1, "secrets.batch": 3 });
});

for (const tellsMissingFirst of [false, true]) {
	test.serial(
		`what is missing and what is denied spoils nothing else${tellsMissingFirst ? ", where missing ones are told first" : ""}`,
		async (t) => {
			const { conjur, host, ids, issuer } = await openWith(t, 40);
			conjur.secrets.tellsMissingFirst = tellsMissingFirst;
			for (const id of ["s3", "s20"]) conjur.variables.delete(id);
			for (const id of ["s7", "s31"]) conjur.policy.revoke(host, `variable:${id}`);
			const mount = await startNative(t, { conjur, issuer });
			const objects = ids.map((id) => ({ name: id, path: id, optional: "true" }));
			const first = await mount(objects);
			t.deepEqual([...first.files.keys()].sort(), ids.filter((id) => !["s3", "s20", "s7", "s31"].includes(id)).sort());
			const rounds = conjur.counts()["secrets.batch"] ?? 0;
			t.true(rounds <= 40, `${rounds} calls to find out who is at fault`);
			conjur.reset();
			t.is((await mount(objects)).files.size, 36);
			t.deepEqual(conjur.counts(), { authenticate: 1, "secrets.batch": 7 }, "a denial is believed when a fresh login meets it too");
			conjur.reset();
			t.is((await mount(objects)).files.size, 36);
			t.deepEqual(conjur.counts(), { "secrets.batch": 5 }, "what was refused is asked for by itself");
			conjur.variables.set("s3", "there");
			t.is(text(await mount(objects), "s3"), "there");
			conjur.reset();
			t.is((await mount(objects)).files.size, 37);
			t.deepEqual(conjur.counts(), { "secrets.batch": 4 });
		},
	);
}

test.serial("of several failures each has its own code, and the first one its words", async (t) => {
	const { conjur, host, issuer } = await openWith(t, 4);
	conjur.variables.delete("s1");
	conjur.policy.revoke(host, "variable:s2");
	const mount = await startNative(t, { conjur, issuer });
	const error = await failureOf(mount(["s0", "s1", "s2", "s3"].map((id) => ({ name: id, path: id }))));
	t.is(error.errorCode, "absent", error.details);
	t.regex(error.details, /objects\[1\].*Also: objects\[2\] \(denied\)/s);
});

test.serial("an access token is used until ten seconds before its end, and the next login brings the newest token of a pod", async (t) => {
	const { conjur, ...site } = await openWith(t, 1);
	const { mount } = await startMounter(t, { conjur, ...site });
	const parameters = classParameters(conjur, { secrets: listOf(["s0"]) });
	conjur.tokens.lifetimeSeconds = 13;
	await mount(parameters, { pod });
	await mount(parameters, { pod });
	t.is(conjur.counts()["authenticate"], 1);
	await waitUntil(async () => {
		await mount(parameters, { pod });
		return conjur.counts()["authenticate"] === 2;
	});
	t.true(
		conjur.calls("secrets.batch").every(({ status }) => status === 200),
		"no read met the end",
	);
});

test.serial("a token that the server has revoked is replaced within the mount, once for all reads", async (t) => {
	const { conjur, ids, ...site } = await openWith(t, 30);
	const { mount } = await startMounter(t, { conjur, ...site });
	await mount(classParameters(conjur, { secrets: listOf(ids) }), { pod });
	conjur.tokens.revokeAll();
	conjur.reset();
	const mounts = ids.map((id) => mount(classParameters(conjur, { secrets: listOf([id]) }), { pod }));
	t.true((await Promise.all(mounts)).every(({ files }) => files.size === 1));
	t.is(conjur.counts()["authenticate"], 1);
	conjur.authenticators.disable("kube");
	conjur.tokens.revokeAll();
	const error = await failureOf(mount(classParameters(conjur, { secrets: listOf(ids) }), { pod }));
	t.is(error.errorCode, "unreachable", "nobody has said that the rights are gone");
});

test.serial("two service accounts and two identities at once are never mixed", async (t) => {
	const { conjur, issuer } = await openSite(t);
	for (const account of ["one", "two"]) {
		conjur.variables.set(`of-${account}`, `for ${account}`);
		letIn(conjur, { namespace: "shop", serviceAccount: account }, [`of-${account}`]);
	}
	const mount = await startNative(t, { conjur, issuer });
	const read = (account: string, id: string) =>
		mount([{ name: "f", path: id }], makePod({ serviceAccount: account })).then(
			(mounted) => text(mounted, "f"),
			(error: { errorCode?: string }) => error.errorCode,
		);
	for (let round = 0; round < 5; round += 1) {
		const answers = await Promise.all([read("one", "of-one"), read("two", "of-two"), read("one", "of-two"), read("two", "of-one")]);
		t.deepEqual(answers, ["for one", "for two", "denied", "denied"]);
	}
	t.is(conjur.counts()["authenticate"], 2 + 2, "a denial is believed after a fresh login has met it too, once for each account");
	conjur.authenticators.add("url", { ...issuer, audience });
	for (const login of ["host/a", "host/b"]) {
		conjur.policy.addHost(login, { "authn-jwt/url/kubernetes.io/namespace": "shop" });
		conjur.policy.permit(login, ["authenticate"], "webservice:conjur/authn-jwt/url");
	}
	conjur.policy.permit("host/a", ["execute"], "variable:of-one");
	const byIdentity = await startNative(t, { conjur, issuer }, { store: storeFields(conjur, { service: "url" }) });
	const { mount: mountClass } = await startMounter(t, { conjur, issuer });
	t.is((await failureOf(byIdentity([{ name: "f", path: "of-one" }]))).errorCode, "unidentified", "no identity is named");
	for (const [identity, expected] of [
		["host/a", "for one"],
		["host/b", "denied"],
	] as const) {
		const parameters = classParameters(conjur, { authnId: "authn-jwt/url", identity, secrets: "- f: of-one" });
		const answer = await mountClass(parameters, { pod }).then(
			(mounted) => text(mounted, "f"),
			(error: { errorCode?: string }) => error.errorCode,
		);
		t.is(answer, expected);
	}
	t.true(conjur.calls("secrets.batch").some(({ caller }) => caller === "host/a"));
});

test.serial("a right that is withdrawn takes the file from a running pod, a lost login does not", async (t) => {
	const { conjur, host, issuer } = await openWith(t, 2);
	const mount = await startNative(t, { conjur, issuer });
	const objects = [
		{ name: "f", path: "s0" },
		{ name: "g", path: "s1" },
	];
	await mount(objects);
	conjur.policy.revoke(host, "variable:s0");
	t.deepEqual([...(await mount(objects)).files.keys()], ["g"]);
	conjur.tokens.revokeAll();
	conjur.policy.removeHost(host);
	await failureOf(mount(objects));
	t.is((await failureOf(mount(objects))).errorCode, "unidentified", "the mount fails, at which the driver leaves the files");
});

test.serial("older versions of a value are read one by one, and a version that is gone is absent", async (t) => {
	const { conjur, issuer } = await openWith(t, 2);
	conjur.variables.set("s0", "second");
	const mount = await startNative(t, { conjur, issuer });
	const mounted = await mount([
		{ name: "old", path: "s0", version: "1" },
		{ name: "new", path: "variable:s0" },
		{ name: "full", path: "acme:variable:s1" },
	]);
	t.deepEqual(
		["old", "new", "full"].map((name) => text(mounted, name)),
		["value of s0", "second", "value of s1"],
	);
	t.is((await failureOf(mount([{ name: "none", path: "s0", version: "9" }]))).errorCode, "absent");
});

test.serial("Conjur Cloud is asked by its own batch, through the proxy, and what that cannot say by the other one", async (t) => {
	const { conjur, host, ids, issuer } = await openWith(t, 5, { cloud: true });
	const before = process.env["HTTPS_PROXY"];
	process.env["HTTPS_PROXY"] = conjur.proxy.address;
	t.teardown(() => {
		if (before === undefined) delete process.env["HTTPS_PROXY"];
		else process.env["HTTPS_PROXY"] = before;
	});
	conjur.variables.delete("s1");
	conjur.policy.revoke(host, "variable:s2");
	conjur.variables.set("s3", Buffer.from([0xff, 0x00]));
	const store = storeFields(conjur, { address: "https://tenant.secretsmgr.cyberark.cloud" });
	const mount = await startNative(t, { conjur, issuer }, { store });
	const mounted = await mount(ids.map((id) => ({ name: id, path: id, optional: "true" })));
	t.deepEqual([...mounted.files.keys()].sort(), ["s0", "s3", "s4"]);
	t.deepEqual(mounted.files.get("s3")?.contents, Buffer.from([0xff, 0x00]));
	t.deepEqual(conjur.counts(), { authenticate: 1, "secrets.values": 1, "secrets.batch": 1 });
	t.deepEqual(new Set(conjur.proxy.targets), new Set(["tenant.secretsmgr.cyberark.cloud:443"]));
	conjur.reset();
	conjur.faults.add({ kind: "status", status: 404 }, { operation: "secrets.values" });
	t.is((await mount([{ name: "f", path: "s0" }])).files.size, 1);
	t.is((await mount([{ name: "f", path: "s0" }])).files.size, 1);
	t.deepEqual(conjur.counts(), { "secrets.values": 1, "secrets.batch": 2 }, "a server without it is not asked for it again");
	t.is(hostOf(pod), host);
});
