import { createHash } from "node:crypto";
import { texts } from "./service-desk.ts";
import type { JsonAnswer, Upstream, UpstreamCall } from "./upstream.ts";

/**
 * An upstream that answers at once, for load: every secret and every parameter is there. Its value is what was
 * put under its name, else `value of NAME`. It knows no versions but the present one, and no keys.
 */
export function cannedAnswers(): Upstream {
	const values = new Map<string, string>();
	return (call) => Promise.resolve(answer(call, values));
}

function answer({ operation, body }: UpstreamCall, values: Map<string, string>): JsonAnswer {
	const contentOf = (name: string) => values.get(name) ?? `value of ${name}`;
	const [name = ""] = [...texts(body, "SecretId"), ...texts(body, "Name")];
	const names = texts(body, "Names");
	switch (operation) {
		case "GetSecretValue":
			return found(secret(name, contentOf(name)));
		case "BatchGetSecretValue":
			return found({ SecretValues: texts(body, "SecretIdList").map((id) => secret(id, contentOf(id))), Errors: [] });
		case "GetParameters":
			return found({ Parameters: names.map((id) => parameter(id, contentOf(id))), InvalidParameters: [] });
		case "CreateSecret":
		case "PutSecretValue":
		case "PutParameter":
			values.set(name, texts(body, "SecretString")[0] ?? texts(body, "Value")[0] ?? "");
			return found({ ...secret(name, contentOf(name)), Version: 1 });
		default:
			return { status: 400, body: { __type: "InvalidRequestException", message: `${operation} has no canned answer` } };
	}
}

function found(body: JsonAnswer["body"]): JsonAnswer {
	return { status: 200, body };
}

function secret(name: string, value: string): Readonly<Record<string, unknown>> {
	const VersionId = createHash("sha256").update(value).digest("hex").slice(0, 36);
	return { ARN: `arn:canned:${name}`, Name: name, VersionId, SecretString: value, VersionStages: ["AWSCURRENT"] };
}

function parameter(name: string, value: string): Readonly<Record<string, unknown>> {
	return { Name: name, Type: "SecureString", Value: value, Version: 1, ARN: `arn:canned:${name}` };
}
