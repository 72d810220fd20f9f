import type { KeyObject } from "node:crypto";
import { createPrivateKey } from "node:crypto";
import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import type { Secret } from "../../shared/secret.ts";
import { callApi } from "./api.ts";
import { parseObject, textOf } from "./google-error.ts";
import { type AccessToken, type LoginParts, scope } from "./login-parts.ts";
import { readTokenAnswer, readTokenError } from "./token-answer.ts";
import { showable } from "./words.ts";

/** The entry of nodePublishSecretRef that holds the key file. */
export const keyFileName = "key.json";
/** What the grant is made for. The file names an address too, which its author has chosen: it is not asked. */
const audience = "https://oauth2.googleapis.com/token";
const legacyPrefix = "unable to generate credentials from key.json: ";

interface KeyFile {
	readonly email: string;
	readonly keyId: string;
	readonly privateKey: KeyObject;
}

/**
 * Asks for a token of the service account whose key file nodePublishSecretRef brings.
 * Source: Google Identity, "Using OAuth 2.0 for Server to Server Applications".
 */
export async function grantForKey({ servers, context }: LoginParts): Promise<AccessToken> {
	const file = readKeyFile(context.credentials.get(keyFileName));
	const form = new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: await assertionOf(file) });
	const sentAt = Date.now();
	const body = { type: "application/x-www-form-urlencoded", text: String(form) } as const;
	const call = { service: "oauth2", location: "global", path: "/token", body } as const;
	const answer = await callApi(servers, context, call, context.signal).catch((reason: unknown) => {
		const error = ProviderError.from(reason);
		if (error.code !== "unreachable") throw error;
		const remedy = error.remedy === undefined ? {} : { remedy: error.remedy };
		throw new ProviderError(error.code, error.message, {
			...remedy,
			stage: "login",
			legacyText: `${legacyPrefix}${error.message}`,
			cause: error.cause,
		});
	});
	const token = answer.status === 200 ? readTokenAnswer(answer.body, sentAt) : undefined;
	if (token === undefined) throw refusal(answer, file);
	return token;
}

/** A file may also name other ways to log in, whose addresses are the author's: only a service account's key is taken. */
function readKeyFile(secret: Secret | undefined): KeyFile {
	if (secret === undefined) throw unusable("nodePublishSecretRef brings no key.json");
	const file = parseObject(secret.reveal());
	if (file === undefined) throw unusable("key.json is no JSON object");
	if (textOf(file, "type") !== "service_account") throw unusable("key.json is no key of a service account");
	const [email, keyId] = [textOf(file, "client_email"), textOf(file, "private_key_id")];
	if (!/^[\w.:+-]{1,200}@[\w.-]{1,200}$/.test(email)) throw unusable("key.json has no client_email");
	return { email, keyId, privateKey: readPrivateKey(textOf(file, "private_key")) };
}

function readPrivateKey(text: string): KeyObject {
	try {
		const key = createPrivateKey(text);
		if (key.asymmetricKeyType === "rsa") return key;
	} catch {
		// What OpenSSL says of it may quote from it.
	}
	throw unusable("the private_key of key.json is no RSA key in PEM");
}

async function assertionOf({ email, keyId, privateKey }: KeyFile): Promise<string> {
	const { SignJWT } = await import("jose");
	return new SignJWT({ scope })
		.setProtectedHeader({ alg: "RS256", typ: "JWT", ...(keyId === "" ? {} : { kid: keyId }) })
		.setIssuer(email)
		.setAudience(audience)
		.setIssuedAt()
		.setExpirationTime("1h")
		.sign(privateKey);
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
