import test from "ava";
import type { FormatName } from "../../provider/render/formats/formats.ts";
import { problemsOf } from "./template-support.ts";

const refusedTags = [
	...[
		"{{#db}}x{{/db}}",
		"{{^db}}",
		"{{/db}}",
		"{{> partial}}",
		"{{! comment}}",
		"{{& db}}",
		"{{{db}}}",
		"{{= <% %> =}}",
		"{{db | upper}}",
		"{{upper db}}",
		"{{db()}}",
	],
	...[
		"{{db.constructor()}}",
		"{{db[0]}}",
		"{{db['a']}}",
		'{{db["a}}',
		"{{db.}}",
		"{{.db}}",
		"{{db..a}}",
		"{{}}",
		"{{ }}",
		"{{db",
		"{{1db}}",
		"{{db.1}}",
		'{{"}}"}}',
		'{{"x"}}',
		"{{db\n.a}}",
		"{{db.a + 1}}",
	],
];
for (const template of refusedTags) {
	test(`${JSON.stringify(template)} is refused`, (t) => {
		const [problem] = problemsOf(`line\n  ${template}`, "raw");
		t.regex(problem ?? "", /(something else than a name|without \}\}).* at line 2, column 3\. Write \{\{object\}\}/);
	});
}

const refusedPlaces: readonly (readonly [FormatName, string, RegExp])[] = [
	["json", "{{x}}{{x}}", /is not JSON with a value/],
	["json", '{"a": {{x}}', /is not JSON with a value/],
	["json", '{"a": "\\{{x}}n"}', /is not JSON with a value/],
	["json", '{"a": "\\u00{{x}}41"}', /is not JSON with a value/],
	["json", "{ {{x}}: 1}", /is not JSON with a value/],
	["json", "1{{x}}", /is not JSON with a value/],
	["json", "-{{x}}", /is not JSON with a value/],
	["yaml", "a: 1 # {{x}}", /inserts a key, a comment .* at line 1, column 8/],
	["yaml", "{{x}}: 1", /inserts a key/],
	["yaml", "a: &{{x}} 1", /inserts a key/],
	["yaml", "a: !{{x}} 1", /inserts a key|is not YAML/],
	["yaml", "a: [", /is not YAML: .*\(line 1\)/],
	["yaml", "a: 'x", /is not YAML/],
	["yaml", "a: \uE000 {{x}}", /U\+E000/],
	["yaml", "[".repeat(15_000), /nests too deeply/],
	["yaml", '"'.repeat(20_000), /is not YAML/],
	["properties", "a=\\{{x}}", /right behind a backslash at line 1, column 4/],
	["properties", "a=\\\\\\{{x}}", /right behind a backslash/],
	["dotenv", "# {{x}}", /a name, a comment/],
	["dotenv", "{{x}}=1", /a name, a comment/],
	["dotenv", "A=1 # {{x}}", /a name, a comment/],
	["dotenv", 'A="x\nB={{x}}"', /quote does not end on its line/],
	["shell", "# {{x}}", /into a comment/],
	["shell", "A=1 # {{x}}", /into a comment/],
	["shell", "A=$(cat {{x}})", /"\$\(", whose inside/],
	["shell", 'A="`{{x}}`"', /whose inside/],
	["shell", "A=$'{{x}}'", /whose inside/],
	["shell", "cat <<EOF\n{{x}}\nEOF", /whose inside/],
	["shell", `A="\${B:-{{x}}}"`, /whose inside/],
	["shell", 'A="$({{x}})"', /whose inside/],
	["shell", 'A="$B{{x}}"', /right behind a variable/],
	["shell", "A=\\{{x}}", /right behind a backslash/],
	["shell", `A=\${{x}}`, /right behind a variable|whose inside/],
	["shell", "A='{{x}}", /ends inside of quotes/],
];
for (const [format, template, expected] of refusedPlaces) {
	test(`the ${format} template ${JSON.stringify(template.slice(0, 30))} is refused when it is planned`, (t) => {
		const started = performance.now();
		t.regex(problemsOf(template, format).join(" "), expected);
		t.true(performance.now() - started < 1_000);
	});
}

test("a template is bounded", (t) => {
	t.regex(problemsOf("{{x}}".repeat(1_001), "raw").join(), /more than 1000 insertions/);
	t.regex(problemsOf("x".repeat(65_537), "raw").join(), /longer than 65536/);
});
