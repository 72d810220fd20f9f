import test from "ava";
import fc from "fast-check";
import type { MountAnswer } from "../../provider/contract/options.ts";
import type { RenderedFile } from "../../provider/plan/mount-plan.ts";
import { filePathProblem, pathCollision } from "../../provider/shared/file-path.ts";
import { CallFailure } from "../support/mount-client.ts";
import { attributes, serve } from "./harness.ts";

const versions = new Map([["db", "1"]]);

function file(path: string, contents = "x", mode = 0o644): RenderedFile {
	return { path, mode, contents: Buffer.from(contents) };
}

/** A server whose handler gives whatever is put into `answer`. */
async function serveAnswer(t: Parameters<typeof serve>[0], maximumResponseBytes?: number) {
	const box: { answer: unknown } = { answer: undefined };
	const handler = async () => box.answer as MountAnswer;
	const { client } = await serve(t, maximumResponseBytes === undefined ? { handler } : { handler, maximumResponseBytes });
	return { client, box };
}

interface BadAnswer {
	readonly title: string;
	readonly answer: unknown;
	readonly code: string;
	readonly says: RegExp;
}

const path = (bad: string, says: RegExp): BadAnswer => ({
	title: `the path ${JSON.stringify(bad.slice(0, 20))}`,
	answer: { files: [file("ok"), file(bad)], versions },
	code: "INVALID_ARGUMENT",
	says,
});

const badAnswers: readonly BadAnswer[] = [
	path("", /^The file path "" is empty\./),
	path("/etc/passwd", /is absolute/),
	path("../x", /starts with `\.\.`/),
	path("a/../b", /starts with `\.\.`/),
	path("..data/x", /starts with `\.\.`/),
	path("a//b", /empty element/),
	path("./a", /element `\.`/),
	path("a/", /empty element/),
	path("a\nb", /"a\\nb" holds a control character/),
	path("x".repeat(256), /longer than 255 bytes/),
	path(`${"x/".repeat(2100)}x`, /longer than 4096 bytes/),
	path("a\ud800b", /is not Unicode text/),
	{
		title: "a file below a file",
		answer: { files: [file("c/d"), file("c")], versions },
		code: "INVALID_ARGUMENT",
		says: /^The file path "c" is a folder of the file "c\/d"\./,
	},
	{
		title: "one path twice",
		answer: { files: [file("c"), file("c")], versions },
		code: "INVALID_ARGUMENT",
		says: /^Two files have the path "c"\./,
	},
	{ title: "no file", answer: { files: [], versions }, code: "INTERNAL", says: /^The answer has no file\./ },
	{ title: "no version", answer: { files: [file("a")], versions: new Map() }, code: "INTERNAL", says: /no object version/ },
	...[-1, 512, 0o4755, 1.5, Number.NaN, undefined, "420"].map((mode) => ({
		title: `the mode ${mode}`,
		answer: { files: [{ path: "a", mode, contents: Buffer.from("x") }], versions },
		code: "INTERNAL",
		says: /^The file "a" has no mode from 0 to 0777\./,
	})),
	{ title: "no contents", answer: { files: [{ path: "a", mode: 0 }], versions }, code: "INTERNAL", says: /"a" has no contents/ },
	{ title: "no path", answer: { files: [{ mode: 0, contents: Buffer.from("x") }], versions }, code: "INTERNAL", says: /has no path/ },
	{ title: "a version without an id", answer: { files: [file("a")], versions: new Map([["", "1"]]) }, code: "INTERNAL", says: /no id/ },
	{
		title: "a version that is no text",
		answer: { files: [file("a")], versions: new Map([["db", 1]]) },
		code: "INTERNAL",
		says: /"db" has no version/,
	},
	...[
		undefined,
		null,
		1,
		"x",
		{},
		{ files: 1, versions: 1 },
		{ files: [undefined], versions },
		{ files: [file("a")], versions: { size: 1 } },
	].map((answer) => ({ title: `${JSON.stringify(answer)} as answer`, answer, code: "INTERNAL", says: /unexpected error inside Claviger/ })),
];

