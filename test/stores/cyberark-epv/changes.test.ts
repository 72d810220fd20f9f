import test from "ava";
import { makePod } from "../../support/pods.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { openBench, textOf } from "./harness.ts";

const at = { safe: "DB", name: "pg-prod" };

for (const usesBooleans of [false, true]) {
	test.serial(`a password that is being changed is waited for (${usesBooleans ? "boolean" : "text"} form)`, async (t) => {
		const { ccp, mount } = await openBench(t);
		ccp.vault.usesBooleans = usesBooleans;
		ccp.accounts.change(at, { isChanging: true });
		const mounted = mount();
		await waitUntil(() => ccp.log.length >= 2);
		t.true(ccp.log.every(({ errorCode }) => errorCode === "APPAP282E"));
		ccp.accounts.change(at, { isChanging: false, content: "hunter3" });
		t.is(textOf(await mounted), "hunter3");
	});
}

test.serial("whoever waits asks once in a second or more, and all who wait ask together", async (t) => {
	const { ccp, mount } = await openBench(t);
	ccp.accounts.change(at, { isChanging: true });
	const began = performance.now();
	const mounts = Promise.all(Array.from({ length: 20 }, () => mount({ pod: makePod() })));
	await waitUntil(() => ccp.log.length >= 3);
	const seconds = (performance.now() - began) / 1000;
	t.true(seconds >= 2, `three questions in ${seconds} s`);
	ccp.accounts.change(at, { isChanging: false });
	t.true((await mounts).every((answer) => textOf(answer) === "hunter2"));
	t.true(ccp.log.length <= 5);
});

test.serial("the server's own wish is kept while a password is being changed", async (t) => {
	const { ccp, mount } = await openBench(t);
	const body = JSON.stringify({ ErrorCode: "APPAP286E", ErrorMsg: "" });
	ccp.faults.add({ kind: "status", status: 500, headers: { "retry-after": "4" }, body }, { times: 1 });
	const began = performance.now();
	t.is(textOf(await mount()), "hunter2");
	t.true(performance.now() - began >= 4_000);
	t.is(ccp.calls().length, 2);
});

test.serial("fail says at once that it is being changed", async (t) => {
	const { ccp, refusal } = await openBench(t);
	ccp.accounts.change(at, { isChanging: true });
	const error = await refusal({ store: { onPasswordChange: "fail" } });
	t.is(error.errorCode, "unreachable");
	t.regex(error.details, /The password of object "pg-prod" in safe "DB" is being changed \(APPAP282E\)\. .*onPasswordChange: stale/);
	t.is(ccp.calls().length, 1);
});

test.serial("stale takes the old password, and a change that ends is a change of the object alone", async (t) => {
	const { ccp, mount } = await openBench(t);
	const store = { onPasswordChange: "stale" };
	const before = await mount({ store });
	ccp.accounts.change(at, { isChanging: true });
	const during = await mount({ store });
	t.is(textOf(during), "hunter2");
	t.is(during.versions.get("pg"), before.versions.get("pg"));
	ccp.accounts.change(at, { isChanging: false, content: "hunter3" });
	const after = await mount({ store });
	t.is(textOf(after), "hunter3");
	t.not(after.versions.get("pg"), before.versions.get("pg"));
});

test.serial("a pod that has the password keeps it while it is being changed", async (t) => {
	const { ccp, mount } = await openBench(t, { provider: { flags: ["--max-stale", "1h"] } });
	const pod = makePod();
	t.is(textOf(await mount({ pod })), "hunter2");
	ccp.accounts.change(at, { isChanging: true });
	const began = performance.now();
	t.is(textOf(await mount({ pod })), "hunter2");
	t.true(performance.now() - began < 10_000, "and does not wait for the end of the change");
});
