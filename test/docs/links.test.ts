import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import test from "ava";
import { stores } from "../../provider/stores/index.ts";
import { checkout, type Document, guide, guides, pages, parse } from "./markdown.ts";

/** What is wrong with a link of a page; undefined for nothing. Other sites are taken on trust. */
function problemOf({ path, anchors }: Document, link: string): string | undefined {
	if (/^https?:/.test(link)) return undefined;
	const [file = "", anchor] = link.split("#");
	const target = file === "" ? path : normalize(join(dirname(path), file));
	if (file !== "" && (target.startsWith("..") || !existsSync(join(checkout, target)))) return `${path}: there is no ${target}`;
	if (anchor === undefined) return undefined;
	const known = file === "" ? anchors : pages.find((page) => page.path === target)?.anchors;
	return known?.has(anchor) === true ? undefined : `${path}: ${target} has no #${anchor}`;
}

test("every link leads to a file, and to a heading where it names one", (t) => {
	const problems = pages.flatMap((page) => page.links.map((link) => problemOf(page, link)).filter((problem) => problem !== undefined));
	t.deepEqual(problems, []);
	t.true(pages.flatMap(({ links }) => links).length > 100, "links are found");
});

test("a link that leads nowhere is found out", (t) => {
	const page = parse(
		"docs/page.md",
		"# A heading: with, marks\n\n[a](nowhere.md) [b](#other) [c](#a-heading-with-marks) [d](install.md#2-the-driver)\n",
	);
	const problems = page.links.map((link) => problemOf(page, link));
	t.deepEqual(problems, ["docs/page.md: there is no docs/nowhere.md", "docs/page.md: docs/page.md has no #other", undefined, undefined]);
});

test("every page of docs is reached from the README", (t) => {
	const seen = new Set<string>();
	const visit = (path: string) => {
		const page = guides.find((document) => document.path === path);
		if (page === undefined || seen.has(path)) return;
		seen.add(path);
		for (const link of page.links) if (!/^https?:/.test(link)) visit(normalize(join(dirname(path), link.split("#")[0] ?? "")));
	};
	visit("README.md");
	const lost = guides.map(({ path }) => path).filter((path) => !seen.has(path) && !path.startsWith("docs/runbooks/"));
	t.deepEqual(lost, []);
});

test("every store has a row in the README and a guide", (t) => {
	const readme = guide("README.md");
	for (const { type, dialects } of stores) {
		const row = readme.prose.find((line) => line.startsWith(`| \`${type}\` |`)) ?? "";
		for (const target of [`docs/stores/${type}.md`, `provider/stores/${type}/README.md`])
			t.true(row.includes(`(${target})`), `${type}: ${target}`);
		for (const name of dialects)
			t.true(
				readme.prose.some((line) => line.startsWith(`| \`provider: ${name}\``)),
				`today's provider ${name}`,
			);
	}
});