for (const { title, answer, code, says } of badAnswers) {
	test(`never sent: ${title}`, async (t) => {
		const { client, box } = await serveAnswer(t);
		box.answer = answer;
		const failure = await t.throwsAsync(client.mount(attributes()), { instanceOf: CallFailure });
		t.is(failure?.code, code);
		t.regex(failure?.details ?? "", says);
	});
}

test("an answer above the driver's limit names its largest files, and one below is sent", async (t) => {
	const { client, box } = await serveAnswer(t);
	const limit = 4 * 1024 * 1024;
	const contents = (bytes: number) => Buffer.alloc(bytes, 1);
	const files = [1, 1_000_000, 2, 2_000_000, 3, 1_500_000].map((bytes, index) => ({
		path: `f${index}`,
		mode: 0,
		contents: contents(bytes),
	}));
	box.answer = { files, versions };
	const failure = await t.throwsAsync(client.mount(attributes()), { instanceOf: CallFailure });
	t.is(failure?.code, "FAILED_PRECONDITION");
	t.is(failure?.errorCode, "too-large");
	t.regex(
		failure?.details ?? "",
		/take 4500006 bytes; the driver takes 4194304\. The largest: "f3" \(2000000 bytes\), "f5" \(1500000 bytes\), "f1" \(/,
	);

	// Around the limit itself the message's own bytes decide.
	box.answer = { files: [{ path: "a", mode: 0, contents: contents(limit - 10) }], versions };
	t.is((await t.throwsAsync(client.mount(attributes()), { instanceOf: CallFailure }))?.errorCode, "too-large");
	const overhead = 4 + 1 + 3 + 3 + 7 + 1;
	box.answer = { files: [{ path: "a", mode: 1, contents: contents(limit - overhead - 10) }], versions };
	t.is((await client.mount(attributes())).files.get("a")?.contents.length, limit - overhead - 10);
});

test("the limit is the one that was configured", async (t) => {
	const { client, box } = await serveAnswer(t, 1000);
	box.answer = { files: [{ path: "a", mode: 0, contents: Buffer.alloc(1000) }], versions };
	t.is((await t.throwsAsync(client.mount(attributes()), { instanceOf: CallFailure }))?.errorCode, "too-large");
	box.answer = { files: [{ path: "a", mode: 0, contents: Buffer.alloc(900) }], versions };
	t.is((await client.mount(attributes())).files.size, 1);
});

test("a good answer arrives byte by byte, in order, with its modes", async (t) => {
	const { client, box } = await serveAnswer(t);
	const files = [
		file("b", "", 0),
		file("a/é/日本", "\u0000\r\n\ufeff", 0o777),
		{ path: "c", mode: 0o400, contents: Buffer.from([0xff, 0xfe]) },
	];
	box.answer = {
		files,
		versions: new Map([
			["db", "1"],
			["__proto__", "2"],
			["é", ""],
		]),
	};
	const answer = await client.mount(attributes());
	t.deepEqual(answer.order, ["b", "a/é/日本", "c"]);
	t.deepEqual(
		Array.from(answer.files, ([name, { mode, contents }]) => ({ path: name, mode, contents })),
		files,
	);
	t.deepEqual(
		[...answer.versions],
		[
			["db", "1"],
			["__proto__", "2"],
			["é", ""],
		],
	);
});

test("whatever the paths, an answer that leaves is one that the driver can write", async (t) => {
	const { client, box } = await serveAnswer(t);
	const element = fc.oneof(fc.constantFrom("", ".", "..", "..data", "a", "b", "x/y"), fc.string({ maxLength: 5 }));
	const anyPath = fc.array(element, { maxLength: 4 }).map((elements) => elements.join("/"));
	await fc.assert(
		fc.asyncProperty(fc.array(anyPath, { minLength: 1, maxLength: 5 }), async (paths) => {
			box.answer = { files: paths.map((name) => file(name)), versions };
			const good = paths.every((name) => filePathProblem(name) === undefined) && pathCollision(paths) === undefined;
			if (good) t.deepEqual((await client.mount(attributes())).order, paths);
			else t.is((await t.throwsAsync(client.mount(attributes()), { instanceOf: CallFailure }))?.code, "INVALID_ARGUMENT");
		}),
		{ numRuns: 500 },
	);
});
