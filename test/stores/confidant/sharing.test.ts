import test from "ava";
import { type Confidant, startConfidant } from "../../servers/confidant/confidant.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider } from "../../support/provider.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { addRole, entryAt, issuer } from "./harness.ts";

const audience = { audience: "sts.amazonaws.com" } as const;

function policyAt(confidant: Confidant, role: string): string {
	return JSON.stringify({ stores: { main: entryAt(confidant, { role }) } });
}

function objectsOf(...credentials: readonly string[]): string {
	return JSON.stringify(credentials.map((credential, index) => ({ name: `f${index}`, store: "main", credential })));
}

test.serial("100 pods of one service account take one login, one token and one request, and one request when a poll is due", async (t) => {
	const confidant = await startConfidant(t);
	const role = addRole(confidant, "web");
	const names = Array.from({ length: 10 }, (_, index) => `s${index}`);
	const credentials = await Promise.all(names.map((name) => confidant.createCredential(name, { [`key_${name}`]: `of ${name}` })));
	await confidant.putService("web", [...credentials, await confidant.createBlindCredential("blind", { sealed: "value" })]);
	const flags = ["--poll-interval", "8s", "--max-age", "60s"];
	const provider = await startTestProvider(t, { issuer, policy: policyAt(confidant, role), ages: "default", flags });
	const pods = Array.from({ length: 100 }, () => makePod({ namespace: "shop", serviceAccount: "web" }));
	const mountAll = () =>
		Promise.all(pods.map((pod) => provider.mount("claviger", pod, { objects: objectsOf(...names, "blind") }, audience)));
	const calls = () => ({ ...confidant.aws.counts({ role }), requests: confidant.front.requests.length });
	confidant.front.reset();
	t.true((await mountAll()).every(({ files }) => files.size === 11));
	const once = { AssumeRoleWithWebIdentity: 1, Encrypt: 1, Decrypt: 1, requests: 1 };
	t.deepEqual(calls(), once);
	await mountAll();
	t.deepEqual(calls(), once, "remounts ask nobody");
	await waitUntil(() => confidant.front.requests.length > 1, 30_000);
	await waitUntil(() => confidant.front.openRequests() === 0);
	t.deepEqual(calls(), { ...once, requests: 2 });
});

test.serial("what was disabled or unmapped is gone from running pods, and what is remapped has another version", async (t) => {
	const confidant = await startConfidant(t);
	const role = addRole(confidant, "web");
	const [one, two] = [await confidant.createCredential("one", { a: "1" }), await confidant.createBlindCredential("two", { b: "2" })];
	await confidant.putService("web", [one, two]);
	const provider = await startTestProvider(t, { issuer, policy: policyAt(confidant, role) });
	const pod = makePod({ namespace: "shop", serviceAccount: "web" });
	const mount = () => provider.mount("claviger", pod, { objects: objectsOf("one", "two") }, audience);
	const before = await mount();
	t.deepEqual([...before.files.keys()].sort(), ["f0", "f1"]);
	await confidant.changeCredential(one, { enabled: false });
	t.deepEqual([...(await mount()).files.keys()], ["f1"]);
	await confidant.changeCredential(one, { enabled: true });
	const again = await mount();
	t.deepEqual([...again.files.keys()].sort(), ["f0", "f1"]);
	t.is(again.versions.get("f0"), before.versions.get("f0"), "the same content has the same version, whatever the revision");
	await confidant.changeCredential(two, { name: "old" });
	const successor = await confidant.createBlindCredential("two", { b: "another 2" });
	await confidant.putService("web", [one, successor]);
	const remapped = await mount();
	t.is(remapped.files.get("f1")?.contents.toString(), '{"b":"another 2"}');
	t.not(remapped.versions.get("f1"), before.versions.get("f1"));
	t.is(remapped.versions.get("f0"), before.versions.get("f0"));
	await confidant.putService("web", [one, successor], { enabled: false });
	t.deepEqual([...(await mount()).files.keys()], [".revoked"]);
});
