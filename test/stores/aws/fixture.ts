import type { ExecutionContext } from "ava";
import { type AwsServers, startAws } from "../../servers/aws/aws.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import type { StoreFixture } from "../store-test.ts";

const reader = { namespace: "shop", serviceAccount: "web" };
const stranger = { namespace: "shop", serviceAccount: "stranger" };
const readings = ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "ssm:GetParameters", "kms:Decrypt"];

/**
 * Secrets Manager for the shared store test.
 *
 * @param identity `web`: the stranger may not log in as the role. `pod`: the stranger has a role of its own, which may read nothing
 */
export async function openAwsFixture(t: ExecutionContext<unknown>, identity: "web" | "pod"): Promise<StoreFixture> {
	const [aws, issuer] = await Promise.all([startAws(t), createTokenIssuer()]);
	const role = aws.roleArn("web");
	aws.permit(role, { allow: [{ actions: readings }] });
	aws.trust(role, { issuer, subject: `system:serviceaccount:${reader.namespace}:${reader.serviceAccount}` });
	aws.associate(role, { issuer, ...reader });
	aws.associate(aws.roleArn("stranger"), { issuer, ...stranger });
	const login = { web: `identity: web, role: "${role}"`, pod: "identity: pod" }[identity];
	return {
		issuer,
		audience: { web: "sts.amazonaws.com", pod: "pods.eks.amazonaws.com" }[identity],
		policy: `stores:\n  main: {type: aws, region: us-east-1, ${login}, endpoints: ${JSON.stringify(aws.endpoints)}}\n`,
		reader,
		stranger,
		addresses: aws.hosts,
		async put(name, value) {
			await aws.putSecret(name, value);
		},
		remove: (name) => aws.deleteSecret(name),
		object: (name) => ({ path: name }),
		// What Secrets Manager allows in a name beside letters and digits.
		unicodeNames: ["team/app", "a_b+c=d.e@f-g", "/leading", "UPPER"],
		bigBytes: 64 * 1024,
		breakDown: () => Promise.resolve(failing(aws, { kind: "error", code: "InternalServiceError", status: 500 })),
		async hang() {
			const release = failing(aws, { kind: "hang" });
			return { openRequests: () => aws.traffic.openRequests, release };
		},
	};
}

function failing(aws: AwsServers, effect: Parameters<AwsServers["fail"]>[0]["effect"]): () => Promise<void> {
	const end = aws.fail({ effect });
	return () => Promise.resolve(end());
}
