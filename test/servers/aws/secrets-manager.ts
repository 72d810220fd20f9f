import { AwsError } from "./aws-error.ts";
import { type Intent, refusal } from "./permissions.ts";
import { readArn, type ServiceCall, type ServiceDesk, texts } from "./service-desk.ts";

type Answer = Readonly<Record<string, unknown>>;

const largestBatch = 20;
const notFound = "Secrets Manager can't find the specified secret.";

/**
 * Secrets Manager: rights by secret, ARNs of this region only, and the rules of batches.
 * Source: Secrets Manager API reference, BatchGetSecretValue, and the documentation of its permissions.
 *
 * @throws AwsError
 */
export async function answerSecretsManager(call: ServiceCall, desk: ServiceDesk): Promise<Answer> {
	const action = `secretsmanager:${call.operation}`;
	if (call.operation === "BatchGetSecretValue") return answerBatch(call, desk, action);
	const [id = texts(call.body, "Name")[0] ?? "*"] = texts(call.body, "SecretId");
	desk.permissions.require(call.session, intentOf(call, action, id));
	if (isElsewhere(call, id)) throw new AwsError("ResourceNotFoundException", notFound);
	return desk.ask(call);
}

async function answerBatch(call: ServiceCall, desk: ServiceDesk, action: string): Promise<Answer> {
	desk.permissions.require(call.session, intentOf(call, action, "*"));
	const ids = texts(call.body, "SecretIdList");
	if (ids.length > largestBatch)
		throw new AwsError("ValidationException", "1 validation error detected: Value at 'secretIdList' failed to satisfy constraint");
	const from = Number(texts(call.body, "NextToken")[0] ?? "0");
	const page = ids.slice(from, from + desk.batchPage);
	const refused = page.flatMap((id) => refusalOf(call, desk, id) ?? []);
	const asked = page.filter((id) => !refused.some(({ SecretId }) => SecretId === id));
	const body = asked.length === 0 ? {} : await desk.ask({ ...call, body: { SecretIdList: asked } });
	const { SecretValues = [], Errors = [] } = body;
	const next = from + page.length < ids.length ? { NextToken: String(from + page.length) } : {};
	return { SecretValues, Errors: [Errors, refused].flat(), ...next };
}

interface SecretError {
	readonly SecretId: string;
	readonly ErrorCode: string;
	readonly Message: string;
}

function refusalOf(call: ServiceCall, desk: ServiceDesk, id: string): SecretError | undefined {
	const fault = desk.faultOfSecret(id);
	if (fault !== undefined) return { SecretId: id, ErrorCode: fault.code, Message: fault.message };
	const intent = intentOf(call, "secretsmanager:GetSecretValue", id);
	if (!desk.permissions.allows(call.session.role, intent))
		return { SecretId: id, ErrorCode: "AccessDeniedException", Message: refusal(call.session, intent) };
	if (isElsewhere(call, id)) return { SecretId: id, ErrorCode: "ResourceNotFoundException", Message: notFound };
	return undefined;
}

function isElsewhere({ region }: ServiceCall, id: string): boolean {
	return (readArn(id)?.region ?? region) !== region;
}

/** Rules speak of secrets without the random ending of their ARNs, so that they need no question to the upstream. */
function intentOf({ region, account }: ServiceCall, action: string, id: string): Intent {
	const arn = readArn(id);
	const name = arn?.resource.replace(/^secret:/, "").replace(/-[A-Za-z0-9]{6}$/, "") ?? id;
	return { action, name, arn: `arn:aws:secretsmanager:${arn?.region ?? region}:${account}:secret:${name}` };
}
