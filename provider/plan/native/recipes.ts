import { type Content, contentError, quoted, toBytes } from "../../render/content.ts";
import { encodeBytes } from "../../render/encoding.ts";
import type { Entry } from "../../render/formats/format.ts";
import { formats, type StructuredFormatName } from "../../render/formats/formats.ts";
import { members, type Selection, select } from "../../render/selection.ts";
import { filePathProblem } from "../../shared/file-path.ts";
import type { Found } from "../../stores/store.ts";
import type { FileRecipe } from "../mount-plan.ts";
import type { NativeObject } from "./objects.ts";
import type { PlannedTemplate } from "./template-fields.ts";
import type { PlannedValue } from "./value-fields.ts";

/** More keys than any store's secret has; each may become a file. */
const maximumExpandedKeys = 1_000;

/** A file to make: where it is written, where it lies, and its mode. */
export interface FileTarget {
	readonly path: string;
	readonly file: string;
	readonly mode: number;
}

type Values = ReadonlyMap<string, Found>;

/** One value, byte for byte. */
export function singleRecipe(target: FileTarget, object: NativeObject, selection: Selection): FileRecipe {
	const { file, mode } = target;
	return fileRecipe(target, [object], (values) => {
		const content = contentOf(object, values);
		return content === undefined ? [] : [{ path: file, mode, contents: toBytes(select(content, selection)) }];
	});
}

/** A file for each key of an object. */
export function expandRecipe({ path, mode }: FileTarget, object: NativeObject): FileRecipe {
	return recipe(path, [object], (values) =>
		expanded(object, values).map(({ name, content }) => {
			const problem = filePathProblem(name);
			if (problem === undefined) return { path: name, mode, contents: toBytes(content) };
			throw contentError(
				content.subject,
				`as the file ${quoted(name)} it ${problem}`,
				"Rename the key, or name the wanted keys in `files`.",
			);
		}),
	);
}

/** A file of names and values. Those of an optional object that is not there are left out. */
export function valuesRecipe(target: FileTarget, formatName: StructuredFormatName, planned: readonly PlannedValue[]): FileRecipe {
	const { file, mode } = target;
	const format = formats[formatName];
	const objects = planned.map(({ object }) => object);
	return fileRecipe(target, objects, (values) => {
		const entries = planned.flatMap((value) => entriesOf(value, values));
		rejectDuplicates(entries);
		for (const { name, content } of entries) {
			const problem = format.nameProblem(name);
			if (problem === undefined) continue;
			throw contentError(content.subject, `the name ${quoted(name)} ${problem}`, "Rename the key, or name the wanted keys one by one.");
		}
		return [{ path: file, mode, contents: Buffer.from(format.encode(entries)) }];
	});
}

/** A text with values in it. What an optional object that is not there would fill stays empty. */
export function templateRecipe(target: FileTarget, { sources, fill }: PlannedTemplate): FileRecipe {
	const { file, mode } = target;
	const objects = sources.map(({ object }) => object);
	return fileRecipe(target, objects, (values) => {
		const contents = sources.map(({ object, selection }) => {
			const content = contentOf(object, values);
			return content === undefined ? undefined : select(content, selection);
		});
		return [{ path: file, mode, contents: toBuffer(fill(contents)) }];
	});
}

type Produce = FileRecipe["produce"];

/** A recipe for one file whose place is written, not found in the values. */
function fileRecipe({ path, file, mode }: FileTarget, objects: readonly NativeObject[], produce: Produce): FileRecipe {
	return { ...recipe(path, objects, produce), file: { path: file, mode } };
}

function recipe(path: string, objects: readonly NativeObject[], produce: Produce): FileRecipe {
	return { path, objects: [...new Set(objects.map(({ name }) => name))], produce };
}

function contentOf(object: NativeObject, values: Values): Content | undefined {
	const found = values.get(object.name);
	return found === undefined ? undefined : object.content(found);
}

function entriesOf(value: PlannedValue, values: Values): readonly Entry[] {
	if (value.kind === "expanded") return expanded(value.object, values);
	const content = contentOf(value.object, values);
	if (content === undefined) return [];
	const selected = select(content, value.selection);
	return [{ name: value.name, content: value.encode === undefined ? selected : encoded(selected, value.encode) }];
}

function encoded(content: Content, encoding: Parameters<typeof encodeBytes>[1]): Content {
	return { kind: "part", value: encodeBytes(toBytes(content), encoding), subject: content.subject };
}

function expanded(object: NativeObject, values: Values): readonly Entry[] {
	const content = contentOf(object, values);
	if (content === undefined) return [];
	const entries = members(content);
	if (entries.length <= maximumExpandedKeys) return entries.map(([key, member]) => ({ name: object.prefix + key, content: member }));
	throw contentError(
		content.subject,
		`has ${entries.length} keys; ${maximumExpandedKeys} are expanded`,
		"Name the wanted keys in `files`.",
	);
}

function rejectDuplicates(entries: readonly Entry[]): void {
	const seen = new Map<string, Content>();
	for (const { name, content } of entries) {
		const first = seen.get(name);
		if (first !== undefined) {
			throw contentError(
				content.subject,
				`gets the name ${quoted(name)}, which ${first.subject} has already`,
				"Use another `prefix` or name.",
			);
		}
		seen.set(name, content);
	}
}

function toBuffer(filled: Buffer | string): Buffer {
	return typeof filled === "string" ? Buffer.from(filled) : filled;
}
