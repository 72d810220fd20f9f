import test from "ava";
import { type AwsServers, startAws } from "../servers/aws/aws.ts";
import { CallFailure } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider } from "../support/provider.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";
import { documented, patternOf } from "./error-texts.ts";

/** What an account of AWS does to a pod that has a role and a token. */
const provocations: readonly { readonly text: string; readonly code: string; readonly provoke: (aws: AwsServers) => void }[] = [
	{ text: "STS in … refuses …", code: "denied", provoke: (aws) => aws.distrust(aws.roleArn("shop")) },
	{
		text: "STS in … does not take the token as a proof of …",
		code: "unidentified",
		provoke: (aws) => aws.fail({ service: "sts", effect: { kind: "error", code: "InvalidIdentityToken", message: "No provider found." } }),
	},
	{ text: "… denies … to …", code: "denied", provoke: (aws) => aws.permit(aws.roleArn("shop"), { allow: [] }) },
	{ text: "… in … has no …. Check its name, version and stage or label: …", code: "absent", provoke: () => undefined },
	{
		text: "… limits the rate of requests…",
		code: "unreachable",
		provoke: (aws) => aws.fail({ service: "secretsmanager", effect: { kind: "error", code: "ThrottlingException", status: 400 } }),
	},
];

for (const { text, code, provoke } of provocations) {
	test(`who sees ${JSON.stringify(text)} of AWS finds it under ${code}`, async (t) => {
		t.true(documented().some((row) => row.text === text && row.code === code));
		const [aws, issuer] = await Promise.all([startAws(t), createTokenIssuer()]);
		const [pod, role] = [makePod(), aws.roleArn("shop")];
		aws.permit(role, { allow: [{ actions: ["*"] }] });
		aws.trust(role, { issuer, subject: `system:serviceaccount:${pod.namespace}:${pod.serviceAccount}` });
		provoke(aws);
		const policy = `stores:\n  main: {type: aws, region: us-east-1, role: "${role}", endpoints: ${JSON.stringify(aws.endpoints)}}\n`;
		const provider = await startTestProvider(t, { policy, issuer });
		const mounted = provider.mount(
			"claviger",
			pod,
			{ objects: "- {name: db, store: main, path: shop/db}" },
			{ audience: "sts.amazonaws.com" },
		);
		const failure = await t.throwsAsync(mounted, { instanceOf: CallFailure });
		t.is(failure?.errorCode, code, failure?.details);
		t.regex(failure?.details ?? "", patternOf(text));
	});
}
