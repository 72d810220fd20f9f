import test from "ava";
import { toBytes, toDocument, toJson, toText } from "../../provider/render/content.ts";
import { members, select, wholeOf } from "../../provider/render/selection.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Found } from "../../provider/stores/store.ts";

function found(value: object): Found {
	return { kind: "found", value: new Secret(JSON.stringify(value)), structure: "json" };
}

const account = wholeOf(found({ Content: "aHVudGVyMg==", UserName: "app" }), "pg", "Content");

test("the part of the main key stands for a value of which nothing was selected", (t) => {
	t.is(toBytes(account).toString(), "aHVudGVyMg==");
	t.is(toText(account), "aHVudGVyMg==");
	t.is(toJson(account), "aHVudGVyMg==");
	t.is(toBytes(select(account, [{ kind: "decode", encoding: "base64" }])).toString(), "hunter2");
});

test("every other part is selected from the value as a whole", (t) => {
	t.is(toText(select(account, [{ kind: "key", key: "UserName" }])), "app");
	t.deepEqual(toDocument(account), { Content: "aHVudGVyMg==", UserName: "app" });
	t.deepEqual(
		members(account).map(([key]) => key),
		["Content", "UserName"],
	);
});

test("a value without a text under its main key names the object and the key", (t) => {
	for (const value of [{}, { Content: null }, { Content: { inner: "x" } }])
		t.throws(() => toBytes(wholeOf(found(value), "pg", "Content")), {
			message: 'object "pg": has no text under "Content", which stands for it.',
		});
});
