/** A resource by its full name, and the location whose endpoint serves it. */
export interface ResourcePlace {
	/** Such as `projects/shop/secrets/db/versions/latest`. */
	readonly name: string;
	/** `global`, or a region such as `europe-west3`. */
	readonly location: string;
}

/** What a name says; `kind` tells which API has it. */
export interface Resource extends ResourcePlace {
	readonly kind: "secret" | "parameter";
	/** A number, `latest`, or an alias (of a parameter: its version's name). */
	readonly version: string;
}

/** Why a name is none of a resource: a clause, the words of today's provider, and what to write. */
export interface ResourceProblem {
	readonly problem: string;
	readonly legacyText: string;
	readonly remedy: string;
}

/** The longest that today's provider takes. */
const longestLocation = 30;
const longestName = 1024;
const forms = [
	{ kind: "secret", form: /^projects\/([^/]+)\/secrets\/([^/]+)\/versions\/([^/]+)$/ },
	{ kind: "secret", form: /^projects\/([^/]+)\/locations\/([^/]+)\/secrets\/([^/]+)\/versions\/([^/]+)$/ },
	{ kind: "parameter", form: /^projects\/([^/]+)\/locations\/([^/]+)\/parameters\/([^/]+)\/versions\/([^/]+)$/ },
] as const;
/** What Google's own names hold: project ids (domain-scoped ones have a dot and a colon), secrets, parameters, aliases. */
const element = /^[\w.:~%+-]+$/;
const examples =
	"Write projects/PROJECT/secrets/NAME/versions/VERSION, projects/PROJECT/locations/REGION/secrets/NAME/versions/VERSION or projects/PROJECT/locations/LOCATION/parameters/NAME/versions/VERSION.";

/**
 * Reads a resource's name. A region becomes part of a host name, so its form is checked strictly; nothing else of the
 * name leaves the request's path.
 */
export function readResource(text: string): Resource | ResourceProblem {
	const unknown = { legacyText: "unknown resource type", remedy: examples };
	if (text.length > longestName) return { problem: `is longer than ${longestName} characters`, ...unknown };
	for (const { kind, form } of forms) {
		const match = form.exec(text);
		if (match === null) continue;
		const elements = match.slice(1);
		if (!elements.every((part) => element.test(part) && !/^\.+$/.test(part)))
			return { problem: "has a part that no name of Google's has", ...unknown };
		const location = elements.length === 3 ? "global" : (elements[1] ?? "");
		const version = elements.at(-1) ?? "";
		return (
			locationProblem(location, kind) ?? {
				kind,
				name: text,
				location: kind === "secret" && elements.length === 3 ? "global" : location,
				version,
			}
		);
	}
	if (/(?:^|\/)projects\/.+\/(?:secrets|parameters)\//.test(text) && !text.startsWith("projects/"))
		return { problem: "does not begin with projects/", ...unknown };
	return { problem: "names neither a secret's version nor a parameter's", ...unknown };
}

/** Whether a text may be a region of Google Cloud. */
export function isLocation(text: string): boolean {
	return text.length <= longestLocation && /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(text);
}

function locationProblem(location: string, kind: Resource["kind"]): ResourceProblem | undefined {
	const invalid = "rpc error: code = InvalidArgument desc = Invalid location: ";
	const remedy = "Write a region as Google names it, such as europe-west3.";
	if (location.length > longestLocation) {
		return {
			problem: `has a location longer than ${longestLocation} characters`,
			legacyText: `${invalid}${location}, location length exceeds limit`,
			remedy,
		};
	}
	if (isLocation(location)) return undefined;
	return {
		problem: `has the location ${JSON.stringify(location)}, which is no ${kind === "secret" ? "region" : "location"}`,
		legacyText: "unknown resource type",
		remedy,
	};
}

/** Whether the version is a number: what it holds never changes. */
export function isNumbered(version: string): boolean {
	return /^[1-9]\d{0,18}$/.test(version);
}

/** The parts of a name for a command line: `{project, id, location}`. */
export function partsOf({ name }: Pick<ResourcePlace, "name">): {
	readonly project: string;
	readonly id: string;
	readonly version: string;
} {
	const [, project = "", ...rest] = name.split("/");
	return { project, id: rest.at(-3) ?? "", version: rest.at(-1) ?? "" };
}
