import test from "ava";
import { readAvaOutput } from "./ava-output.ts";

const green = `
  ✔ one
  ✔ two (1.2s)
    ℹ a note
  - [skip] three
  ─

  2 tests passed
  1 test skipped
`;

const red = `
  ✔ one
  ✘ [fail]: two Error thrown in test
  ─

  two

  Error: 3 tests passed

  ─

  1 test failed
  1 uncaught exception
`;

const pending = `
  ✔ one

  ✘ Timed out while running tests

  1 tests were pending in test/some.test.ts

  ◌ never ends

  ─

  1 test passed
  1 test remained pending after a timeout
`;

const cases = [
	{ name: "a run that passes", output: green, passed: 2, failed: 0, skipped: 1, failures: [] },
	{ name: "a run with failures", output: red, passed: 1, failed: 2, skipped: 0, failures: ["two Error thrown in test"] },
	{
		name: "a test that never ends",
		output: pending,
		passed: 1,
		failed: 1,
		skipped: 0,
		failures: ["Timed out while running tests", "never ends"],
	},
	{ name: "no output at all", output: "", passed: 0, failed: 0, skipped: 0, failures: [] },
];

for (const { name, output, ...expected } of cases) {
	test(`what ava printed is counted: ${name}`, (t) => {
		const { passed, failed, skipped, failures } = readAvaOutput(output);
		t.deepEqual({ passed, failed, skipped, failures: [...failures] }, expected);
	});
}

test("the details of a failed run leave out the tests that passed", (t) => {
	const { details } = readAvaOutput(red);
	t.false(details.includes("✔"));
	t.true(details.includes("Error: 3 tests passed"));
});
