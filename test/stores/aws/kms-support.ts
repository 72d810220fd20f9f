import { DecryptCommand, KMSClient } from "@aws-sdk/client-kms";
import { ProviderError } from "../../../provider/errors.ts";
import { Faults } from "../../../provider/plan/faults.ts";
import { GoJsonFields } from "../../../provider/shared/go-json-fields.ts";
import { readGoYaml } from "../../../provider/shared/go-yaml.ts";
import { type CiphertextPlace, readCiphertext, readCiphertextObject } from "../../../provider/stores/aws/ciphertext.ts";
import { readEntry } from "../../../provider/stores/aws/entry.ts";
import { decryptAll, type KmsWay } from "../../../provider/stores/aws/kms-decrypt.ts";
import { type CiphertextRef, makeAwsRef } from "../../../provider/stores/aws/ref.ts";
import type { Identity } from "../../../provider/stores/store.ts";
import { type AwsServers, startAws } from "../../servers/aws/aws.ts";
import type { Rule } from "../../servers/aws/permissions.ts";
import type { AwsCredentials } from "../../servers/aws/sessions.ts";
import { openedValue, readNativeItem, refusalOf, sealedEntry } from "../kms-support.ts";

export const region = "eu-west-1";
export const place: CiphertextPlace = { region, failoverRegion: "us-east-1", allowUnboundKms: false };

/** Sets this process's environment as a shell has it for the AWS command line; nothing else of AWS stays in it. */
export function logIn({ accessKeyId, secretAccessKey, sessionToken }: AwsCredentials): void {
	for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
	const session = sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken };
	Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, ...session, ...noFiles });
}

/** Without them a developer's own region and profile would take part in the tests. */
export const noFiles = { AWS_CONFIG_FILE: "/nonexistent", AWS_SHARED_CREDENTIALS_FILE: "/nonexistent", AWS_EC2_METADATA_DISABLED: "true" };

/** Reads the first entry of a text as one of the dialect `aws`. @throws ProviderError `invalid` */
export function readAwsEntry(text: string, where = place): CiphertextRef {
	const list = readGoYaml(text);
	const item = list.kind === "sequence" ? list.items[0] : undefined;
	if (item?.kind !== "mapping") throw new Error("no entry");
	const faults = new Faults();
	const report = (path: string, problem: string) => faults.add(path, problem);
	const fields = new GoJsonFields(item, { path: "objects[0]", package: "provider", type: "SecretDescriptor", above: "", report });
	const ref = readCiphertextObject(readEntry(fields), where, faults);
	faults.throwIfAny("The parameters");
	return ref;
}

/** Reads the first entry of a text as one of the native dialect. @throws ProviderError `invalid` */
export function readNativeEntry(text: string, where = place): CiphertextRef {
	// What the native dialect and the choice of the service read.
	return readNativeItem(text, (fields) => readCiphertext(fields, where), ["name", "store", "service"]);
}

/** Whom KMS sees, and whom the value must be for. */
export function identityOf(namespace: string, serviceAccount: string, role: string): Identity {
	return { key: JSON.stringify([namespace, serviceAccount, role]), audience: "sts.amazonaws.com", namespace, serviceAccount, role };
}

/** An account with a key, a role that may decrypt with it, and somebody who seals for the pods of `shop/web`. */
export class KmsWorld {
	readonly aws: AwsServers;
	readonly role: string;
	readonly keyId: string;
	/** The options of `claviger seal kms`, without the service account. */
	readonly usual: readonly string[];
	readonly forWeb: readonly string[];
	readonly web: Identity;
	readonly client: KMSClient;

	private constructor(aws: AwsServers, keyId: string) {
		this.aws = aws;
		this.keyId = keyId;
		this.role = aws.roleArn("shop");
		aws.permit(this.role, { allow: [{ actions: ["kms:Decrypt"] }] });
		this.usual = ["kms", "--key-id", keyId, "--endpoint", aws.endpoints.kms, "--namespace", "shop", "--object", "db/password"];
		this.forWeb = [...this.usual, "--service-account", "web"];
		this.web = identityOf("shop", "web", this.role);
		this.client = this.clientOf(this.role);
	}

	static async start(): Promise<KmsWorld> {
		const aws = await startAws(undefined);
		// Whoever seals is logged in as the AWS command line is; the pods are not.
		logIn(aws.operator);
		return new KmsWorld(aws, await aws.createKey({ region, alias: "alias/shop" }));
	}

	/** Another role that may decrypt, for tests that do something to it. */
	newRole(name: string, rule: Partial<Rule> = {}): { readonly role: string; readonly client: KMSClient } {
		const role = this.aws.roleArn(name);
		this.aws.permit(role, { allow: [{ actions: ["kms:Decrypt"], ...rule }] });
		return { role, client: this.clientOf(role) };
	}

	/** A client of a role's session, as the store makes them: without retries, and with these credentials only. */
	clientOf(role: string, where = region): KMSClient {
		return new KMSClient({ region: where, endpoint: this.aws.endpoints.kms, credentials: this.aws.session(role), maxAttempts: 1 });
	}

	/** Seals with the command and reads what it printed as the dialect does. */
	async sealed(value: Buffer | string, args = this.forWeb): Promise<CiphertextRef> {
		const entry = await sealedEntry(args, value);
		const where = { ...place, allowUnboundKms: args.includes("none") };
		return args.includes("claviger") ? readNativeEntry(entry, where) : readAwsEntry(entry, where);
	}

	async open(ref: CiphertextRef, identity = this.web, client = this.client): Promise<Buffer> {
		const [outcome] = await decryptAll([ref], identity, wayThrough(client), AbortSignal.timeout(20_000));
		return openedValue(outcome);
	}

	/** The error that opening ends with, whichever way the store contract wants it told. */
	refusalOf(ref: CiphertextRef, identity = this.web, client = this.client): Promise<ProviderError> {
		return refusalOf(this.open(ref, identity, client));
	}
}

/** A way to KMS through a client, once; what is no refusal of KMS's own is `unreachable`. */
export function wayThrough(client: KMSClient): KmsWay {
	return {
		send: (input, abortSignal) => client.send(new DecryptCommand(input), { abortSignal }),
		explain: (error) => ({ kind: "failed", error: new ProviderError("unreachable", "explained by the store", { cause: error }) }),
	};
}

/** The same ref with other parts, under its own key. */
export function changed(ref: CiphertextRef, parts: Partial<CiphertextRef>): CiphertextRef {
	return makeAwsRef({ ...ref, ...parts });
}
