import test from "ava";
import { type BindingList, decide, type StoredBinding } from "../../provider/strongroom/bindings.ts";
import { command, connectedReader, makeStrongroom, openStore, put, read, summary, web } from "./support.ts";

const now = new Date("2026-06-01T12:00:00Z");

function listOf(...bindings: readonly Partial<StoredBinding>[]): BindingList {
	const base = {
		podNamespace: "shop",
		serviceAccount: "web",
		namespace: "shop",
		pattern: "stripe",
		created: "",
		actor: "",
		damaged: false,
	};
	return { bindings: bindings.map((binding) => ({ ...base, ...binding })), intact: true };
}

const decisions: readonly {
	readonly name: string;
	readonly list: BindingList;
	readonly serviceAccount?: string;
	readonly podNamespace?: string;
	readonly secret?: string;
	readonly expected: "allowed" | "denied" | "unknown";
}[] = [
	{ name: "nothing is bound", list: listOf(), expected: "denied" },
	{ name: "an exact binding", list: listOf({}), expected: "allowed" },
	{ name: "another service account", list: listOf({}), serviceAccount: "api", expected: "denied" },
	{ name: "the same service account of another namespace", list: listOf({}), podNamespace: "other", expected: "denied" },
	{ name: "another secret", list: listOf({}), secret: "paypal", expected: "denied" },
	{ name: "a longer secret name", list: listOf({}), secret: "stripe2", expected: "denied" },
	{ name: "the same name in another namespace", list: listOf({ namespace: "other" }), expected: "denied" },
	{
		name: "a namespace that was opened to another one's pods",
		list: listOf({ podNamespace: "other" }),
		podNamespace: "other",
		expected: "allowed",
	},
	{ name: "every service account", list: listOf({ serviceAccount: "*" }), serviceAccount: "api", expected: "allowed" },
	{ name: "every service account, but not default", list: listOf({ serviceAccount: "*" }), serviceAccount: "default", expected: "denied" },
	{ name: "default by name", list: listOf({ serviceAccount: "default" }), serviceAccount: "default", expected: "allowed" },
	{ name: "a service account called * is nobody", list: listOf({}), serviceAccount: "*", expected: "denied" },
	{ name: "a prefix", list: listOf({ pattern: "pay/*" }), secret: "pay/stripe/key", expected: "allowed" },
	{ name: "a prefix, and the bare name before it", list: listOf({ pattern: "pay/*" }), secret: "pay", expected: "denied" },
	{ name: "a prefix, and a name that only begins alike", list: listOf({ pattern: "pay/*" }), secret: "payroll/x", expected: "denied" },
	{ name: "everything of the namespace", list: listOf({ pattern: "*" }), secret: "pay/stripe", expected: "allowed" },
	{ name: "an expiry to come", list: listOf({ expires: "2026-06-01T12:00:00.001Z" }), expected: "allowed" },
	{ name: "an expiry that is now", list: listOf({ expires: "2026-06-01T12:00:00.000Z" }), expected: "denied" },
	{ name: "an expiry that is no time", list: listOf({ expires: "never" }), expected: "denied" },
	{
		name: "an expired binding beside a valid one",
		list: listOf({ expires: "2020-01-01T00:00:00Z" }, { pattern: "*" }),
		expected: "allowed",
	},
	{ name: "a damaged binding", list: { ...listOf({ damaged: true }), intact: false }, expected: "unknown" },
	{ name: "a valid binding in a damaged list", list: { ...listOf({}), intact: false }, expected: "allowed" },
];

for (const { name, list, serviceAccount = "web", podNamespace = "shop", secret = "stripe", expected } of decisions) {
	test(`who may mount what: ${name}: ${expected}`, (t) => {
		t.is(decide(list, { namespace: podNamespace, serviceAccount }, { namespace: "shop", name: secret }, now), expected);
	});
}

test("a pod cannot tell a secret that is not there from one that it may not have", async (t) => {
	const location = await makeStrongroom(t);
	await put(await openStore(t, location), "there", "value");
	const stranger = { namespace: "shop", serviceAccount: "stranger" };
	const [there, missing] = await Promise.all([read(location, "there", stranger), read(location, "missing", stranger)]);
	if (there.kind !== "denied" || missing.kind !== "denied") return t.fail("both are denied");
	t.is(there.error.text.replace("there", "x"), missing.error.text.replace("missing", "x"));
	t.is(summary(await read(location, "missing")), "<absent>");
	t.is(summary(await read(location, "there")), "value");
});

test("bindings and values that another process changes are seen at the next read", async (t) => {
	const location = await makeStrongroom(t);
	const reader = connectedReader(location);
	const api = { namespace: "shop", serviceAccount: "api" };
	const apiBinding = ["db", "--namespace", "shop", "--service-account", "api"];
	await command(location, ["put", "db", "--namespace", "shop"], "one");
	t.is(summary(await reader("db")), "one");
	t.is(summary(await reader("db", api)), "<denied>");
	await command(location, ["put", "db", "--namespace", "shop"], "two");
	await command(location, ["bind", ...apiBinding]);
	t.is(summary(await reader("db")), "two");
	t.is(summary(await reader("db", api)), "two");
	await command(location, ["unbind", ...apiBinding]);
	t.is(summary(await reader("db", api)), "<denied>");
	await command(location, ["bind", ...apiBinding, "--expires", "1m"]);
	t.is(summary(await reader("db", api)), "two");
	await command(location, ["delete", "db", "--namespace", "shop"]);
	t.is(summary(await reader("db")), "<absent>");
});

test("the service account default needs a binding that names it", async (t) => {
	const location = await makeStrongroom(t);
	await put(await openStore(t, location), "db", "value");
	const fallback = { ...web, serviceAccount: "default" };
	await command(location, ["bind", "*", "--namespace", "shop", "--service-account", "*"]);
	t.is(summary(await read(location, "db", { ...web, serviceAccount: "any" })), "value");
	t.is(summary(await read(location, "db", fallback)), "<denied>");
	await command(location, ["bind", "db", "--namespace", "shop", "--service-account", "default"]);
	t.is(summary(await read(location, "db", fallback)), "value");
});
