import test from "ava";
import fc from "fast-check";
import { Faults } from "../../../provider/plan/faults.ts";
import { Fields } from "../../../provider/plan/fields.ts";
import { encodeQuery, encodeValue, valueProblem } from "../../../provider/stores/cyberark-epv/query.ts";
import { readRef } from "../../../provider/stores/cyberark-epv/ref.ts";

/** Any text that CyberArk takes, of all planes of Unicode, with more of what encodings get wrong. */
const values = fc
	.string({
		unit: fc.oneof(
			fc.constantFrom("+", " ", "#", "?", "=", "/", "\\", '"', "'", "(", "*", "!", "~", "ß", "=&"),
			fc.string({ unit: "binary", maxLength: 1 }),
		),
	})
	.filter((text) => valueProblem(text) === undefined);
const names = fc.constantFrom("AppID", "Safe", "Folder", "Object", "Reason");
const parameters = fc.array(fc.tuple(names, values), { maxLength: 8 });

test("what the server reads of a query is what was meant, whatever the values hold", (t) => {
	fc.assert(
		fc.property(parameters, (pairs) => {
			const query = encodeQuery(pairs);
			// Takes a plus sign for a blank, as ASP.NET does.
			t.deepEqual([...new URLSearchParams(query)], pairs);
			t.regex(query, /^[\w.~%=&-]*$/);
		}),
		{ numRuns: 1_000 },
	);
	t.pass();
});

test("a blank is %20 and a plus sign %2B", (t) => {
	t.is(encodeValue("a b+c(d)!'*é/\\"), "a%20b%2Bc%28d%29%21%27%2A%C3%A9%2F%5C");
});

test("no field of a class reaches another parameter of the query", (t) => {
	const anything = fc.string({ unit: "binary", maxLength: 40 });
	const entries = fc.dictionary(fc.constantFrom("safe", "folder", "object", "userName", "address", "database", "policyId"), anything, {
		minKeys: 1,
		maxKeys: 7,
	});
	const sent = {
		safe: "Safe",
		folder: "Folder",
		object: "Object",
		userName: "UserName",
		address: "Address",
		database: "Database",
		policyId: "PolicyID",
	};
	fc.assert(
		fc.property(entries, (written) => {
			const faults = new Faults();
			const { criteria } = readRef(new Fields(new Map(Object.entries(written)), "objects[0]", faults));
			if (faults.any) return;
			const read = Object.fromEntries(new URLSearchParams(encodeQuery(criteria)));
			t.deepEqual(read, Object.fromEntries(Object.entries(written).map(([name, value]) => [sent[name as keyof typeof sent], value])));
		}),
		{ numRuns: 1_000 },
	);
	t.pass();
});

test("two entries have one key exactly when they ask for the same", (t) => {
	const field = fc.constantFrom("", "a", "b", "ab").map((text) => (text === "" ? undefined : text));
	const entry = fc.record({ safe: field, object: field, folder: field });
	const refOf = (written: object) =>
		readRef(new Fields(new Map(Object.entries(written).filter(([, value]) => value !== undefined)), "objects[0]", new Faults()));
	fc.assert(
		fc.property(entry, entry, (one, other) => {
			const isSame = one.safe === other.safe && one.object === other.object && one.folder === other.folder;
			t.is(refOf(one).key === refOf(other).key, isSame);
		}),
	);
	t.pass();
});
