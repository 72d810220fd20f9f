import type { SealedFor } from "./workload.ts";

/** Cloud KMS, "Encrypt and decrypt data": the longest plaintext, and the longest additional data, of a software key. */
export const maximumPlaintext = 65_536;
const maximumAdditionalData = 65_536;
/** All that is bound begins so. */
const ownPrefix = "ns=";

export const cryptoKeyRemedy = "Write it as projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY.";

const form =
	/^projects\/[a-z0-9][a-z0-9.:-]{1,99}\/locations\/([a-z][a-z0-9]*(?:-[a-z0-9]+)*)\/keyRings\/[\w-]{1,63}\/cryptoKeys\/[\w-]{1,63}$/;
const longestLocation = 30;

/** The location of a symmetric key by its name; undefined for what names none. Source: Cloud KMS API v1, cryptoKeys. */
export function cryptoKeyLocation(name: string): string | undefined {
	const [, location] = form.exec(name) ?? [];
	return location === undefined || location.length > longestLocation ? undefined : location;
}

/** What is wrong with the text of a value that is bound to nobody, as a clause; undefined when nothing is. */
export function additionalTextProblem(text: string): string | undefined {
	if (!text.isWellFormed()) return "holds half of a surrogate pair";
	// Whoever could write it would name another's namespace, and open what is bound.
	if (text.startsWith(ownPrefix)) return `begins with ${ownPrefix}, as only the additional data of bound values does`;
	const length = Buffer.byteLength(text);
	return length > maximumAdditionalData ? `has ${length} bytes; Cloud KMS takes ${maximumAdditionalData}` : undefined;
}

/**
 * The additional authenticated data of a value. Names of namespaces and service accounts hold no comma, and the object
 * comes last, so that no two bindings have the same text; see {@link additionalTextProblem} for what is bound to nobody.
 */
export function additionalData({ kind, namespace, serviceAccount, object, text = "" }: SealedFor): Buffer {
	switch (kind) {
		case "object":
			return Buffer.from(`${ownPrefix}${namespace},sa=${serviceAccount},object=${object}`);
		case "serviceAccount":
			return Buffer.from(`${ownPrefix}${namespace},sa=${serviceAccount}`);
		case "namespace":
			return Buffer.from(`${ownPrefix}${namespace}`);
		case "none":
			return Buffer.from(text);
	}
}
