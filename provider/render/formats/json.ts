import { stringifyJson } from "../../shared/json.ts";
import { toJson } from "../content.ts";
import type { Entry, Format } from "./format.ts";

/** JSON (RFC 8259): one object, a line per name. Numbers, lists and mappings stay what they are. */
export const json: Format = {
	nameProblem: (name) => (name === "" ? "is empty" : undefined),
	encode(entries) {
		return entries.length === 0 ? "{}\n" : `{\n${entries.map(line).join(",\n")}\n}\n`;
	},
};

function line({ name, content }: Entry): string {
	return `  ${JSON.stringify(name)}: ${stringifyJson(toJson(content))}`;
}
