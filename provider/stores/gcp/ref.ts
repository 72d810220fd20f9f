import type { Ref } from "../store.ts";
import type { CiphertextRef } from "./ciphertext-ref.ts";
import type { ResourcePlace } from "./resource.ts";

/** A version of a secret. Source: Secret Manager API v1, projects.secrets.versions.access. */
export interface SecretRef extends Ref, ResourcePlace {
	readonly kind: "secret";
}

/** A version of a parameter, with what it refers to. Source: Parameter Manager API v1, projects.locations.parameters.versions.render. */
export interface ParameterRef extends Ref, ResourcePlace {
	readonly kind: "parameter";
}

export type GcpRef = SecretRef | ParameterRef | CiphertextRef;

/** All that makes a difference is in the key, so that no two different things share a value. */
export function makeResourceRef(kind: "secret" | "parameter", { name, location }: ResourcePlace): SecretRef | ParameterRef {
	return { kind, name, location, key: JSON.stringify([kind, name]) };
}
