import { readFile } from "node:fs/promises";
import { ProviderError } from "../../errors.ts";
import type { TlsOptions } from "../../net/tls-trust.ts";
import { Secret } from "../../shared/secret.ts";
import type { Identity, StoreContext } from "../store.ts";
import { appIdProblem, applicationOf } from "./applications.ts";
import { checkCertificate } from "./certificate.ts";
import type { CyberArkInstance } from "./instance.ts";

/** Who the vault sees. There is nothing to ask of it: application and certificate go with every read. */
export interface Login {
	readonly appId: string;
	readonly tls: TlsOptions;
	/** When the certificate ends; undefined without one. */
	readonly expiresAt: Date | undefined;
}

const secretRemedy =
	"Put appId, clientCertificate and clientKey (PEM; clientKeyPassphrase where it is encrypted) into a Secret of the pod's namespace, and name it as nodePublishSecretRef.";

/**
 * The application and the certificate of one identity: from the administrator's list and files, or from the namespace's Secret.
 *
 * @throws ProviderError `refused` for an account without an application, `unidentified` without credentials or with an expired
 * certificate, `invalid` for malformed ones
 */
export function logIn(instance: CyberArkInstance, identity: Identity, context: Pick<StoreContext, "credentials">): Promise<Login> {
	const { applications } = instance;
	if (applications === undefined) return logInWithSecret(instance, context.credentials);
	return logInAsAdministered(instance, applicationOf(applications, instance.name, identity));
}

async function logInAsAdministered({ tls }: CyberArkInstance, appId: string): Promise<Login> {
	return { appId, tls, expiresAt: await certificateEnd(tls) };
}

/**
 * Until when the certificate in the administrator's files holds; undefined without one.
 *
 * @throws ProviderError as {@link checkCertificate}
 */
export async function certificateEnd({ clientCertificateFile, clientKeyFile }: TlsOptions): Promise<Date | undefined> {
	if (clientCertificateFile === undefined || clientKeyFile === undefined) return undefined;
	const [certificate, key] = await Promise.all([readPem(clientCertificateFile), readPem(clientKeyFile)]);
	const names = { certificate: `The file ${clientCertificateFile}`, key: `the file ${clientKeyFile}` };
	return checkCertificate({ certificate, key: new Secret(key), names, remedy: "The administrator must replace the files." });
}

async function logInWithSecret({ tls }: CyberArkInstance, credentials: StoreContext["credentials"]): Promise<Login> {
	const [appId, certificate, key] = ["appId", "clientCertificate", "clientKey"].map((name) => present(credentials, name));
	if (appId === undefined || certificate === undefined || key === undefined) throw incomplete(credentials);
	// Files of one line mostly end with a line break.
	const application = appId.reveal().toString("utf8").trim();
	const problem = appIdProblem(application);
	if (problem !== undefined)
		throw new ProviderError("invalid", `appId in the Secret ${problem}.`, { stage: "login", remedy: secretRemedy });
	const passphrase = present(credentials, "clientKeyPassphrase");
	const secured = passphrase === undefined ? {} : { passphrase };
	const names = { certificate: "clientCertificate in the Secret", key: "clientKey in the Secret" };
	const expiresAt = checkCertificate({ certificate: certificate.reveal(), key, ...secured, names, remedy: secretRemedy });
	const client = { clientCertificate: certificate.reveal().toString("utf8"), clientKey: key };
	return {
		appId: application,
		tls: { ...tls, ...client, ...(passphrase === undefined ? {} : { clientKeyPassphrase: passphrase }) },
		expiresAt,
	};
}

function present(credentials: StoreContext["credentials"], name: string): Secret | undefined {
	const secret = credentials.get(name);
	return secret === undefined || secret.length === 0 ? undefined : secret;
}

function incomplete(credentials: StoreContext["credentials"]): ProviderError {
	const missing = ["appId", "clientCertificate", "clientKey"].filter((name) => present(credentials, name) === undefined);
	const problem = credentials.size === 0 ? "there is none" : `it lacks ${missing.join(", ")}`;
	return new ProviderError("unidentified", `CyberArk is asked with a Secret of nodePublishSecretRef, and ${problem}.`, {
		stage: "login",
		remedy: secretRemedy,
	});
}

async function readPem(file: string): Promise<Buffer> {
	try {
		return await readFile(file);
	} catch (cause) {
		throw new ProviderError("invalid", `The file ${file} cannot be read.`, {
			stage: "login",
			remedy: "The administrator must name PEM files that the provider's container has.",
			cause,
		});
	}
}
