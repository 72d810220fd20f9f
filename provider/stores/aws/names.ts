/** The parts of an ARN that decide where a thing lies. Source: AWS General Reference, "Amazon Resource Names (ARNs)". */
export interface Arn {
	readonly service: string;
	readonly region: string;
}

/** What an `objects` entry may be of. */
export type ObjectType = "secretsmanager" | "ssmparameter" | "kms";

/** AWS's own limit of `SecretId`, and more than a parameter's name may have. */
const longestName = 2048;

export function isArn(name: string): boolean {
	return name.startsWith("arn:");
}

/** Reads `arn:partition:service:region:account:resource`; undefined when parts are missing. */
export function parseArn(name: string): Arn | undefined {
	const [prefix, partition, service, region, account, ...resource] = name.split(":");
	if (prefix !== "arn" || partition === undefined || account === undefined || resource.length === 0) return undefined;
	return { service: service ?? "", region: region ?? "" };
}

/** The type that an ARN's service stands for; undefined for any other service. */
export function typeOfService(service: string): "secretsmanager" | "ssmparameter" | undefined {
	if (service === "secretsmanager") return "secretsmanager";
	return service === "ssm" ? "ssmparameter" : undefined;
}

/** Why AWS would not take a name whatever it holds, as a clause, or undefined when it is good. */
export function nameProblem(name: string): string | undefined {
	if (name.length > longestName) return `is longer than ${longestName} characters`;
	return /[\p{Cc}\p{Cs}]/u.test(name) ? "holds characters that no name has" : undefined;
}

/** A parameter as it is asked for: `name:selector`. */
export interface SelectedParameter {
	readonly id: string;
	/** A version number or a label; empty for the newest. */
	readonly selector: string;
}

/**
 * Takes a parameter's name apart that was written with its version or label behind it, as `GetParameters` itself
 * takes it: `/app/db:3`, `arn:aws:ssm:…:parameter/app/db:3`.
 *
 * @param selector what was written beside the name; it leaves the name as it is
 */
export function selectedParameter(name: string, selector: string): SelectedParameter {
	const resource = isArn(name) ? /^(?:[^:]*:){5}/.exec(name)?.[0].length : 0;
	const colon = name.indexOf(":", resource ?? 0);
	if (selector !== "" || resource === undefined || colon === -1) return { id: name, selector };
	return { id: name.slice(0, colon), selector: name.slice(colon + 1) };
}

/** What stands for `/` in file names; empty leaves it, except in front. */
export type PathTranslation = string;

/**
 * The path of a file in the words of today's provider: an alias or a name, each `/` of it translated, or those in
 * front dropped.
 */
export function translatePath(name: string, translation: PathTranslation): string {
	return translation === "" ? name.replace(/^\/+/, "") : name.replaceAll("/", translation);
}

/** Whether today's provider takes a translated path for one that leaves the volume. */
export function climbs(path: string): boolean {
	return /\/\.\.\/|^\.\.\/|\/\.\.$/.test(path);
}
