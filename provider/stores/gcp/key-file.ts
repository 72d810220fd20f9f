import { createPrivateKey } from "node:crypto";
import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { parseJsonObject } from "../../shared/json.ts";
import type { Secret } from "../../shared/secret.ts";
import { Courier, tokenOf } from "./courier.ts";
import { textOf } from "./google-error.ts";
import { type AccessToken, type LoginParts, scope } from "./login-parts.ts";
import { readTokenError } from "./token-answer.ts";
import { showable } from "./words.ts";

/** The entry of nodePublishSecretRef that holds the key file. */
export const keyFileName = "key.json";
const legacyPrefix = "unable to generate credentials from key.json: ";

interface KeyFile {
	readonly email: string;
	/** PEM. */
	readonly privateKey: string;
}

/**
 * Asks for a token of the service account whose key file nodePublishSecretRef brings.
 * Source: Google Identity, "Using OAuth 2.0 for Server to Server Applications".
 */
export async function grantForKey(parts: LoginParts): Promise<AccessToken> {
	const file = readKeyFile(parts.context.credentials.get(keyFileName));
	const library = await import("google-auth-library");
	const courier = new Courier(parts);
	// The file names addresses too, which its author has chosen: none of them is asked.
	const client = new library.JWT({ ...courier.clientOptions(library), email: file.email, key: file.privateKey, scopes: [scope] });
	const askedAt = Date.now();
	const answer = await courier.ask(() => client.getAccessToken(), legacyPrefix);
	const token = answer.status === 200 ? tokenOf(client, askedAt) : undefined;
	if (token === undefined) throw refusal(answer, file);
	return token;
}

/** A file may also name other ways to log in, whose addresses are the author's: only a service account's key is taken. */
function readKeyFile(secret: Secret | undefined): KeyFile {
	if (secret === undefined) throw unusable("nodePublishSecretRef brings no key.json");
	const file = parseJsonObject(secret.reveal());
	if (file === undefined) throw unusable("key.json is no JSON object");
	if (textOf(file, "type") !== "service_account") throw unusable("key.json is no key of a service account");
	const email = textOf(file, "client_email");
	if (!/^[\w.:+-]{1,200}@[\w.-]{1,200}$/.test(email)) throw unusable("key.json has no client_email");
	return { email, privateKey: checkedKey(textOf(file, "private_key")) };
}

function checkedKey(text: string): string {
	try {
		if (createPrivateKey(text).asymmetricKeyType === "rsa") return text;
	} catch {
		// What OpenSSL says of it may quote from it.
	}
	throw unusable("the private_key of key.json is no RSA key in PEM");
}

function unusable(problem: string): ProviderError {
	return new ProviderError("invalid", `${problem}.`, {
		stage: "login",
		legacyText: `${legacyPrefix}${problem}`,
		remedy: "Put the file into the secret as Google gave it: gcloud iam service-accounts keys create key.json --iam-account EMAIL",
	});
}

function refusal({ status, body }: HttpAnswer, { email }: KeyFile): ProviderError {
	const { error, description } = readTokenError(body);
	const text = showable(description, []);
	const said = error === "" ? `status ${status}` : `${error}${text === "" ? "" : `: ${JSON.stringify(text)}`}`;
	const options = { stage: "login", legacyText: `${legacyPrefix}${error === "" ? `status ${status}` : error}` } as const;
	if (status < 500 && status !== 429 && error !== "") {
		return new ProviderError("unidentified", `Google does not take the key file of ${email} (${said}).`, {
			...options,
			remedy: `Check that account and key exist (gcloud iam service-accounts keys list --iam-account ${email}), and the node's clock.`,
		});
	}
	return new ProviderError("unreachable", `Google's token endpoint gave no usable answer for ${email} (${said}).`, {
		...options,
		remedy: "It is asked again.",
	});
}
