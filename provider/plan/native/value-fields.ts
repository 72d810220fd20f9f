import type { Encoding } from "../../render/encoding.ts";
import { formats, type StructuredFormatName } from "../../render/formats/formats.ts";
import { parseReference } from "../../render/reference.ts";
import { keySteps, type Selection } from "../../render/selection.ts";
import { type Fields, quote } from "../fields.ts";
import type { YamlNode } from "../yaml.ts";
import type { NativeObject } from "./objects.ts";
import { readEncoding, readSelection } from "./selection-fields.ts";

/** One entry of `values`: a name with its value, or all keys of an expanded object. */
export type PlannedValue =
	| { readonly kind: "expanded"; readonly object: NativeObject }
	| {
			readonly kind: "named";
			readonly name: string;
			readonly object: NativeObject;
			readonly selection: Selection;
			readonly encode: Encoding | undefined;
	  };

type Objects = ReadonlyMap<string, NativeObject>;

const referenceRemedy = 'Write an object\'s name, object.key or object["odd.key"].';

/**
 * Reads `values`: a mapping from names to references such as `db.username`, or to {from, key, …}; or a
 * list of expanded objects.
 */
export function readValues(item: Fields, format: StructuredFormatName, objects: Objects): readonly PlannedValue[] {
	const node = item.node("values");
	const values = Array.isArray(node)
		? item.texts("values").map((text, index) => ({ text, path: `${item.at("values")}[${index}]` }))
		: undefined;
	if (values !== undefined) return values.flatMap(({ text, path }) => readExpanded(item, text, path, objects));
	const fields = item.mapping("values");
	if (fields?.keys().length === 0) item.reject("values", "has no entries", "Write `NAME: object.key` lines below it.");
	return (fields?.keys() ?? []).flatMap((name) => readValue(fields, name, format, objects));
}

/** The object of a name; undefined, with a fault, when there is none. An empty name has its fault already. */
export function findObject(fields: Fields, key: string, name: string, objects: Objects): NativeObject | undefined {
	const object = objects.get(name);
	if (object === undefined && name !== "") fields.reject(key, ...unknownObject(name, objects));
	return object;
}

export function unknownObject(name: string, objects: Objects): readonly [string, string] {
	const names = [...objects.keys()].filter((known) => known !== "");
	const shown = names.length > 20 ? `${names.slice(0, 20).join(", ")}, …` : names.join(", ");
	return [`names ${quote(name)}, which is no object`, `Known here: ${shown}.`];
}

function readExpanded(item: Fields, text: string, path: string, objects: Objects): readonly PlannedValue[] {
	const object = objects.get(text);
	if (object?.expand) return [{ kind: "expanded", object }];
	const [problem, remedy] =
		object === undefined ? unknownObject(text, objects) : ["is not expanded", "Add `expand: true` to it, or write `NAME: object`."];
	item.faults.add(path, problem, remedy);
	return [];
}

function readValue(fields: Fields | undefined, name: string, format: StructuredFormatName, objects: Objects): readonly PlannedValue[] {
	const node = fields?.node(name);
	if (fields === undefined || node === undefined) return [];
	const value = typeof node === "string" ? readReference(fields, name, node, objects) : readDetailed(fields, name, node, objects);
	if (value?.kind !== "named") return value === undefined ? [] : [value];
	const problem = formats[format].nameProblem(name);
	if (problem !== undefined)
		fields.faults.add(fields.at(quote(name).slice(1, -1)), problem, `Choose a name that a ${format} file can have.`);
	return [value];
}

function readReference(fields: Fields, name: string, text: string, objects: Objects): PlannedValue | undefined {
	const reference = parseReference(text);
	if (reference === undefined) {
		fields.reject(name, text === "" ? "is empty" : `is ${quote(text)}, which is no reference`, referenceRemedy);
		return undefined;
	}
	const object = findObject(fields, name, reference.object, objects);
	if (object === undefined) return undefined;
	if (object.expand && reference.keys.length === 0) return { kind: "expanded", object };
	return { kind: "named", name, object, selection: keySteps(reference.keys), encode: undefined };
}

function readDetailed(parent: Fields, name: string, node: YamlNode, objects: Objects): PlannedValue | undefined {
	const fields = parent.mapping(name);
	if (fields === undefined || !(node instanceof Map)) return undefined;
	const object = findObject(fields, "from", fields.required("from", "Write the name of an object."), objects);
	const selection = readSelection(fields);
	const encode = readEncoding(fields, "encode");
	fields.done();
	return object === undefined ? undefined : { kind: "named", name, object, selection, encode };
}
