import type { ProviderError } from "../errors.ts";
import type { Found, Ref, StoreInstance } from "../stores/store.ts";

/** What one Mount needs: the stores to log in to, the objects to fetch, and how files are made of them. */
export interface MountPlan {
	readonly stores: readonly PlannedStore[];
	readonly objects: readonly PlannedObject[];
	readonly files: readonly FileRecipe[];
	/** What the class's author should know of it, though it can be mounted; told at each Mount. */
	readonly warnings?: readonly string[];
	/** Words a failure as the provider that a compatible dialect stands for; absent or undefined: Claviger's own words. */
	explain?(object: PlannedObject, error: ProviderError): string | undefined;
}

/** A store instance as one plan uses it. */
export interface PlannedStore {
	readonly instance: StoreInstance;
	readonly audience: string;
	readonly role: string;
	/** Who wrote the address: policy trusts an administrator's, and judges a SecretProviderClass's. */
	readonly origin: "policy" | "parameters";
	/** Who chose the audience: a SecretProviderClass may choose one for an administrator's address too. */
	readonly audienceOrigin: "policy" | "parameters";
	/** The parameter to name in a refusal, such as `vaultAddress` or `stores.main.address`. */
	readonly addressParameter: string;
	/** The parameter that chose the audience, such as `audience` or `stores.main.audience`. */
	readonly audienceParameter: string;
	/** What the administrator has not written, and without which nobody can be asked: no fault of the class. */
	readonly lacks?: ProviderError;
	/** How the provider that a compatible dialect stands for says that a pod brought other tokens, or none at all. */
	missingTokenText?(bringsOthers: boolean): string;
}

/** One thing to fetch. */
export interface PlannedObject {
	/** Unique in the plan; the id of the version that the driver records. */
	readonly name: string;
	/** Where it is written, such as `objects[2]`. */
	readonly path: string;
	/** Index into the plan's stores. */
	readonly store: number;
	readonly ref: Ref;
	/** Absent or denied then means: no file, no failure. */
	readonly optional: boolean;
	/** What becomes of its files once the store revokes it; absent: the Mount fails, and the driver leaves the volume as it is. */
	readonly onRevoked?: OnRevoked;
	/** How long a value may be kept before the store is asked again, in seconds; absent: the provider's own interval. */
	readonly refreshSeconds?: number;
	/** The bytes whose change is a change of the object; default: its whole value. */
	versionedContent?(found: Found): Buffer;
}

/** What becomes of an object's files when the store no longer has it, or no longer gives it to this identity. */
export type OnRevoked = { readonly kind: "delete" } | { readonly kind: "keep" } | { readonly kind: "grace"; readonly seconds: number };

/** Makes files from values; pure. */
export interface FileRecipe {
	/** Where it is written, such as `files[1]` or `objects[0]`. */
	readonly path: string;
	/** The names of the objects it reads. */
	readonly objects: readonly string[];
	/** The one file it makes, where that is known before the values are; absent: the values name their files. */
	readonly file?: { readonly path: string; readonly mode: number };
	/**
	 * The files. A value that the map lacks belongs to an optional object that is not there.
	 * @throws ProviderError `invalid` when a value does not have the shape that was asked for
	 */
	produce(values: ReadonlyMap<string, Found>): readonly RenderedFile[];
}

/** One file of the answer. */
export interface RenderedFile {
	/** Relative, clean, without `..` elements. */
	readonly path: string;
	/** 0…0o777, always set: the driver would make an unset mode 0. */
	readonly mode: number;
	readonly contents: Buffer;
}
