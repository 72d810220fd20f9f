import test from "ava";
import fc from "fast-check";
import { compileExpression, evaluate } from "../../provider/render/expression.ts";
import { ExpressionError } from "../../provider/render/expression-numbers.ts";
import { parseJson, stringifyJson } from "../../provider/shared/json.ts";

const document = parseJson(`{
	"db": {"user": "alice", "ports": [5432, 5433.0], "id": 12345678901234567890, "rate": 2.50},
	"hosts": [{"name": "a", "weight": 1.50, "ok": true}, {"name": "b", "weight": 3.25, "ok": false}],
	"constructor": "own", "nothing": null
}`);

const selections: readonly (readonly [string, string])[] = [
	["db.user", '"alice"'],
	["db.id", "12345678901234567890"],
	["db.ports", "[5432,5433.0]"],
	["db.ports[-1]", "5433.0"],
	["{id: db.id, rates: [db.rate]}", '{"id":12345678901234567890,"rates":[2.50]}'],
	["hosts[?weight > `2`].name | [0]", '"b"'],
	["hosts[?weight > `2`].weight", "[3.25]"],
	["hosts[?weight == `1.5`] | [0].weight", "1.50"],
	["max_by(hosts, &weight).name", '"b"'],
	["to_string(db.rate)", '"2.50"'],
	["to_string(db.id)", '"12345678901234567890"'],
	["sum(db.ports)", "10865"],
	["join('-', hosts[*].name)", '"a-b"'],
	["constructor", '"own"'],
	["nothing", "null"],
	["missing", "null"],
	["toString", "null"],
	["__proto__", "null"],
	["db.constructor", "null"],
	["hosts[0].__proto__.toString", "null"],
];
for (const [expression, expected] of selections) {
	test(`${expression} gives ${expected}`, (t) => {
		t.is(stringifyJson(evaluate(compileExpression(expression), document)), expected);
	});
}

const refused: readonly (readonly [string, RegExp])[] = [
	["", /not a JMESPath expression/],
	["a.", /not a JMESPath expression/],
	["a b", /not a JMESPath expression/],
	["length(a, b)", /not a JMESPath expression/],
	["evil(@)", /unknown function evil; known are abs/],
	["a && toString(@)", /unknown function toString/],
	["a || `x` && hidden(@)", /unknown function hidden/],
	["a".repeat(1_001), /longer than 1000/],
	[`@${"|[@,@]".repeat(8)}`, /too large/],
	[`{a: @, b: @${", c: [@,@,@,@]|[@,@,@,@]|[@,@,@,@]|[@,@,@,@]"}}`, /too large/],
	[`@${"|[to_string(@),@]".repeat(4)}`, /too large/],
];
for (const [expression, message] of refused) {
	test(`the expression ${expression.slice(0, 40)} is refused before any document is there`, (t) => {
		t.throws(() => compileExpression(expression), { instanceOf: ExpressionError, message });
	});
}

test("commas in strings and many columns are no growth", (t) => {
	t.notThrows(() => compileExpression(`a[?x == '${",".repeat(300)}[[[' && "k,[" == \`"[,"\`]`));
	t.notThrows(() => compileExpression(`{${Array.from({ length: 90 }, (_, index) => `k${index}: k${index}`).join(", ")}}`));
});

test("an expression reaches no function that objects inherit", (t) => {
	for (const expression of ["{a: db}.constructor", "[{a: db}.toString]", '{"__proto__": db}', "&db", "{a: db}.__proto__"]) {
		const compiled = compileExpression(expression);
		t.throws(() => evaluate(compiled, document), { instanceOf: ExpressionError, message: /no JSON value|cannot be applied/ }, expression);
	}
	t.false("user" in {});
});

test("what cannot be applied is told without the value", (t) => {
	const secret = parseJson('{"password":"hunter2","list":["hunter2",1]}');
	for (const expression of ["abs(password)", "sort(password)", "join(password, password)", "to_string(password, password)", "sum(list)"]) {
		const error = t.throws(() => evaluate(compileExpression(expression), secret), { instanceOf: ExpressionError }, expression);
		t.notRegex(error?.message ?? "", /hunter2/);
	}
});

test("join stays bounded", (t) => {
	const large = { separator: "x".repeat(1e5), items: Array.from({ length: 1e3 }, () => "") };
	t.throws(() => evaluate(compileExpression("join(separator, items)"), large), { message: /joins more than/ });
});

test("sorting changes nothing for the next expression", (t) => {
	const list = parseJson('{"l":[3,1.0,2]}');
	t.is(stringifyJson(evaluate(compileExpression("sort(l)"), list)), "[1.0,2,3]");
	t.is(stringifyJson(evaluate(compileExpression("reverse(l)"), list)), "[2,1.0,3]");
	t.is(stringifyJson(list), '{"l":[3,1.0,2]}');
});

test("1 and 1.0 in one document are told apart where they are selected, and refused where they are computed", (t) => {
	const both = parseJson('{"one":1,"exact":1.0,"l":[{"n":1.0,"v":"a"}]}');
	t.is(stringifyJson(evaluate(compileExpression("[one, exact]"), both)), "[1,1.0]");
	t.is(stringifyJson(evaluate(compileExpression("l[?n == `1`].v"), both)), '["a"]');
	t.throws(() => evaluate(compileExpression("l[?n == `1`].n"), both), { message: /several ways/ });
	t.throws(() => evaluate(compileExpression("to_string(exact)"), both), { message: /several ways/ });
});

test("whatever a key expression selects keeps its text", (t) => {
	const number = fc
		.tuple(fc.bigInt(), fc.stringMatching(/^(?:\.[0-9]{1,20})?(?:e[+-]?[0-9]{1,2})?$/))
		.map(([whole, rest]) => `${whole}${rest}`);
	fc.assert(
		fc.property(fc.array(number, { minLength: 1, maxLength: 5 }), (numbers) => {
			const parsed = parseJson(`{"l":[${numbers.join(",")}]}`);
			t.is(stringifyJson(evaluate(compileExpression("l[*]"), parsed)), `[${numbers.join(",")}]`);
			t.is(stringifyJson(evaluate(compileExpression("l[0]"), parsed)), String(numbers[0]));
		}),
	);
});

test("no text makes the compiler hang or throw anything but its own error", (t) => {
	const alphabet = fc.constantFrom(..."a.[]{}()*?:,|&!=<>@`'\"\\ -01", "😀", "__proto__", "length(", "[?");
	fc.assert(
		fc.property(fc.array(alphabet, { maxLength: 30 }), (parts) => {
			try {
				compileExpression(parts.join(""));
			} catch (error) {
				t.true(error instanceof ExpressionError, String(error));
			}
		}),
		{ numRuns: 2_000 },
	);
});
