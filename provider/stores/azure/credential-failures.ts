import { STATUS_CODES } from "node:http";
import { type ErrorCode, ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { jsonMember, parseJsonObject } from "../../shared/json.ts";
import type { Secret } from "../../shared/secret.ts";
import type { Identity } from "../store.ts";
import type { Proof } from "./credential-proof.ts";
import type { AzureInstance } from "./instance.ts";
import { azureText } from "./words.ts";

/** A login that Entra answered with an error, or not at all. */
export interface FailedLogin {
	readonly instance: AzureInstance;
	readonly identity: Identity;
	readonly client: string;
	/** What Azure's SDKs call this way to log in. */
	readonly title: Proof["credential"];
	/** The pod's; empty where it logs in without one. */
	readonly token: Secret;
}

/** An answer of the token endpoint that holds no token. It is for {@link loginError} alone: its body may hold anything. */
export class TokenRefusal extends Error {
	override readonly name = "TokenRefusal";
	readonly #answer: HttpAnswer;

	constructor(answer: HttpAnswer) {
		super(`the token endpoint answered with status ${answer.status}`);
		this.#answer = answer;
	}

	get answer(): HttpAnswer {
		return this.#answer;
	}
}

/** Where an authority gives tokens. Source: Microsoft identity platform, "OAuth 2.0 client credentials flow". */
export function tokenPath({ tenant }: Pick<AzureInstance, "tenant">): string {
	return `/${encodeURIComponent(tenant)}/oauth2/v2.0/token`;
}

/** What an error means: a clause after "Entra ID", which names the client after it. */
interface Verdict {
	readonly code: ErrorCode;
	readonly clause: string;
	readonly remedy: string;
}

type Judge = (login: FailedLogin) => Verdict;

const clockRemedy = "kubelet brings a fresh token at its next sync; check the node's clock if it does not.";
const lookUpRemedy =
	"Look its number up at https://login.microsoftonline.com/error, and see the tenant's sign-in log of service principals.";
const conditionalRemedy =
	"See the tenant's sign-in log of service principals, and its Conditional Access policies for workload identities.";

/**
 * The errors that are understood, by their number. That a token proves nothing (`unidentified`) is no word on the
 * client's rights, and what pods hold stays. Source: Microsoft identity platform, "Microsoft Entra authentication and
 * authorization error codes"; Workload identity federation, "Important considerations".
 */
const verdicts: ReadonlyMap<number, Judge> = new Map<number, Judge>([
	[50027, () => ({ code: "unidentified", clause: "finds the pod's token malformed, and refuses", remedy: clockRemedy })],
	[53003, () => ({ code: "denied", clause: "refuses by Conditional Access", remedy: conditionalRemedy })],
	[70021, noFederation],
	[90002, unknownTenant],
	[500011, unknownResource],
	[700016, unknownClient],
	[
		700024,
		() => ({ code: "unidentified", clause: "says that the pod's token has expired or is not valid yet, and refuses", remedy: clockRemedy }),
	],
	[700027, unverifiable],
	[700211, noFederation],
	[700212, noFederation],
	[700213, noFederation],
	[900023, unknownTenant],
	[
		7000112,
		({ client }) => ({
			code: "denied",
			clause: "has disabled",
			remedy: `Enable it in the tenant: az ad sp update --id ${client} --set accountEnabled=true`,
		}),
	],
	[7000215, (login) => wrongSecret("does not take the client secret of", login)],
	[7000222, (login) => wrongSecret("says that the client secret has expired of", login)],
	[7000229, unknownClient],
]);

/** A refused login as an error of ours, with the condition that must be true for it to succeed. Nothing of the body but its codes is shown. */
export function loginError(answer: HttpAnswer, login: FailedLogin): ProviderError {
	const { numbers, code } = readProblem(answer.body);
	const said = [`status ${answer.status}`, ...numbers.map((number) => `AADSTS${number}`)].join(", ");
	const { code: ours, clause, remedy } = judge(answer.status, numbers, code, login);
	return new ProviderError(ours, `Entra ID ${clause} ${describeClient(login)} (${said}).`, {
		stage: "login",
		remedy,
		legacyText: legacyText(login, answer.status, [code, ...numbers.map((number) => `AADSTS${number}`)].join(" ")),
	});
}

/** No answer at all: our transport says server, stage and fact. */
export function unansweredLogin(reason: unknown, login: FailedLogin): ProviderError {
	const error = ProviderError.from(reason);
	if (error.code !== "unreachable") return error;
	return new ProviderError(error.code, `The login at Entra ID failed: ${error.message}`, {
		stage: "login",
		...(error.remedy === undefined ? {} : { remedy: error.remedy }),
		legacyText: `${login.title} authentication failed.`,
		cause: error.cause,
	});
}

function judge(status: number, numbers: readonly number[], code: string, login: FailedLogin): Verdict {
	for (const number of numbers) {
		const known = verdicts.get(number);
		if (known !== undefined) return known(login);
	}
	const quota = "It is asked again; the limits of Entra ID are the tenant's.";
	if (status === 429) return { code: "unreachable", clause: "limits the rate of requests, and did not log in", remedy: quota };
	if (status >= 500)
		return { code: "unreachable", clause: "could not log in", remedy: "It is asked again; see https://status.azure.com if it lasts." };
	if (code === "invalid_client" || code === "unauthorized_client" || code === "invalid_grant" || code === "access_denied")
		return { code: "denied", clause: "refuses", remedy: lookUpRemedy };
	const remedy = "Check that the authority leads to Entra ID itself and not to a proxy's page.";
	return { code: "unreachable", clause: "gave no usable answer to the login of", remedy };
}

function noFederation({ instance, identity, token }: FailedLogin): Verdict {
	const subject = `system:serviceaccount:${identity.namespace}:${identity.serviceAccount}`;
	const conditions = `issuer ${issuerOf(token)}, subject ${subject}, audience ${identity.audience}`;
	const clause = "has no federated credential for the pod's token at";
	if (instance.identity === "binding") {
		const remedy = `Bind the identity to this cluster, and allow the account to use it (AKS, identity bindings). It must match: ${conditions}.`;
		return { code: "denied", clause, remedy };
	}
	return { code: "denied", clause, remedy: `The client must have a federated credential with exactly: ${conditions}.` };
}

function unverifiable({ token }: FailedLogin): Verdict {
	const remedy = `Entra ID must be able to read ${issuerOf(token)}/.well-known/openid-configuration and the keys it names; after a change of keys it takes some minutes.`;
	return { code: "unidentified", clause: "cannot verify the signature of the pod's token, and refuses", remedy };
}

function unknownTenant({ instance }: FailedLogin): Verdict {
	const remedy = `Check tenantID (in the dialect claviger: tenant) and the cloud: ${instance.authority} knows no tenant ${instance.tenant}.`;
	return { code: "denied", clause: `knows no tenant ${instance.tenant}, and refuses`, remedy };
}

function unknownClient({ instance, client }: FailedLogin): Verdict {
	const remedy = `Check the client id and tenantID: az ad sp show --id ${client} must find it in the tenant ${instance.tenant}.`;
	return { code: "denied", clause: `finds nobody of that id in the tenant ${instance.tenant}, and refuses`, remedy };
}

function unknownResource({ instance }: FailedLogin): Verdict {
	const remedy = "Check cloudName (in the dialect claviger: cloud), and that the tenant has used Key Vault before.";
	return { code: "invalid", clause: `knows no resource ${instance.resource} in this tenant for`, remedy };
}

function wrongSecret(clause: string, { client }: FailedLogin): Verdict {
	const remedy = `Make a new one, and write its value (not its id) into the Secret as clientsecret: az ad app credential reset --id ${client}`;
	return { code: "denied", clause, remedy };
}

/** The numbers behind AADSTS, and the OAuth error (RFC 6749 §5.2); both are words, never a text of the server's. */
function readProblem(body: Buffer): { readonly numbers: readonly number[]; readonly code: string } {
	const answer = parseJsonObject(body);
	if (answer === undefined) return { numbers: [], code: "" };
	const code = jsonMember(answer, "error");
	const listed = jsonMember(answer, "error_codes");
	const numbers = Array.isArray(listed) ? listed.filter((number) => typeof number === "number") : [];
	const description = jsonMember(answer, "error_description");
	const written = typeof description === "string" ? /^AADSTS(\d{4,8})\b/.exec(description)?.[1] : undefined;
	const all = numbers.length > 0 || written === undefined ? numbers : [Number(written)];
	return { numbers: all.slice(0, 3), code: typeof code === "string" && /^\w{1,40}$/.test(code) ? code : "" };
}

function describeClient({ client, identity: { namespace, serviceAccount } }: FailedLogin): string {
	return `the client ${client} of service account ${namespace}/${serviceAccount}`;
}

function legacyText({ title, instance }: FailedLogin, status: number, code: string): string {
	const url = `${instance.authority}${tokenPath(instance)}`;
	return `${title} authentication failed. \n${azureText({ method: "POST", url, status: `${status} ${STATUS_CODES[status] ?? ""}`.trim(), code })}`;
}

/** The issuer that the pod's token names, which is no secret. */
function issuerOf(token: Secret): string {
	const payload = token.reveal().toString("latin1").split(".", 3)[1] ?? "";
	const claims = parseJsonObject(Buffer.from(payload, "base64url"));
	const issuer = claims === undefined ? undefined : jsonMember(claims, "iss");
	return typeof issuer === "string" && /^https:\/\/[\w./:-]{1,200}$/.test(issuer) ? issuer : "https://ISSUER";
}
