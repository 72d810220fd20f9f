import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import type { AwsEntry } from "./entry.ts";
import { isArn, nameProblem, type ObjectType, parseArn, typeOfService } from "./names.ts";

const secretArn = "arn:aws:secretsmanager:<region>:<account>:secret:<name>";

/** The type of the object: as written, or as its ARN says; undefined where neither is right. */
export function typeOf({ objectType, objectName }: AwsEntry): ObjectType | undefined {
	if (objectType === "secretsmanager" || objectType === "ssmparameter" || objectType === "kms") return objectType;
	return objectType === "" ? typeOfService(parseArn(objectName)?.service ?? "") : undefined;
}

/** A name, and what it must agree with. */
export interface CheckedName {
	readonly entry: AwsEntry;
	readonly name: string;
	readonly path: string;
	/** Empty when nobody knows it. */
	readonly region: string;
}

/**
 * Notes what is wrong with the name of an object, or of what stands for it in the second region. As soon as one thing
 * is, nothing more is said: the rest follows.
 */
export function checkName(checked: CheckedName, faults: Faults): void {
	const { entry, name, path, region } = checked;
	const { objectType } = entry;
	const arn = isArn(name) ? parseArn(name) : undefined;
	const problem = nameProblem(name);
	if (problem !== undefined) faults.add(path, problem, "Write the name as AWS shows it.");
	else if (isArn(name) && arn === undefined)
		faults.addLegacy(`Invalid ARN format in object name: ${name}`, path, `is ${quote(name)}, which is no ARN`, `Write it as ${secretArn}.`);
	else if (arn !== undefined && region !== "" && arn.region !== region)
		faults.addLegacy(
			`ARN region must match region ${region}: ${name}`,
			path,
			`lies in region ${quote(arn.region)}, and ${region} is asked`,
			"Name the object in that region, or change the region.",
		);
	else if (objectType === "") checkService(checked, arn?.service, faults);
	else if (typeOf(entry) === undefined)
		faults.addLegacy(
			`Invalid objectType: ${objectType}`,
			`${entry.path}.objectType`,
			`is ${quote(objectType)}`,
			"Write secretsmanager, ssmparameter or kms, in lower case.",
		);
	else if (arn !== undefined && typeOfService(arn.service) !== objectType)
		faults.addLegacy(
			`objectType does not match ARN: ${name}`,
			path,
			`is an ARN of ${quote(arn.service)}, and objectType is ${objectType}`,
			"Correct one of the two; with an ARN, objectType may be left out.",
		);
}

function checkService({ entry, name, path }: CheckedName, service: string | undefined, faults: Faults): void {
	if (service === undefined)
		faults.addLegacy(
			`Must use objectType when a full ARN is not specified: ${name}`,
			`${entry.path}.objectType`,
			"is missing",
			"Write secretsmanager, ssmparameter or kms.",
		);
	else if (typeOfService(service) === undefined)
		faults.addLegacy(
			`Invalid service in ARN: ${service}`,
			path,
			`is an ARN of ${quote(service)}`,
			"Name a secret of secretsmanager or a parameter of ssm.",
		);
}
