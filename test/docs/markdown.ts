import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The top of the checkout. */
export const checkout = join(import.meta.dirname, "../..");

/** A fenced block. */
export interface Block {
	/** The language behind the fence; "" for none. */
	readonly language: string;
	readonly text: string;
	/** Where its text begins, counted from 1. */
	readonly line: number;
	/** What a first line such as `# policy.yaml` calls it: the file that commands of the document use. */
	readonly file: string | undefined;
}

/** One page, taken apart. */
export interface Document {
	/** From the top of the checkout. */
	readonly path: string;
	readonly blocks: readonly Block[];
	/** The targets of links, as they are written. */
	readonly links: readonly string[];
	/** What a link may name behind `#`. */
	readonly anchors: ReadonlySet<string>;
	/** The contents of `code` in sentences and tables. */
	readonly codes: readonly string[];
	/** The lines outside of fenced blocks. */
	readonly prose: readonly string[];
}

/** The pages whose commands are for people who use Claviger: each block of them is run or checked. */
export const guides: readonly Document[] = read(["README.md", "docs/**/*.md", "manifests/**/README.md"]);

/** All pages of the project. */
export const pages: readonly Document[] = read(["*.md", "docs/**/*.md", "manifests/**/*.md", "provider/**/*.md", "test/**/*.md"]);

/** @throws Error when there is no such page */
export function guide(path: string): Document {
	const found = guides.find((document) => document.path === path);
	if (found === undefined) throw new Error(`there is no ${path}`);
	return found;
}

function read(patterns: readonly string[]): readonly Document[] {
	return globSync([...patterns], { cwd: checkout })
		.sort()
		.map((path) => parse(path, readFileSync(join(checkout, path), "utf8")));
}

/** Takes the text of a page apart: as much of Markdown as the project uses, with fences at the beginning of lines. */
export function parse(path: string, text: string): Document {
	const blocks: Block[] = [];
	const prose: string[] = [];
	let open: { readonly language: string; readonly line: number; readonly lines: string[] } | undefined;
	for (const [index, line] of text.split("\n").entries()) {
		const fence = /^```(.*)$/.exec(line);
		if (fence === null) (open?.lines ?? prose).push(line);
		else if (open === undefined) open = { language: fence[1]?.trim() ?? "", line: index + 2, lines: [] };
		else {
			blocks.push(blockOf(open));
			open = undefined;
		}
	}
	if (open !== undefined) throw new Error(`${path}:${open.line}: the block has no end`);
	const sentences = prose.join("\n");
	return {
		path,
		blocks,
		prose,
		links: Array.from(sentences.replaceAll(/`[^`\n]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g), ([, target = ""]) => target),
		anchors: anchorsOf(prose),
		// A vertical line is written with a backslash in tables.
		codes: Array.from(sentences.matchAll(/`([^`\n]+)`/g), ([, code = ""]) => code.replaceAll("\\|", "|")),
	};
}

function blockOf({
	language,
	line,
	lines,
}: {
	readonly language: string;
	readonly line: number;
	readonly lines: readonly string[];
}): Block {
	const file = language === "yaml" ? /^# ([\w.-]+\.yaml)$/.exec(lines[0] ?? "")?.[1] : undefined;
	return { language, line, text: `${lines.join("\n")}\n`, file };
}

/** As GitHub makes them of headings: lower case, without punctuation, blanks as hyphens, a number behind what was there. */
function anchorsOf(prose: readonly string[]): ReadonlySet<string> {
	const anchors = new Set<string>();
	for (const line of prose) {
		const heading = /^#{1,6} +(.*)$/.exec(line)?.[1];
		if (heading === undefined) continue;
		const base = heading
			.toLowerCase()
			.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
			.replaceAll(" ", "-");
		let anchor = base;
		for (let count = 1; anchors.has(anchor); count += 1) anchor = `${base}-${count}`;
		anchors.add(anchor);
	}
	return anchors;
}
