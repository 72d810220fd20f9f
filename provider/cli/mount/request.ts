import { decodeJwt } from "jose";
import type { Pod } from "../../plan/mount-request.ts";
import type { Secret } from "../../shared/secret.ts";

/** The fields of the contract's `MountRequest` as the driver fills them. */
export interface DriverRequest {
	readonly attributes: string;
	readonly secrets: string;
	readonly targetPath: string;
	readonly permission: string;
}

export interface DriverRequestParts {
	readonly parameters: ReadonlyMap<string, string>;
	readonly volumeAttributes: ReadonlyMap<string, string>;
	readonly pod: Pod;
	readonly tokens: ReadonlyMap<string, Secret>;
	/** The data of nodePublishSecretRef; undefined when the pod has none. */
	readonly secrets: ReadonlyMap<string, Secret> | undefined;
	readonly permission: number;
	readonly targetPath: string;
}

const prefix = "csi.storage.k8s.io/";

/**
 * Builds the request as it reaches a provider: parameters, over them the pod's volumeAttributes, over them what
 * kubelet says of the pod, then the tokens. Without tokens the tokens key is left as the pod's author
 * wrote it, for kubelet overwrites it only where the CSIDriver asks for tokens.
 *
 * Source: secrets-store-csi-driver v1.6.0, NodePublishVolume.
 */
export function buildDriverRequest(parts: DriverRequestParts): DriverRequest {
	const { pod, secrets, tokens } = parts;
	const attributes = new Map([
		...parts.parameters,
		...parts.volumeAttributes,
		[`${prefix}pod.name`, pod.name],
		[`${prefix}pod.namespace`, pod.namespace],
		[`${prefix}pod.uid`, pod.uid],
		[`${prefix}serviceAccount.name`, pod.serviceAccount],
		[`${prefix}ephemeral`, "true"],
	]);
	if (tokens.size > 0) attributes.set(`${prefix}serviceAccount.tokens`, tokensText(tokens));
	return {
		attributes: goJson(attributes),
		secrets: secrets === undefined ? "null" : goJson(new Map([...secrets].map(([key, value]) => [key, value.reveal().toString("utf8")]))),
		targetPath: parts.targetPath,
		permission: String(parts.permission),
	};
}

function tokensText(tokens: ReadonlyMap<string, Secret>): string {
	const entries = [...tokens].map(([audience, token]) => {
		const text = token.reveal().toString("utf8");
		return [audience, { token: text, expirationTimestamp: expiry(text) }] as const;
	});
	return goJson(new Map(entries));
}

/** The token's own end; an hour from now, kubelet's usual span, where the token tells none. */
function expiry(token: string): string {
	const end = new Date(endOf(token) ?? Date.now() + 3_600_000);
	return end.toISOString().replace(/\.\d{3}Z$/, "Z");
}

function endOf(token: string): number | undefined {
	try {
		const { exp } = decodeJwt(token);
		return typeof exp === "number" && Math.abs(exp) < 8e12 ? exp * 1000 : undefined;
	} catch {
		// What is no JWT is sent all the same: refusing it is the provider's part.
		return undefined;
	}
}

/** An object as Go writes a map: keys in the order of their bytes, `<`, `>`, `&` and the line separators escaped. */
function goJson(entries: ReadonlyMap<string, unknown>): string {
	const sorted = [...entries].sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
	const text = `{${sorted.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
	return text.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
