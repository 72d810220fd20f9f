import type { MountPlan } from "../../../provider/plan/mount-plan.ts";
import type { VaultInstance } from "../../../provider/stores/vault/instance.ts";
import type { VaultRef } from "../../../provider/stores/vault/ref.ts";
import { makeDialect, makeRequest } from "./harness.ts";

export const app = "- {objectName: app, secretPath: secret/data/app, secretKey: user}";
export const minimum = { roleName: "app", vaultAddress: "https://vault.example:8200", objects: app };

export type Parameters = Readonly<Record<string, string>>;

export function plan(parameters: Parameters, dialect = "vault", defaults = ""): MountPlan {
	return makeDialect(dialect, defaults).plan(makeRequest(parameters));
}

export function instanceOf(planned: MountPlan): VaultInstance {
	return planned.stores[0]?.instance as VaultInstance;
}

export function refOf(planned: MountPlan, index = 0): VaultRef {
	return planned.objects[index]?.ref as VaultRef;
}

export const without = (key: string) => Object.fromEntries(Object.entries(minimum).filter(([name]) => name !== key));
