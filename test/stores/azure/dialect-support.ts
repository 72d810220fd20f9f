import type { ExecutionContext } from "ava";
import { ProviderError } from "../../../provider/errors.ts";
import { Faults } from "../../../provider/plan/faults.ts";
import { Fields } from "../../../provider/plan/fields.ts";
import type { MountPlan, PlannedObject } from "../../../provider/plan/mount-plan.ts";
import { readYaml } from "../../../provider/plan/yaml.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import { makeAzureDialect } from "../../../provider/stores/azure/dialect.ts";
import type { AzureInstance } from "../../../provider/stores/azure/instance.ts";
import type { StoredRef } from "../../../provider/stores/azure/ref.ts";
import type { Found } from "../../../provider/stores/store.ts";
import { requestOf } from "../../support/fake-store.ts";
import { makePod } from "../../support/pods.ts";

export type Parameters = Readonly<Record<string, string>>;

export const clientId = "5a1d2c60-0000-4000-8000-000000000001";
const usual: Parameters = { keyvaultName: "kv-main", tenantId: "3f1d5a52-7c0e-4d0a-9a55-0d3c1f6a0001", clientID: clientId };

/** Fields as the policy file or a SecretProviderClass brings them. */
export function fieldsOf(yaml: string, path = ""): Fields {
	const node = readYaml(yaml);
	return new Fields(node instanceof Map ? node : new Map(), path, new Faults());
}

/** The parameter `objects`: a list of texts, each an object as YAML. */
export function objectsOf(...entries: readonly string[]): string {
	const items = entries.map(
		(entry) =>
			`  - |\n${entry
				.split("\n")
				.map((line) => `    ${line}\n`)
				.join("")}`,
	);
	return `array:\n${items.join("")}`;
}

export const oneSecret = objectsOf("objectName: db\nobjectType: secret");

/** Plans a class of the vault kv-main with a client unless it says another; an empty text takes a parameter away. */
export function plan(parameters: Parameters, defaults = ""): MountPlan {
	const written = Object.entries({ ...usual, objects: oneSecret, ...parameters }).filter(([, text]) => text !== "");
	return makeAzureDialect("azure", fieldsOf(defaults, "dialects.azure")).plan({
		...requestOf(makePod()),
		provider: "azure",
		parameters: new Map(written),
	});
}

export function planObjects(...entries: readonly string[]): MountPlan {
	return plan({ objects: objectsOf(...entries) });
}

export function refusal(t: ExecutionContext<unknown>, parameters: Parameters, defaults = ""): ProviderError {
	const error = t.throws(() => plan(parameters, defaults), { instanceOf: ProviderError });
	if (error === undefined) throw new Error("no refusal");
	t.is(error.code, "invalid");
	return error;
}

export function instanceOf(planned: MountPlan): AzureInstance {
	return planned.stores[0]?.instance as AzureInstance;
}

export function refOf(planned: MountPlan, name: string): StoredRef {
	return objectOf(planned, name).ref as StoredRef;
}

export function objectOf(planned: MountPlan, name: string): PlannedObject {
	const object = planned.objects.find((candidate) => candidate.name === name);
	if (object === undefined) throw new Error(`the plan has no object ${name}, but ${planned.objects.map((known) => known.name).join()}`);
	return object;
}

/** A value as the session gives it: a text as it is, anything else as a bundle. */
export function found(value: unknown): Found {
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return { kind: "found", value: new Secret(text), structure: typeof value === "string" ? "bytes" : "json" };
}

/** The files of a plan of which every object has the same value: `path mode text`. */
export function render(planned: MountPlan, value: unknown): readonly (readonly [path: string, mode: number, text: string])[] {
	const same = found(value);
	const values = new Map(planned.objects.map(({ name }) => [name, same]));
	const files = planned.files.flatMap((recipe) => recipe.produce(values));
	return files.map(({ path, mode, contents }) => [path, mode, contents.toString("latin1")] as const);
}
