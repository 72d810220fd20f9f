import test from "ava";
import { readAzureRef } from "../../../provider/stores/azure/native-ref.ts";
import type { AzureRef } from "../../../provider/stores/azure/ref.ts";
import { fieldsOf } from "./dialect-support.ts";

const read = (yaml: string): AzureRef => readAzureRef(fieldsOf(yaml, "objects[0]"), { allowUnboundKms: false });

const readings: readonly (readonly [yaml: string, ref: Partial<AzureRef>])[] = [
	["path: db", { kind: "secret", name: "db", version: "", history: 0, form: "plain" }],
	["path: db\nversion: 1a", { version: "1a" }],
	["path: db\nkind: key", { kind: "key", form: "plain" }],
	["path: db\nkind: certificate", { kind: "certificate", form: "plain" }],
	["path: db\nformat: pem", { pem: "leaf-first", form: "plain" }],
	["path: db\nhistory: 3\nversion: 1a", { history: 3, version: "1a", form: "bundle" }],
	["path: db\nhistory: 1", { history: 1, form: "bundle" }],
];

for (const [yaml, ref] of readings) {
	test(`an entry of the native dialect is read: ${JSON.stringify(yaml)}`, (t) => {
		const fields = fieldsOf(yaml, "objects[0]");
		t.like(readAzureRef(fields, { allowUnboundKms: false }), ref);
		t.deepEqual(fields.faults.list, []);
	});
}

test("each of an entry's fields tells it from others", (t) => {
	const keys = readings.map(([yaml]) => read(yaml).key);
	t.is(new Set(keys).size, readings.length);
	t.is(read("path: DB").key, read("path: db").key);
	t.false("pem" in read("path: db"));
});

const refusals: readonly (readonly [yaml: string, message: RegExp])[] = [
	["kind: secret", /path is missing/],
	["path: a/b", /path is "a\/b", which is no name/],
	["path: db\nversion: ../1", /version is/],
	["path: db\nkind: cert", /kind is "cert"/],
	["path: db\nkind: key\nformat: pem", /format stands beside kind: key/],
	["path: db\nformat: pfx", /format is "pfx"/],
	["path: db\nhistory: 0", /history is "0"/],
	["path: db\nhistory: 501", /history is "501"/],
	["path: db\nhistory: some", /history is "some"/],
];

for (const [yaml, message] of refusals) {
	test(`an entry of the native dialect is refused: ${JSON.stringify(yaml)}`, (t) => {
		const fields = fieldsOf(yaml, "objects[0]");
		readAzureRef(fields, { allowUnboundKms: false });
		t.regex(fields.faults.toError("The entry").message, message);
	});
}
