import { type FormatName, formatNames, formatOfPath } from "../../render/formats/formats.ts";
import { filePathProblem, pathCollision } from "../../shared/file-path.ts";
import { type Fields, quote } from "../fields.ts";
import type { FileRecipe } from "../mount-plan.ts";
import type { NativeObject } from "./objects.ts";
import { expandRecipe, type FileTarget, singleRecipe, templateRecipe, valuesRecipe } from "./recipes.ts";
import { readSelection } from "./selection-fields.ts";
import { readTemplate } from "./template-fields.ts";
import { findObject, readValues } from "./value-fields.ts";

const maximumFiles = 1_000;
const kinds = ["from", "values", "template"] as const;

/** Where one file lies, for collisions. */
interface Place {
	readonly file: string;
	readonly path: string;
}

/** Reads `files`; without it each object becomes a file of its name, or of its keys. */
export function readFiles(fields: Fields, objects: readonly NativeObject[], defaultMode: number): readonly FileRecipe[] {
	const byName = new Map(objects.map((object) => [object.name, object]));
	if (!fields.has("files")) return objects.map((object) => objectRecipe(object, defaultMode, fields));
	const items = fields.items("files");
	if (items.length > maximumFiles) {
		fields.reject("files", `has ${items.length} entries; ${maximumFiles} are read`, "Divide the class.");
		return [];
	}
	if (items.length === 0) {
		const remedy = "Write a list of {path: …, from: …}, or remove it to get a file for each object.";
		if (!fields.faults.list.some(({ path }) => path.startsWith("files"))) fields.reject("files", "has no entries", remedy);
		return [];
	}
	const places: Place[] = [];
	const recipes = items.flatMap((item) => {
		const path = readPath(item);
		if (path !== undefined) places.push({ file: path, path: item.at("path") });
		const target = { path: item.path, file: path ?? "", mode: item.mode("mode") ?? defaultMode };
		const recipe = readFile(item, target, byName);
		item.done();
		return recipe === undefined ? [] : [recipe];
	});
	rejectCollision(places, fields);
	return recipes;
}

function objectRecipe(object: NativeObject, mode: number, fields: Fields): FileRecipe {
	const target: FileTarget = { path: object.path, file: object.name, mode };
	if (!object.expand) return singleRecipe(target, object, []);
	// Any key must be able to follow, so the prefix is tried with the shortest.
	const problem = filePathProblem(`${object.prefix}x`);
	if (problem !== undefined)
		fields.faults.add(`${object.path}.prefix`, `${problem} as the beginning of a file's path`, "Write it as db- or db/.");
	return expandRecipe(target, object);
}

function readPath(item: Fields): string | undefined {
	const path = item.required("path", "Write where the file lies in the volume.");
	if (path === "") return undefined;
	const problem = filePathProblem(path);
	if (problem === undefined) return path;
	item.reject("path", problem, "Write it as app.env or config/app.env.");
	return undefined;
}

function readFile(item: Fields, target: FileTarget, objects: ReadonlyMap<string, NativeObject>): FileRecipe | undefined {
	const written = kinds.filter((kind) => item.has(kind));
	const format = readFormat(item, target.file);
	if (written.length === 1 && written[0] === "from") return readSingle(item, target, format.written, objects);
	if (written.length === 1 && written[0] === "values") {
		const name = format.effective === "raw" ? undefined : format.effective;
		if (name === undefined) {
			const remedy = `Write one of ${formatNames.filter((candidate) => candidate !== "raw").join(", ")}.`;
			item.reject(
				"format",
				format.written === undefined ? "is missing, and the file's name does not tell it" : "is raw, which holds one value",
				remedy,
			);
		}
		const values = readValues(item, name ?? "json", objects);
		return valuesRecipe(target, name ?? "json", values);
	}
	if (written.length === 1) return templateRecipe(target, readTemplate(item, format.effective, objects));
	for (const kind of [...kinds, "key", "jmespath", "decode"]) item.node(kind);
	const problem = written.length === 0 ? "says nothing of its contents" : `has ${written.join(" and ")}`;
	item.faults.add(item.path, problem, "Write exactly one of from (one object), values (names and values) and template (text with {{…}}).");
	return undefined;
}

function readSingle(
	item: Fields,
	target: FileTarget,
	format: FormatName | undefined,
	objects: ReadonlyMap<string, NativeObject>,
): FileRecipe | undefined {
	const object = findObject(item, "from", item.required("from", "Write the name of an object."), objects);
	const selection = readSelection(item);
	if (format !== undefined && format !== "raw") {
		item.reject("format", `is ${format}, but \`from\` writes the value as it is`, "Remove it, or use `values` or `template`.");
	}
	return object === undefined ? undefined : singleRecipe(target, object, selection);
}

interface WrittenFormat {
	readonly written: FormatName | undefined;
	/** What is written, else what the file's name tells, else raw. */
	readonly effective: FormatName;
}

function readFormat(item: Fields, file: string): WrittenFormat {
	const text = item.text("format");
	const written = formatNames.find((name) => name === text);
	if (text !== undefined && written === undefined) item.reject("format", `is ${quote(text)}`, `Write one of ${formatNames.join(", ")}.`);
	return { written, effective: written ?? formatOfPath(file) ?? "raw" };
}

function rejectCollision(places: readonly Place[], fields: Fields): void {
	const collision = pathCollision(places.map(({ file }) => file));
	if (collision === undefined) return;
	const [first, second] = collision;
	const same = first === second;
	const place = same ? places.findLast(({ file }) => file === second) : places.find(({ file }) => file === second);
	const other = places.find(({ file }) => file === first);
	const message = same
		? `is ${quote(second)}, as is ${other?.path}`
		: `is ${quote(second)}, but ${other?.path} makes ${quote(first)} a file`;
	fields.faults.add(place?.path ?? "files", message, "Give each file a path of its own.");
}
