import { EncryptCommand } from "@aws-sdk/client-kms";
import { officialClients } from "../aws/clients.ts";
import type { AwsCredentials } from "../aws/sessions.ts";
import type { Confidant } from "./confidant.ts";
import { basicAuthorization, type Encrypt, type KmsauthToken, mintToken, type TokenClaims } from "./kmsauth.ts";

export interface Answered {
	readonly status: number;
	readonly text: string;
}

/** Asks as any client might. */
export async function ask({ address }: Confidant, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
	const answer = await fetch(`${address}${path}`, { headers, redirect: "manual" });
	return { status: answer.status, text: await answer.text() };
}

export function askAs(confidant: Confidant, path: string, token: KmsauthToken): Promise<Answered> {
	return ask(confidant, path, { authorization: basicAuthorization(token) });
}

/** Makes a token by credentials of somebody's own, with the vendor's client. */
export function mintAs(
	confidant: Confidant,
	credentials: AwsCredentials,
	claims: Partial<TokenClaims> & Pick<TokenClaims, "from">,
): Promise<KmsauthToken> {
	const { keys } = officialClients(confidant.aws, { credentials });
	const encrypt: Encrypt = async ({ key, plaintext, context }) => {
		const { CiphertextBlob = Buffer.alloc(0) } = await keys.send(
			new EncryptCommand({ KeyId: key, Plaintext: plaintext, EncryptionContext: { ...context } }),
		);
		return CiphertextBlob;
	};
	return mintToken(encrypt, { key: confidant.keys.authentication.arn, to: confidant.context, ...claims });
}
