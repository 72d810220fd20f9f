import { renameSync } from "node:fs";
import test from "ava";
import { ProviderError } from "../../../provider/errors.ts";
import { deleteSecret } from "../../../provider/strongroom/delete.ts";
import { maximumValueLength } from "../../../provider/strongroom/write.ts";
import { inShop, makeStrongroom, openStore, put, read, summary, web } from "../../strongroom/support.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { testStore } from "../store-test.ts";

testStore("strongroom", async (t) => {
	const location = await makeStrongroom(t);
	const { directory } = location;
	const store = await openStore(t, location);
	return {
		issuer: await createTokenIssuer(),
		audience: "claviger",
		policy: `profile: strict\nstores:\n  main: {type: strongroom, directory: ${directory}}\n`,
		reader: web,
		stranger: { ...web, serviceAccount: "stranger" },
		addresses: [],
		put: async (name, value) => void (await put(store, name, value)),
		remove: (name) => deleteSecret(store, inShop(name), { actor: "tester" }),
		object: (name) => ({ path: name }),
		unicodeNames: ["größe/ключ", "パスワード", "हिन्दी", "a.b_c-d/e"],
		bigBytes: maximumValueLength,
		async breakDown() {
			renameSync(directory, `${directory}.away`);
			return async () => renameSync(`${directory}.away`, directory);
		},
	};
});

const faultyRefs: readonly { readonly fields: Readonly<Record<string, string>>; readonly path: string; readonly expected: RegExp }[] = [
	{ path: "", fields: {}, expected: /objects\[0\]\.path is empty/ },
	{ path: "../x", fields: {}, expected: /path is not a secret name/ },
	{ path: "a/../b", fields: {}, expected: /path has an empty element, `\.` or `\.\.`/ },
	{ path: "a//b", fields: {}, expected: /path has an empty element/ },
	{ path: "a/", fields: {}, expected: /path has an empty element/ },
	{ path: "/a", fields: {}, expected: /path is not a secret name/ },
	{ path: "shop/*", fields: {}, expected: /path is not a secret name/ },
	{ path: "a\nb", fields: {}, expected: /path is not a secret name/ },
	{ path: "a\u0000", fields: {}, expected: /path is not a secret name/ },
	{ path: "x".repeat(254), fields: {}, expected: /path is not a secret name/ },
	{ path: "a", fields: { namespace: "Shop" }, expected: /namespace is not a Kubernetes namespace/ },
	{ path: "a", fields: { namespace: "a/b" }, expected: /namespace is not a Kubernetes namespace/ },
	{ path: "a", fields: { version: "0" }, expected: /version is not a version/ },
	{ path: "a", fields: { version: "latest" }, expected: /version is not a version/ },
];

for (const { path, fields, expected } of faultyRefs) {
	test(`a malformed object is refused with its parameter: ${JSON.stringify({ path, ...fields }).slice(0, 60)}`, async (t) => {
		const location = await makeStrongroom(t);
		const error = await t.throwsAsync(read(location, path, web, fields), { instanceOf: ProviderError, message: expected });
		t.is(error?.code, "invalid");
	});
}

test("a version may be asked for; it is absent once it was destroyed or has fallen out of the ten that are kept", async (t) => {
	const location = await makeStrongroom(t);
	const store = await openStore(t, location);
	for (let version = 1; version <= 12; version += 1) t.is(await put(store, "db", `value-${version}`), version);
	const versionOf = async (version: string) => summary(await read(location, "db", web, { version }));
	t.is(await versionOf("current"), "value-12");
	t.is(await versionOf("3"), "value-3");
	t.is(await versionOf("2"), "<absent>");
	t.is(await versionOf("13"), "<absent>");
	await deleteSecret(store, inShop("db"), { actor: "tester" });
	t.is(await versionOf("current"), "<absent>");
	t.is(await versionOf("12"), "<absent>");
	t.is(await put(store, "db", "again"), 13, "no version number is used twice");
	t.is(await versionOf("current"), "again");
});

test("what was written as JSON is JSON for the one who reads, to the byte", async (t) => {
	const location = await makeStrongroom(t);
	const store = await openStore(t, location);
	const cases = [
		{ value: '{ "n": 12345678901234567890 }\n', structure: "json" },
		{ value: "[1, 2]", structure: "json" },
		{ value: "12345678", structure: "bytes" },
		{ value: '"text"', structure: "bytes" },
		{ value: "", structure: "bytes" },
		{ value: '{"a":1,"a":2}', structure: "json" },
		{ value: "{broken", structure: "bytes" },
	];
	for (const { value, structure } of cases) {
		await put(store, "value", value);
		const outcome = await read(location, "value");
		t.is(summary(outcome), value);
		t.is(outcome.kind === "found" ? outcome.structure : "", structure, value);
	}
});
