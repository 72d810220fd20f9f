import { type Content, toBytes } from "../../render/content.ts";
import { type Selection, select, wholeOf } from "../../render/selection.ts";
import type { Found } from "../../stores/store.ts";
import { type Fields, quote } from "../fields.ts";
import type { OnRevoked, PlannedObject } from "../mount-plan.ts";
import type { MountRequest } from "../mount-request.ts";
import { durationRemedy, parseDuration } from "./duration.ts";
import { readSelection } from "./selection-fields.ts";
import type { KnownStores } from "./stores.ts";

const objectName = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/;
const maximumObjects = 500;
const longestPrefix = 200;

/** An object as files see it. */
export interface NativeObject {
	readonly name: string;
	/** Where it is written, such as `objects[2]`. */
	readonly path: string;
	readonly planned: PlannedObject;
	/** True when its keys are wanted one by one. */
	readonly expand: boolean;
	/** Stands before each expanded key. */
	readonly prefix: string;
	/** The object's value: the part that its own `key`, `jmespath` and `decode` leave. */
	content(found: Found): Content;
}

/** Reads `objects`; undefined when there is no list to read names from. */
export function readObjects(fields: Fields, stores: KnownStores, request: MountRequest): readonly NativeObject[] | undefined {
	const items = fields.items("objects");
	const remedy = "Write a list of {name: …, store: …, path: …}.";
	if (items.length === 0) {
		const isList = Array.isArray(fields.node("objects")) || fields.node("objects") === "" || !fields.has("objects");
		if (isList && !fields.faults.list.some(({ path }) => path.startsWith("objects"))) {
			fields.reject("objects", fields.has("objects") ? "has no entries" : "is missing", remedy);
		}
		return undefined;
	}
	if (items.length > maximumObjects) {
		fields.reject("objects", `has ${items.length} entries; ${maximumObjects} are read`, "Divide the class.");
		return undefined;
	}
	const objects = items.map((item) => readObject(item, stores, request));
	rejectDuplicates(objects, fields);
	return objects;
}

function readObject(fields: Fields, stores: KnownStores, request: MountRequest): NativeObject {
	const name = fields.required("name", "Name it as files are to call it.");
	if (name !== "" && !objectName.test(name)) {
		fields.reject("name", `is ${quote(name)}`, "Start with a letter or _, go on with letters, digits, _ and -, at most 63.");
	}
	const optional = fields.boolean("optional");
	const expand = fields.boolean("expand");
	const prefix = readPrefix(fields, expand);
	const selection = readSelection(fields);
	const timing = { ...readOnRevoked(fields), ...readRefresh(fields) };
	const used = stores.use(fields);
	const ref = used?.store.ref(fields, used.planned.instance, request);
	// Without its store nobody knows which other fields the object may have.
	if (used !== undefined) fields.done();
	const content = contentReader(name, selection, used?.store.mainKey);
	const planned: PlannedObject = {
		name,
		path: fields.path,
		store: used?.index ?? 0,
		ref: ref ?? { key: "" },
		optional,
		...timing,
		...(selection.length === 0 ? {} : { versionedContent: (found: Found) => toBytes(content(found)) }),
	};
	return { name, path: fields.path, planned, expand, prefix, content };
}

/** Selects once for all the places that use the object. */
function contentReader(name: string, selection: Selection, mainKey: string | undefined): (found: Found) => Content {
	const contents = new WeakMap<Found, Content>();
	return (found) => {
		const known = contents.get(found);
		if (known !== undefined) return known;
		const content = select(wholeOf(found, name, mainKey), selection);
		contents.set(found, content);
		return content;
	};
}

function readPrefix(fields: Fields, expand: boolean): string {
	const prefix = fields.text("prefix") ?? "";
	if (prefix !== "" && !expand) fields.reject("prefix", "stands without expand", "Add `expand: true`, or remove it.");
	if (prefix.length > longestPrefix) fields.reject("prefix", `is longer than ${longestPrefix} characters`, "Shorten it.");
	return prefix;
}

function readOnRevoked(fields: Fields): { onRevoked?: OnRevoked } {
	const text = fields.text("onRevoked") ?? "delete";
	if (text === undefined) return {};
	if (text === "delete" || text === "keep") return { onRevoked: { kind: text } };
	const seconds = parseDuration(/^grace +(.*)$/.exec(text)?.[1] ?? "");
	if (seconds !== undefined) return { onRevoked: { kind: "grace", seconds } };
	fields.reject("onRevoked", `is ${quote(text)}`, "Write delete, keep, or grace with a duration such as `grace 1h`.");
	return {};
}

function readRefresh(fields: Fields): { refreshSeconds?: number } {
	const text = fields.text("refresh");
	if (text === undefined) return {};
	const refreshSeconds = parseDuration(text);
	if (refreshSeconds !== undefined) return { refreshSeconds };
	fields.reject("refresh", `is ${quote(text)}, which is not a duration`, durationRemedy);
	return {};
}

function rejectDuplicates(objects: readonly NativeObject[], fields: Fields): void {
	const seen = new Map<string, string>();
	for (const { name, path } of objects) {
		const first = seen.get(name);
		if (first === undefined) seen.set(name, path);
		else if (name !== "") fields.faults.add(`${path}.name`, `is ${quote(name)}, as is that of ${first}`, "Give each object its own name.");
	}
}
