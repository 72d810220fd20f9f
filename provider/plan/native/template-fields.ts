import type { FormatName } from "../../render/formats/formats.ts";
import { keySteps, type Selection } from "../../render/selection.ts";
import type { Fill } from "../../render/templates/pieces.ts";
import { compileTemplate } from "../../render/templates/template.ts";
import type { Fields } from "../fields.ts";
import type { NativeObject } from "./objects.ts";
import { unknownObject } from "./value-fields.ts";

export interface PlannedTemplate {
	/** What goes into each insertion, in order. */
	readonly sources: readonly { readonly object: NativeObject; readonly selection: Selection }[];
	readonly fill: Fill;
}

/** Reads and compiles `template` for the file's format. */
export function readTemplate(item: Fields, format: FormatName, objects: ReadonlyMap<string, NativeObject>): PlannedTemplate {
	const text = item.required("template", "Write the file's text, with {{object.key}} where a value goes.");
	const template = compileTemplate(text, format, (problem, remedy) => item.reject("template", problem, remedy));
	const sources = template.insertions.flatMap(({ reference, position }) => {
		const object = objects.get(reference.object);
		if (object !== undefined) return [{ object, selection: keySteps(reference.keys) }];
		const [problem, remedy] = unknownObject(reference.object, objects);
		item.reject("template", `${problem}, at ${position}`, remedy);
		return [];
	});
	return { sources, fill: template.fill };
}
