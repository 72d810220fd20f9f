import { AwsError } from "./aws-error.ts";
import { members, readArn, type ServiceCall, type ServiceDesk, texts } from "./service-desk.ts";

type Answer = Readonly<Record<string, unknown>>;

/**
 * KMS: rights by key and encryption context, the states of keys, ARNs of this region only.
 * Source: KMS API reference, Decrypt, and the key states' effects in the developer guide.
 *
 * @throws AwsError
 */
export async function answerKeyService(call: ServiceCall, desk: ServiceDesk): Promise<Answer> {
	const sealedBy = keyOf(call);
	const [id = sealedBy] = texts(call.body, "KeyId");
	if (id === undefined) {
		desk.permissions.require(call.session, { action: `kms:${call.operation}`, name: "*", arn: "*" });
		return desk.ask(call);
	}
	const arn = readArn(id);
	if (arn !== undefined && arn.region !== call.region) throw new AwsError("NotFoundException", `Invalid arn ${arn.region}`);
	const key = await describe(call, desk, id);
	const encryptionContext = pairs(call.body["EncryptionContext"]);
	desk.permissions.require(call.session, { action: `kms:${call.operation}`, name: key.id, arn: key.arn, encryptionContext });
	if (key.state === "Disabled") throw new AwsError("DisabledException", `${key.arn} is disabled.`);
	if (key.state !== "Enabled") throw new AwsError("KMSInvalidStateException", `${key.arn} is pending deletion.`);
	if (sealedBy !== undefined && sealedBy !== key.id)
		throw new AwsError("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.");
	return desk.ask(call);
}

interface Key {
	readonly id: string;
	readonly arn: string;
	readonly state: string;
}

async function describe(call: ServiceCall, desk: ServiceDesk, id: string): Promise<Key> {
	const { KeyMetadata } = await desk.ask({ ...call, operation: "DescribeKey", body: { KeyId: id } });
	const { KeyId, Arn, KeyState } = members(KeyMetadata);
	return { id: String(KeyId), arn: String(Arn), state: String(KeyState) };
}

/** The key that a ciphertext says it was made with: moto writes its id in front. Undefined for other operations. */
function keyOf({ operation, body }: ServiceCall): string | undefined {
	if (operation !== "Decrypt") return undefined;
	const [blob = ""] = texts(body, "CiphertextBlob");
	const id = Buffer.from(blob, "base64").toString("latin1", 0, 36);
	if (!/^(mrk-)?[0-9a-f-]{32,36}$/.test(id)) throw new AwsError("InvalidCiphertextException", "The ciphertext is not valid.");
	return id;
}

function pairs(context: unknown): Readonly<Record<string, string>> {
	return Object.fromEntries(Object.entries(members(context)).map(([key, value]) => [key, String(value)]));
}
