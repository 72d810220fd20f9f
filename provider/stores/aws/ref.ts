import type { Ref } from "../store.ts";

/** A secret of Secrets Manager. Source: Secrets Manager API reference, GetSecretValue and BatchGetSecretValue. */
export interface SecretRef extends Ref {
	readonly kind: "secret";
	/** Name or ARN, as `SecretId` takes it. */
	readonly id: string;
	/** `VersionId`; empty for the version that the stage names. */
	readonly versionId: string;
	/** `VersionStage`; empty for AWSCURRENT. */
	readonly stage: string;
	readonly failover: FailoverPlace | undefined;
}

/** A parameter of Parameter Store. Source: Systems Manager API reference, GetParameters. */
export interface ParameterRef extends Ref {
	readonly kind: "parameter";
	readonly id: string;
	/** A version number or a label, sent as `name:selector`; empty for the newest. */
	readonly selector: string;
	readonly failover: FailoverPlace | undefined;
}

/** A value that lies encrypted in the SecretProviderClass. Source: KMS API reference, Decrypt. */
export interface CiphertextRef extends Ref {
	readonly kind: "ciphertext";
	/** The key that must have encrypted it: an ARN, or an id or alias of the pod's own account. */
	readonly keyId: string;
	/** What KMS decrypts: the value itself, or the data key of an envelope. Not secret. */
	readonly blob: Buffer;
	readonly envelope: { readonly iv: Buffer; readonly data: Buffer; readonly tag: Buffer } | undefined;
	/** The pairs beside those that bind it to namespace and service account. */
	readonly context: ReadonlyMap<string, string>;
	readonly bind: "serviceAccount" | "namespace" | "none";
	/** The name that is part of the encryption context. */
	readonly objectName: string;
	readonly grantTokens: readonly string[];
	/** How the decrypted text stands for the value's bytes; `utf-8`: it is the value. */
	readonly encoding: "utf-8" | "base64" | "hex";
	/** The same key in the failover region. */
	readonly failoverKeyId: string | undefined;
}

/** Where a secret or parameter lies in the failover region; what is empty is as in the first region. */
export interface FailoverPlace {
	readonly id: string;
	readonly versionId: string;
	/** Stage of a secret; version number or label of a parameter. */
	readonly selector: string;
}

export type AwsRef = SecretRef | ParameterRef | CiphertextRef;

type Unkeyed<Kind extends AwsRef> = Omit<Kind, "key" | "leased">;

/** All that makes a difference is in the key, so that no two different things share a value. */
export function makeAwsRef(parts: Unkeyed<CiphertextRef>): CiphertextRef;
export function makeAwsRef(parts: Unkeyed<SecretRef> | Unkeyed<ParameterRef>): SecretRef | ParameterRef;
export function makeAwsRef(parts: Unkeyed<SecretRef> | Unkeyed<ParameterRef> | Unkeyed<CiphertextRef>): AwsRef {
	if (parts.kind !== "ciphertext") {
		const selectors = parts.kind === "secret" ? [parts.versionId, parts.stage] : [parts.selector];
		const { failover } = parts;
		const other = failover === undefined ? null : [failover.id, failover.versionId, failover.selector];
		return { ...parts, key: JSON.stringify([parts.kind, parts.id, ...selectors, other]) };
	}
	const { keyId, blob, envelope, context, bind, objectName, grantTokens, encoding, failoverKeyId } = parts;
	const sealed = [blob, envelope?.iv, envelope?.data, envelope?.tag].map((bytes) => bytes?.toString("base64") ?? null);
	const pairs = [...context].sort(([one], [other]) => (one < other ? -1 : 1));
	return {
		...parts,
		key: JSON.stringify([parts.kind, keyId, sealed, pairs, bind, objectName, grantTokens, encoding, failoverKeyId ?? null]),
	};
}
