import type { AwsLogin } from "../../aws/web-identity.ts";
import { showable } from "../../aws/words.ts";
import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { jsonMember, parseJsonObject } from "../../shared/json.ts";
import { withRetries } from "../../shared/retry.ts";
import type { Identity } from "../store.ts";
import { agentEndpoints } from "./instance.ts";
import type { LoginParts } from "./login.ts";

const path = "/v1/credentials";
/** The agent listens on this very node, and asks EKS Auth for what it does not know yet. */
const agentMilliseconds = 5_000;
const maximumBytes = 64 * 1024;

/**
 * Asks the EKS Pod Identity agent of the node for the credentials of the role that is associated with the pod's
 * service account. Source: Amazon EKS User Guide, "Understand how EKS Pod Identity works", and the container
 * credentials provider of the AWS SDKs.
 *
 * @throws ProviderError as {@link logIn}
 */
export async function askAgent(parts: LoginParts): Promise<AwsLogin> {
	const { instance, identity } = parts;
	const [first, second] = instance.serviceEndpoints.agent === undefined ? agentEndpoints(instance) : [instance.serviceEndpoints.agent];
	if (first === undefined) throw new Error("an instance without an agent");
	const answer = await ask(first, parts).catch((reason: unknown) => {
		const error = ProviderError.from(reason);
		if (second === undefined || error.code !== "unreachable") throw atLogin(error);
		return ask(second, parts).catch(() => {
			throw atLogin(error);
		});
	});
	if (answer.status !== 200) throw refusal(answer, parts);
	const login = readCredentials(answer.body);
	if (login !== undefined) return login;
	throw new ProviderError("unreachable", `The EKS Pod Identity agent gave no usable answer for ${account(identity)}.`, {
		stage: "login",
		remedy: "See the agent's log: kubectl logs --namespace kube-system daemonset/eks-pod-identity-agent",
	});
}

function ask(url: string, { connections, context }: LoginParts): Promise<HttpAnswer> {
	const { signal, token } = context;
	const server = connections.server(url, "direct");
	const send = () =>
		server.request({
			method: "GET",
			path: `${server.address.basePath}${path}`,
			headers: { authorization: token.reveal().toString("utf8"), accept: "application/json" },
			signal,
			timeoutMilliseconds: agentMilliseconds,
			maximumBytes,
			allowsAddress: (address) => context.allowsAddress(address),
		});
	return withRetries(send, signal, { budget: server.budget, schedule: (task) => context.schedule(task, signal) });
}

function readCredentials(body: Buffer): AwsLogin | undefined {
	const answer = parseJsonObject(body);
	const text = (key: string) => {
		const value = answer === undefined ? undefined : jsonMember(answer, key);
		return typeof value === "string" ? value : "";
	};
	const credentials = { accessKeyId: text("AccessKeyId"), secretAccessKey: text("SecretAccessKey"), sessionToken: text("Token") };
	const expiresAt = new Date(text("Expiration"));
	return Object.values(credentials).includes("") || Number.isNaN(expiresAt.getTime()) ? undefined : { credentials, expiresAt };
}

/**
 * The agent answers with EKS Auth's statuses: 400 for a token it does not take, 403 and 404 for an account that
 * nothing is associated with.
 */
function refusal({ status, body }: HttpAnswer, { identity, context }: LoginParts): ProviderError {
	const text = showable(body.toString("utf8"), [context.token]);
	// A page of something in between is not repeated.
	const said = text === "" || text.startsWith("<") ? `status ${status}` : `status ${status}: ${JSON.stringify(text)}`;
	const failure = (code: "denied" | "unidentified" | "unreachable", clause: string, remedy: string) =>
		new ProviderError(code, `The EKS Pod Identity agent ${clause} ${account(identity)} (${said}).`, { stage: "login", remedy });
	if (status === 403 || status === 404) return failure("denied", "has no role for", associationRemedy(identity));
	if (status === 400 || status === 401) {
		const remedy = `kubelet brings a fresh token at its next sync; its audience must be ${identity.audience}.`;
		return failure("unidentified", "does not take the token of", remedy);
	}
	const remedy = "See the agent's log: kubectl logs --namespace kube-system daemonset/eks-pod-identity-agent";
	return failure("unreachable", "could not log in", remedy);
}

function associationRemedy({ namespace, serviceAccount }: Identity): string {
	return `Associate a role: aws eks create-pod-identity-association --cluster-name CLUSTER --namespace ${namespace} --service-account ${serviceAccount} --role-arn arn:aws:iam::111122223333:role/shop`;
}

function account({ namespace, serviceAccount }: Identity): string {
	return `service account ${namespace}/${serviceAccount}`;
}

function atLogin(error: ProviderError): ProviderError {
	if (error.code !== "unreachable") return error;
	return new ProviderError(error.code, `The EKS Pod Identity agent gave no answer: ${error.message}`, {
		stage: "login",
		remedy: error.remedy ?? "Install the add-on: aws eks create-addon --cluster-name CLUSTER --addon-name eks-pod-identity-agent",
		cause: error.cause,
	});
}
