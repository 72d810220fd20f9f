import { type Fields, quote } from "../../plan/fields.ts";
import { readCiphertext } from "./ciphertext.ts";
import type { AwsInstance } from "./instance.ts";
import { isArn, nameProblem, parseArn, selectedParameter } from "./names.ts";
import { type AwsRef, type FailoverPlace, makeAwsRef } from "./ref.ts";

const services = ["secretsmanager", "ssm", "kms"] as const;
type Service = (typeof services)[number];
type NamedService = Exclude<Service, "kms">;

/**
 * Reads the place of an object of the native dialect: `path` (a name or an ARN), `service` (default: the ARN's, else
 * `secretsmanager`), `version`, `stage` of a secret or `label` of a parameter, and `failover` with the same fields for
 * the second region. What a value of `service: kms` has instead, {@link readCiphertext} knows.
 */
export function readAwsRef(fields: Fields, instance: AwsInstance): AwsRef {
	const arn = parseArn(fields.text("path") ?? "");
	const usual: Service = arn?.service === "ssm" ? "ssm" : "secretsmanager";
	const service = fields.oneOf("service", services, usual);
	if (service === "kms") return readCiphertext(fields, instance);
	const { id, versionId, selector } = readPlace(fields, service, { region: instance.region, isSecond: false });
	const failover = readFailover(fields, service, instance);
	if (service === "secretsmanager") return makeAwsRef({ kind: "secret", id, versionId, stage: selector, failover });
	return makeAwsRef({ kind: "parameter", id, selector, failover });
}

interface Where {
	/** Empty: the node's, which nobody knows yet. */
	readonly region: string;
	/** Whether it stands in for the first region, so that the name may be left out. */
	readonly isSecond: boolean;
}

function readPlace(fields: Fields, service: NamedService, where: Where): FailoverPlace {
	const example = service === "ssm" ? "/shop/db" : "shop/db";
	const path = where.isSecond ? (fields.text("path") ?? "") : fields.required("path", `Write a name such as ${example}, or an ARN.`);
	const isGood = path === "" || checkPath(fields, path, service, where.region);
	const version = fields.text("version") ?? "";
	if (service === "secretsmanager") return { id: path, versionId: version, selector: readStage(fields) };
	const selected = readParameter(fields, path, version);
	if (isGood && !isArn(path) && selected.id.includes(":"))
		fields.reject("path", "has a version or label behind its colon, and another stands beside it", "Keep one of them.");
	return { ...selected, versionId: "" };
}

/** @returns false when something is wrong with it, which has been noted */
function checkPath(fields: Fields, path: string, service: NamedService, region: string): boolean {
	const arn = parseArn(path);
	const problem = nameProblem(path);
	if (problem !== undefined) fields.reject("path", problem, "Write the name as AWS shows it.");
	else if (isArn(path) && arn === undefined)
		fields.reject("path", `is ${quote(path)}, which is no ARN`, "Copy it from AWS: it has six parts between colons.");
	else if (arn !== undefined && arn.service !== service)
		fields.reject("path", `is an ARN of ${quote(arn.service)}, and the service is ${service}`, "Correct one of the two.");
	else if (arn !== undefined && region !== "" && arn.region !== region)
		fields.reject("path", `lies in region ${quote(arn.region)}, and ${region} is asked`, "Name a store of that region.");
	else return true;
	return false;
}

function readStage(fields: Fields): string {
	if (fields.has("label")) fields.reject("label", "is what parameters have", "Write stage.");
	fields.node("label");
	return fields.text("stage") ?? "";
}

function readParameter(fields: Fields, path: string, version: string): { readonly id: string; readonly selector: string } {
	if (fields.has("stage")) fields.reject("stage", "is what secrets have", "Write label.");
	fields.node("stage");
	const label = fields.text("label") ?? "";
	if (version !== "" && label !== "") fields.reject("label", "stands beside version", "Keep one of them: each names one version.");
	if (version !== "" && !/^\d{1,18}$/.test(version)) fields.reject("version", "is not a number", "Write the parameter's version number.");
	return selectedParameter(path, version || label);
}

function readFailover(fields: Fields, service: NamedService, { failoverRegion }: AwsInstance): FailoverPlace | undefined {
	const second = fields.mapping("failover");
	if (second === undefined) return undefined;
	if (failoverRegion === undefined) fields.reject("failover", "stands without a failover region", "Add failoverRegion to the store.");
	const place = readPlace(second, service, { region: failoverRegion ?? "", isSecond: true });
	second.done();
	return place;
}
