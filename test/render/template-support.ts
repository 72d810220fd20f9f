import type { Content } from "../../provider/render/content.ts";
import type { FormatName } from "../../provider/render/formats/formats.ts";
import { compileTemplate } from "../../provider/render/templates/template.ts";
import type { JsonValue } from "../../provider/shared/json.ts";

/** What is wrong with a template, each with its remedy. */
export function problemsOf(template: string, format: FormatName): readonly string[] {
	const problems: string[] = [];
	compileTemplate(template, format, (problem, remedy) => problems.push(`${problem}. ${remedy}`));
	return problems;
}

/** Fills every insertion by the name of its object. */
export function fill(template: string, format: FormatName, values: Readonly<Record<string, JsonValue>>): string {
	const compiled = compileTemplate(template, format, (problem) => {
		throw new Error(problem);
	});
	const contents = compiled.insertions.map(({ reference }): Content | undefined => {
		const value = values[reference.object];
		return value === undefined ? undefined : { kind: "part", value, subject: `object "${reference.object}"` };
	});
	return compiled.fill(contents).toString();
}
