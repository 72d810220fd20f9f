import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";

const provider = join(import.meta.dirname, "../../provider");
const readme = readFileSync(join(provider, "telemetry/README.md"), "utf8");

interface DocumentedEvent {
	readonly levels: readonly string[];
	readonly fields: readonly string[];
}

function documentedEvents(): ReadonlyMap<string, DocumentedEvent> {
	const section = readme.split("\n## Log\n")[1]?.split("\n## ")[0] ?? "";
	const rows = section.matchAll(/^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$/gm);
	return new Map(
		[...rows].map(([, event = "", levels = "", fields = ""]) => [
			event,
			{
				levels: [...levels.matchAll(/\b(debug|info|warn|error)\b/g)].map(([level]) => level),
				fields: [...fields.matchAll(/`(\w+)`/g)].map(([, field = ""]) => field),
			},
		]),
	);
}

/** The sources that log: all but the commands for people, which print. */
function sources(): readonly { readonly file: string; readonly text: string }[] {
	return readdirSync(provider, { recursive: true, encoding: "utf8" })
		.filter((file) => file.endsWith(".ts") && (!file.startsWith("cli/") || file === "cli/serve.ts"))
		.map((file) => ({ file, text: readFileSync(join(provider, file), "utf8") }));
}

test("every event of the log is in README, and every one that is there is logged", (t) => {
	const logged = new Set(
		sources().flatMap(({ text }) => [...text.matchAll(/\bevent: "(\w+)"/g), ...text.matchAll(/\bevent = .*$/gm)].flatMap(names)),
	);
	t.deepEqual([...logged].sort(), [...documentedEvents().keys()].sort());
});

/** The texts of an event that is chosen between two, too. */
function names([found]: RegExpMatchArray): readonly string[] {
	return [...found.matchAll(/"([a-z]+(?:_[a-z]+)*)"/g)].map(([, name = ""]) => name);
}

test("no line is logged without the name of its event", (t) => {
	const nameless = sources().flatMap(({ file, text }) =>
		[...text.matchAll(/\b[lL]og\.(?:debug|info|warn|error)\(\s*/g)]
			.map(({ index, 0: call }) => text.slice(index + call.length, index + call.length + 40))
			.filter((fields) => !fields.startsWith("{ event: ") && !/^\{\s*event: /.test(fields) && !/^(?:\{ \.\.\.)?fields\b/.test(fields))
			.map((fields) => `${file}: ${fields}`),
	);
	t.deepEqual(nameless, []);
});

test("levels and fields are named in README, and none of the fields is one that could hold a secret", (t) => {
	for (const [event, { levels, fields }] of documentedEvents()) {
		t.true(levels.length > 0, event);
		for (const field of fields) t.notRegex(field, /token|secret|value|body|header/i, `${event} ${field}`);
	}
});
