import type { AwsServers } from "../aws/aws.ts";
import type { Encrypt } from "./kmsauth.ts";

/** A key of KMS by both of its names. */
export interface NamedKey {
	/** Such as `alias/confidant-auth`. */
	readonly alias: string;
	readonly arn: string;
}

const aliases = {
	/** Confidant's own, for what it stores. */
	atRest: "alias/confidant",
	/** The tokens of services are made with it. */
	authentication: "alias/confidant-auth",
	/** The tokens of services of the account {@link scopedAccount}. */
	scopedAuthentication: "alias/confidant-auth-sandbox",
	/** The tokens of people. */
	userAuthentication: "alias/confidant-users",
	/** What people seal blind credentials with; Confidant has nothing to do with it. */
	blind: "alias/blind",
} as const;

/** The account that the services of the scoped key belong to. */
export const scopedAccount = "sandbox";

export type ConfidantKeys = Readonly<Record<keyof typeof aliases, NamedKey>>;

export async function createKeys(aws: AwsServers): Promise<ConfidantKeys> {
	const create = async (name: keyof typeof aliases): Promise<NamedKey> => {
		const alias = aliases[name];
		return { alias, arn: await aws.createKey({ alias }) };
	};
	const [atRest, authentication, scopedAuthentication, userAuthentication, blind] = await Promise.all([
		create("atRest"),
		create("authentication"),
		create("scopedAuthentication"),
		create("userAuthentication"),
		create("blind"),
	]);
	return { atRest, authentication, scopedAuthentication, userAuthentication, blind };
}

/** Encrypts as the owner of an account, without any check or count. */
export function ownersEncrypt(aws: AwsServers, region: string): Encrypt {
	return async ({ key, plaintext, context }) => {
		const body = { KeyId: key, Plaintext: Buffer.from(plaintext).toString("base64"), EncryptionContext: context };
		const { CiphertextBlob } = await aws.admin("kms", "Encrypt", body, { region });
		return Buffer.from(String(CiphertextBlob), "base64");
	};
}
