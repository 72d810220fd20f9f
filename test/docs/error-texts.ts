import { guide } from "./markdown.ts";

const page = guide("docs/troubleshooting.md");

/** The texts in the first column of the tables below headings that are codes: text by code. */
export function documented(): readonly { readonly code: string; readonly text: string }[] {
	let code = "";
	const found: { readonly code: string; readonly text: string }[] = [];
	for (const line of page.prose) {
		const heading = /^## (.*)$/.exec(line)?.[1];
		if (heading !== undefined) code = /^[a-z-]+$/.test(heading) ? heading : "";
		const text = /^\| `([^`]+)` \|/.exec(line)?.[1];
		if (code !== "" && text !== undefined) found.push({ code, text });
	}
	return found;
}

/** The fixed parts of a documented text, which the code must say in one breath or in several. */
export function partsOf(text: string): readonly string[] {
	return text
		.split(/…|: /)
		.map((part) => part.replace(/^[\s:.,]+|[\s:.,]+$/g, ""))
		.filter((part) => part.length > 3);
}

/** A documented text as a pattern for what is really said. */
export function patternOf(text: string): RegExp {
	const escaped = partsOf(text).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
	return new RegExp(escaped.join(".*"), "s");
}
