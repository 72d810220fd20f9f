import type { Faults } from "../../plan/faults.ts";
import { compileExpression, type Expression } from "../../render/expression.ts";
import { ExpressionError } from "../../render/expression-numbers.ts";
import { readCiphertextObject } from "./ciphertext.ts";
import type { AwsEntry, JmesEntry } from "./entry.ts";
import { filePathOf, filePlaceOf, modeOf } from "./entry-checks.ts";
import { typeOf } from "./entry-names.ts";
import { notFetched } from "./legacy-texts.ts";
import { selectedParameter, translatePath } from "./names.ts";
import type { AwsParameters } from "./parameters.ts";
import { type AwsRef, type FailoverPlace, makeAwsRef } from "./ref.ts";

/** An object as a plan needs it: what to ask for, and the files that are made of it. */
export interface AwsObject {
	/** Where it is written, such as `objects[2]`. */
	readonly path: string;
	readonly name: string;
	readonly ref: AwsRef;
	/** The whole object's file first, then one for each part. */
	readonly files: readonly AwsFile[];
}

/** One file of an object. */
export interface AwsFile {
	/** Where it is written, such as `objects[2]` or `objects[2].jmesPath[0]`. */
	readonly path: string;
	/** Where its name is written, such as `objects[2].objectAlias`. */
	readonly namedAt: string;
	/** Its path in the volume, and the id of its version. */
	readonly file: string;
	/** Undefined: the request's default. */
	readonly mode: number | undefined;
	/** The part of the object that it holds; undefined: all of it. */
	readonly expression: Expression | undefined;
}

/** Makes an object of an entry. What today's provider does not check beforehand is checked here. */
export function makeObject(entry: AwsEntry, parameters: AwsParameters, faults: Faults): AwsObject {
	const { path, objectName } = entry;
	const ref = makeRef(entry, parameters, faults);
	const whole: AwsFile = {
		path,
		namedAt: filePlaceOf(entry),
		file: filePathOf(entry, parameters.translation),
		mode: modeOf(entry.filePermission),
		expression: undefined,
	};
	const parts = entry.jmesPath.map(
		(jmes): AwsFile => ({
			path: jmes.path,
			namedAt: `${jmes.path}.objectAlias`,
			file: translatePath(jmes.objectAlias, parameters.translation),
			mode: modeOf(jmes.filePermission) ?? whole.mode,
			expression: compile(jmes, notFetched(ref, objectName), faults),
		}),
	);
	return { path, name: objectName, ref, files: [whole, ...parts] };
}

/** Today's provider tells of an expression that is none only when it has fetched the object, and then in general words. */
function compile({ path, expression }: JmesEntry, legacyText: string | undefined, faults: Faults): Expression | undefined {
	if (expression === "") return undefined;
	try {
		return compileExpression(expression);
	} catch (error) {
		if (!(error instanceof ExpressionError)) throw error;
		const remedy = "Correct the expression: https://jmespath.org has a place to try it.";
		if (legacyText === undefined) faults.add(`${path}.path`, error.message, remedy);
		else faults.addLegacy(legacyText, `${path}.path`, error.message, remedy);
		return undefined;
	}
}

function makeRef(entry: AwsEntry, parameters: AwsParameters, faults: Faults): AwsRef {
	const { objectName, objectVersion, objectVersionLabel } = entry;
	const type = typeOf(entry);
	if (type === "kms") return readCiphertextObject(entry, parameters.instance, faults);
	if (type === "ssmparameter") {
		const selected = selectedParameter(objectName, objectVersion || objectVersionLabel);
		return makeAwsRef({ kind: "parameter", ...selected, failover: failoverParameter(entry, parameters) });
	}
	const failover = failoverSecret(entry, parameters);
	return makeAwsRef({ kind: "secret", id: objectName, versionId: objectVersion, stage: objectVersionLabel, failover });
}

/** A version or label written for the second region counts even where no other name is. */
function failoverSecret({ failover }: AwsEntry, { instance }: AwsParameters): FailoverPlace | undefined {
	const { objectName, objectVersion, objectVersionLabel } = failover;
	if (instance.failoverRegion === undefined || `${objectName}${objectVersion}${objectVersionLabel}` === "") return undefined;
	return { id: objectName, versionId: objectVersion, selector: objectVersionLabel };
}

function failoverParameter({ failover, objectVersion }: AwsEntry, { instance }: AwsParameters): FailoverPlace | undefined {
	// A version wins over a label, whichever of the two regions it is written for.
	const label = objectVersion === "" ? failover.objectVersionLabel : "";
	const { id, selector } = selectedParameter(failover.objectName, failover.objectVersion || label);
	if (instance.failoverRegion === undefined || `${id}${selector}` === "") return undefined;
	return { id, versionId: "", selector };
}
