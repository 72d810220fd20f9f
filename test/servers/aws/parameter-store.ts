import { AwsError } from "./aws-error.ts";
import type { Intent } from "./permissions.ts";
import { readArn, type ServiceCall, type ServiceDesk, texts } from "./service-desk.ts";

type Answer = Readonly<Record<string, unknown>>;

const largestBatch = 10;

/**
 * Parameter Store: rights by parameter, of which one that is missing fails the whole call, ARNs of this region only,
 * and the limit on names. Source: Systems Manager API reference, GetParameters.
 *
 * @throws AwsError
 */
export async function answerParameterStore(call: ServiceCall, desk: ServiceDesk): Promise<Answer> {
	const names = [...texts(call.body, "Names"), ...texts(call.body, "Name")];
	for (const name of names) desk.permissions.require(call.session, intentOf(call, name));
	if (names.length > largestBatch)
		throw new AwsError("ValidationException", "1 validation error detected: Value at 'names' failed to satisfy constraint");
	if (call.operation !== "GetParameters") return desk.ask(call);
	const elsewhere = names.filter((name) => (readArn(name)?.region ?? call.region) !== call.region);
	const here = names.filter((name) => !elsewhere.includes(name));
	if (here.length === 0) return { Parameters: [], InvalidParameters: elsewhere };
	const { Parameters = [], InvalidParameters = [] } = await desk.ask({ ...call, body: { ...call.body, Names: here } });
	return { Parameters, InvalidParameters: [InvalidParameters, elsewhere].flat() };
}

function intentOf({ region, account, operation }: ServiceCall, selected: string): Intent {
	const arn = readArn(selected);
	const [name = ""] = (arn?.resource.replace(/^parameter\/?/, "/") ?? selected).split(":");
	const resource = name.startsWith("/") ? name : `/${name}`;
	return { action: `ssm:${operation}`, name, arn: `arn:aws:ssm:${arn?.region ?? region}:${account}:parameter${resource}` };
}
