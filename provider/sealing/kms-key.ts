/** What a key of AWS KMS is called: KMS API reference, Decrypt, `KeyId`. */
export interface KmsKeyName {
	readonly kind: "key" | "alias";
	/** The region and account of an ARN; undefined for an id or alias of the caller's own account. */
	readonly region: string | undefined;
	readonly account: string | undefined;
}

export const kmsKeyRemedy =
	"Write the key's ARN, such as arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, or its id, or alias/NAME.";

const arn = /^arn:aws[a-z-]*:kms:([a-z]{2}[a-z-]*-\d{1,2}):(\d{12}):(.*)$/;
const keyId = /^(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
const alias = /^alias\/[a-zA-Z0-9/_-]{1,250}$/;

/** Reads the name of a key; undefined when it is none. */
export function readKmsKeyName(text: string): KmsKeyName | undefined {
	const [, region, account, resource] = arn.exec(text) ?? [];
	const name = resource === undefined ? text : resource.replace(/^key\//, "");
	// In an ARN the word `key/` stands before an id; alone, an id stands without it.
	const kind = alias.test(name) ? "alias" : keyId.test(name) && resource !== name ? "key" : undefined;
	return kind === undefined ? undefined : { kind, region, account };
}
