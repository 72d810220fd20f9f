import type { ExecutionContext } from "ava";
import { ProviderError } from "../../../provider/errors.ts";
import { Faults } from "../../../provider/plan/faults.ts";
import { Fields } from "../../../provider/plan/fields.ts";
import type { MountPlan, PlannedObject } from "../../../provider/plan/mount-plan.ts";
import { readYaml } from "../../../provider/plan/yaml.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import { makeAwsDialect } from "../../../provider/stores/aws/dialect.ts";
import { type AwsInstance, makeAwsInstance, readOptions } from "../../../provider/stores/aws/instance.ts";
import type { AwsRef } from "../../../provider/stores/aws/ref.ts";
import type { Found } from "../../../provider/stores/store.ts";
import { requestOf } from "../../support/fake-store.ts";
import { makePod } from "../../support/pods.ts";

export type Parameters = Readonly<Record<string, string>>;

/** Fields as the policy file or a SecretProviderClass brings them. */
export function fieldsOf(yaml: string, path = ""): Fields {
	const node = readYaml(yaml);
	return new Fields(node instanceof Map ? node : new Map(), path, new Faults());
}

/** Plans a class in the region us-east-1 unless it says another. */
export function plan(parameters: Parameters, defaults = ""): MountPlan {
	const request = { ...requestOf(makePod()), provider: "aws", parameters: new Map(Object.entries({ region: "us-east-1", ...parameters })) };
	return makeAwsDialect("aws", fieldsOf(defaults, "dialects.aws")).plan(request);
}

export function refusal(t: ExecutionContext<unknown>, parameters: Parameters, defaults = ""): ProviderError {
	const error = t.throws(() => plan(parameters, defaults), { instanceOf: ProviderError });
	if (error === undefined) throw new Error("no refusal");
	t.is(error.code, "invalid");
	return error;
}

export function instanceOf(planned: MountPlan): AwsInstance {
	return planned.stores[0]?.instance as AwsInstance;
}

export function refOf(planned: MountPlan, name: string): AwsRef {
	return objectOf(planned, name).ref as AwsRef;
}

export function objectOf(planned: MountPlan, name: string): PlannedObject {
	const object = planned.objects.find((candidate) => candidate.name === name);
	if (object === undefined) throw new Error(`the plan has no object ${name}`);
	return object;
}

/** An instance of the native dialect. */
export function makeInstance(yaml: string): AwsInstance {
	return makeAwsInstance(
		{ name: "main", ...readOptions(fieldsOf(yaml), {}) },
		(option, message) => {
			throw new Error(`${option} ${message}`);
		},
		{},
	);
}

/** The files of a plan of which every object has the same value. */
export function render(planned: MountPlan, value: string | Buffer): ReadonlyMap<string, { readonly mode: number; readonly text: string }> {
	const found: Found = { kind: "found", value: new Secret(Buffer.from(value)), structure: "bytes" };
	const values = new Map(planned.objects.map(({ name }) => [name, found]));
	const files = planned.files.flatMap((recipe) => recipe.produce(values));
	return new Map(files.map(({ path, mode, contents }) => [path, { mode, text: contents.toString() }]));
}
