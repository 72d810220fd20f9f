import test from "ava";
import { makePod } from "../../support/pods.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { writeFiles } from "./fixture.ts";
import { appId, type Bench, openBench, secretOf, textOf } from "./harness.ts";

const ten = Array.from({ length: 10 }, (_, index) => `key-${index}`);

function putTen({ ccp }: Pick<Bench, "ccp">): void {
	for (const name of ten) ccp.accounts.put({ safe: "DB", name, content: `of ${name}`, userName: "app" });
}

test.serial("a hundred pods of one account read each object once, and again only when a poll is due", async (t) => {
	const bench = await openBench(t, { provider: { ages: "default", flags: ["--poll-interval", "8s", "--max-age", "60s"] } });
	putTen(bench);
	const { ccp, mount } = bench;
	const objects = ten.map((object) => ({ name: object, safe: "DB", object }));
	const pods = Array.from({ length: 100 }, (_, index) => makePod({ name: `web-${index}` }));
	const mountAll = () => Promise.all(pods.map((pod) => mount({ pod, objects })));
	const answers = await mountAll();
	t.true(answers.every((answer) => ten.every((name) => textOf(answer, name) === `of ${name}`)));
	t.deepEqual(ccp.counts(), { "accounts.get": 10 });
	t.deepEqual([...new Set(ccp.log.map(({ reason }) => reason))], ["mount shop/web"]);
	await mountAll();
	t.deepEqual(ccp.counts(), { "accounts.get": 10 }, "remounts ask nobody");
	await waitUntil(() => (ccp.counts()["accounts.get"] ?? 0) >= 20, 20_000);
	t.deepEqual(ccp.counts(), { "accounts.get": 20 }, "one poll asks for each once more");
});

test.serial("user and password of two files come from one answer", async (t) => {
	const { ccp, mount } = await openBench(t);
	const files = [
		{ path: "password", from: "pg" },
		{ path: "user", from: "pg", key: "UserName" },
		{ path: "url", template: "postgres://{{pg.UserName}}:{{pg}}@{{pg.Address}}/app" },
		{ path: "app.env", format: "dotenv", values: { USER: "pg.UserName", PASSWORD: "pg", AGAIN: "pg.Content" } },
	];
	const answer = await mount({ files });
	t.is(textOf(answer, "password"), "hunter2");
	t.is(textOf(answer, "user"), "app");
	t.is(textOf(answer, "url"), "postgres://app:hunter2@db.example/app");
	t.is(textOf(answer, "app.env"), "USER=app\nPASSWORD=hunter2\nAGAIN=hunter2\n");
	t.deepEqual(ccp.counts(), { "accounts.get": 1 });
});

test.serial("namespaces with applications of their own are never mixed, whatever they ask at once", async (t) => {
	const { ccp, mount, refusal } = await openBench(t, { provider: { ages: "default" } });
	const teams = ["red", "blue"].map((namespace) => {
		const certificate = ccp.certificates.issue(namespace);
		ccp.applications.add(`${namespace}-app`, { serials: [certificate.serial] });
		ccp.safes.add(namespace, { members: [`${namespace}-app`] });
		ccp.accounts.put({ safe: namespace, name: "pg", content: `of ${namespace}` });
		return { namespace, certificate, pod: makePod({ namespace }), secrets: secretOf(`${namespace}-app`, certificate) };
	});
	const read = async ({ pod, secrets }: Pick<(typeof teams)[number], "pod" | "secrets">, safe: string) => {
		const call = { pod: { ...pod, ...makePod({ namespace: pod.namespace }) }, secrets, objects: [{ name: "pg", safe, object: "pg" }] };
		return mount(call).then(textOf, (error: { errorCode?: string }) => error.errorCode);
	};
	for (let round = 0; round < 5; round += 1) {
		const answers = await Promise.all(teams.flatMap((team) => [read(team, "red"), read(team, "blue")]));
		t.deepEqual(answers, ["of red", "absent", "absent", "of blue"]);
	}
	const serials = new Map(teams.map(({ namespace, certificate }) => [`${namespace}-app`, certificate.serial]));
	t.true(
		ccp.log.every((entry) => entry.serial === serials.get(entry.appId)),
		"each application was asked for with its own certificate",
	);
	const [red, blue] = teams;
	if (red === undefined || blue === undefined) throw new Error("two teams");
	const stolen = await refusal({
		pod: red.pod,
		secrets: { ...red.secrets, appId: "blue-app" },
		objects: [{ name: "pg", safe: "blue", object: "pg" }],
	});
	t.is(stolen.errorCode, "denied", "another's application, with one's own certificate");
	const copied = { ...red.secrets, clientCertificate: blue.certificate.certificate, appId: "blue-app" };
	t.is((await refusal({ pod: red.pod, secrets: copied, objects: [{ name: "pg", safe: "blue", object: "pg" }] })).errorCode, "invalid");
	const elsewhere = makePod({ namespace: "shop" });
	t.is(
		(await refusal({ pod: elsewhere, secrets: "null", objects: [{ name: "pg", safe: "blue", object: "pg" }] })).errorCode,
		"unidentified",
	);
});

test.serial("the administrator's list says which application stands for whom, over shared connections", async (t) => {
	const { ccp, mount } = await openBench(t, {
		stores({ ccp: server, shop, directory }) {
			const applications = [
				{ appId: "Web", serviceAccounts: ["shop/web"] },
				{ appId: "Shop", serviceAccounts: ["shop/*", "bazaar/api"] },
			];
			return {
				pv: {
					type: "cyberark-epv",
					address: server.address,
					reason: "for {{namespace}}",
					applications,
					...writeFiles(directory, server, shop),
				},
			};
		},
	});
	for (const name of ["Web", "Shop"]) {
		ccp.applications.add(name);
		ccp.safes.permit("DB", name);
	}
	for (const [namespace, serviceAccount] of [
		["shop", "web"],
		["shop", "api"],
		["bazaar", "api"],
	] as const)
		t.is(textOf(await mount({ pod: makePod({ namespace, serviceAccount }) })), "hunter2");
	t.deepEqual(
		ccp.log.map((entry) => [entry.appId, entry.reason]),
		[
			["Web", "for shop"],
			["Shop", "for shop"],
			["Shop", "for bazaar"],
		],
	);
	t.deepEqual(new Set(ccp.calls().map(({ connection }) => connection)).size, 1);
});

test.serial("a store of the administrator's without a list is asked with the namespace's Secret", async (t) => {
	const { ccp, shop, mount, refusal } = await openBench(t, {
		stores({ ccp: server, directory }) {
			return { pv: { type: "cyberark-epv", address: server.address, caFile: `${directory}/ca.pem` } };
		},
	});
	t.is(textOf(await mount({ secrets: secretOf(appId, shop) })), "hunter2");
	t.is((await refusal()).errorCode, "unidentified");
	t.deepEqual(ccp.counts(), { "accounts.get": 1 });
});

test.serial("a Secret that changes is another login, and one that is taken away leaves nothing behind", async (t) => {
	const { ccp, shop, mount, refusal } = await openBench(t, { provider: { ages: "default" } });
	t.is(textOf(await mount()), "hunter2");
	const renewed = ccp.certificates.issue("renewed");
	ccp.applications.add(appId, { serials: [renewed.serial] });
	t.is(textOf(await mount({ secrets: secretOf(appId, renewed) })), "hunter2");
	t.deepEqual(
		ccp.log.map(({ serial }) => serial),
		[shop.serial, renewed.serial],
	);
	t.is((await refusal({ secrets: "null" })).errorCode, "unidentified");
});
