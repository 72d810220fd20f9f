import test from "ava";
import { type Confidant, startConfidant } from "../servers/confidant/confidant.ts";
import { addRole, entryAt, issuer } from "../stores/confidant/harness.ts";
import { CallFailure } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider } from "../support/provider.ts";
import { documented, patternOf } from "./error-texts.ts";

let confidant: Confidant;
test.before(async () => {
	confidant = await startConfidant(undefined);
});
test.after.always(() => confidant?.stop());

const pod = makePod();

/** What Confidant and AWS do to a pod whose role has the name of a service. */
const provocations: readonly {
	readonly text: string;
	readonly code: string;
	readonly options?: object;
	readonly provoke: (service: string, role: string) => unknown;
}[] = [
	{ text: "… has no service …", code: "absent", provoke: () => undefined },
	{ text: "The service … has no credential …", code: "absent", provoke: (service) => confidant.putService(service, []) },
	{
		text: "… is disabled in …, so nobody gets …",
		code: "denied",
		provoke: async (service) => {
			const credential = await confidant.createCredential("db", { password: "made-up" }, { enabled: false });
			await confidant.putService(service, [credential]);
		},
	},
	{
		text: "… denies the service … to …",
		code: "denied",
		options: { service: "another" },
		provoke: () => confidant.putService("another", []),
	},
	{
		text: "KMS Encrypt with …, for a token of Confidant's",
		code: "denied",
		provoke: (_service, role) => confidant.aws.permit(role, { allow: [] }),
	},
	{
		text: "… does not accept the token of …, made with …",
		code: "unidentified",
		options: { to: "another-confidant" },
		provoke: (_service, role) => confidant.aws.permit(role, { allow: [{ actions: ["*"] }] }),
	},
];

for (const [index, { text, code, options = {}, provoke }] of provocations.entries()) {
	test.serial(`who sees ${JSON.stringify(text)} of Confidant finds it under ${code}`, async (t) => {
		t.true(documented().some((row) => row.text === text && row.code === code));
		const service = `service-${index}`;
		const role = addRole(confidant, service, pod.serviceAccount);
		await provoke(service, role);
		const main = entryAt(confidant, { role, ...options });
		const provider = await startTestProvider(t, { policy: JSON.stringify({ stores: { main } }), providers: "claviger", issuer });
		const objects = "- {name: db, store: main, credential: db}";
		const failure = await t.throwsAsync(provider.mount("claviger", pod, { objects }, { audience: "sts.amazonaws.com" }), {
			instanceOf: CallFailure,
		});
		t.is(failure?.errorCode, code, failure?.details);
		t.regex(failure?.details ?? "", patternOf(text));
	});
}
