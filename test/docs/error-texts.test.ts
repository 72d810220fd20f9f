import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { CallFailure } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider, type TestMountOptions } from "../support/provider.ts";
import { documented, partsOf, patternOf } from "./error-texts.ts";
import { checkout } from "./markdown.ts";

/** What the code can say: its string and template literals, with a gap where something is inserted. */
function literals(): readonly string[] {
	const files = globSync("provider/**/*.ts", { cwd: checkout }).filter((file) => !file.includes("/generated/"));
	return files.flatMap((file) => {
		const text = readFileSync(join(checkout, file), "utf8");
		const plain = Array.from(text.matchAll(/"((?:[^"\\\n]|\\.)*)"/g), ([, inner = ""]) => inner);
		const templates = Array.from(text.matchAll(/`((?:[^`\\]|\\.)*)`/g), ([, inner = ""]) =>
			inner.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "…"),
		);
		return [...plain, ...templates];
	});
}

test("the code can say every text of the page", (t) => {
	const texts = literals();
	const invented = documented().filter(({ text }) => !partsOf(text).every((part) => texts.some((literal) => literal.includes(part))));
	t.deepEqual(invented, []);
	t.true(documented().length > 60);
});

interface Provocation {
	readonly text: string;
	readonly code: string;
	readonly provider?: string;
	readonly parameters: Readonly<Record<string, string>>;
	readonly options?: TestMountOptions;
}

const asksVault = (address: string, more: object = {}) => ({
	stores: JSON.stringify({ main: { type: "vault", address, role: "shop", ...more } }),
	objects: "- {name: db, path: secret/data/shop/db}",
});
const asksAws = (options: object, path = "shop/db") => ({
	stores: JSON.stringify({ main: { type: "aws", role: "arn:aws:iam::111122223333:role/shop", ...options } }),
	objects: JSON.stringify([{ name: "db", path }]),
});
const unlisted = asksVault("https://elsewhere.example");

/** Failures of the first days, as a pod's events show them. */
const provocations: readonly Provocation[] = [
	{ text: "The SecretProviderClass parameters … have … faults: …", code: "invalid", parameters: { objects: "- {store: cloud}" } },
	{ text: "… is not known here", code: "invalid", parameters: { objects: "- {name: db, store: vault, path: a, moed: '0400'}" } },
	{
		text: "… is not a parameter of the provider claviger",
		code: "invalid",
		parameters: { objects: "- {name: db, path: a}", roleName: "shop" },
	},
	{
		text: "… is …, which the administrator has not configured",
		code: "invalid",
		parameters: { stores: "[cloud]", objects: "- {name: a, path: a}" },
	},
	{ text: "… which is no known store", code: "invalid", parameters: { objects: "- {name: a, store: cloud, path: a}" } },
	{
		text: "which is not a file mode",
		code: "invalid",
		parameters: { objects: "- {name: a, path: a}", files: "- {path: a, from: a, mode: '9'}" },
	},
	{ text: "missing 'roleName' in SecretProviderClass definition", code: "invalid", provider: "vault", parameters: { objects: "[]" } },
	{ text: "… is not in the policy's endpoints.", code: "refused", parameters: unlisted },
	{ text: "… is a metadata address, which no policy opens.", code: "refused", parameters: asksVault("http://169.254.169.254") },
	{ text: "… lies on this node or is the API server.", code: "refused", parameters: asksVault("https://localhost:8200") },
	{ text: "… is a socket of the node.", code: "refused", parameters: asksVault("unix:///run/vault.sock") },
	{ text: "… is plain http.", code: "refused", parameters: asksVault("http://also.listed.example") },
	{
		text: "… would be asked without verifying its certificate.",
		code: "refused",
		parameters: asksVault("https://listed.example", { skipTlsVerify: true }),
	},
	{
		text: "… belongs to …, and a … store is never handed its token.",
		code: "refused",
		parameters: asksVault("https://listed.example", { audience: "conjur" }),
	},
	{
		text: "… the policy does not list the audience …",
		code: "refused",
		parameters: asksVault("https://listed.example", { audience: "vault-eu" }),
	},
	{
		text: "No token for … came with the request …",
		code: "unidentified",
		parameters: asksVault("https://listed.example"),
		options: { tokens: {} },
	},
	{
		text: "… is not a bound service account token.",
		code: "unidentified",
		parameters: asksVault("https://listed.example"),
		options: { tokens: { vault: "made.up.token" } },
	},
	{ text: "… is unreachable: the connection was refused …", code: "unreachable", parameters: asksVault("http://127.0.0.1:9") },
	{
		text: "… takes its role from the service account, and no API server is known.",
		code: "invalid",
		provider: "aws",
		parameters: { region: "eu-west-1", objects: "- {objectName: shop/db, objectType: secretsmanager}" },
		options: { audience: "sts.amazonaws.com" },
	},
	{
		text: "No region is named, and neither node nor API server is known to ask for it.",
		code: "invalid",
		parameters: asksAws({}),
		options: { audience: "sts.amazonaws.com" },
	},
	{
		text: "lies in region …, and … is asked",
		code: "invalid",
		parameters: asksAws({ region: "eu-west-1" }, "arn:aws:secretsmanager:eu-central-1:111122223333:secret:shop/db-AbCdEf"),
	},
];

async function refusal(
	t: ExecutionContext<unknown>,
	{ provider: name = "claviger", parameters, options }: Provocation,
): Promise<CallFailure> {
	const policy = `profile: strict
endpoints: ["https://listed.example", "http://*.listed.example", "http://127.0.0.1:9"]
stores:
  vault: {type: vault, address: "https://vault.example:8200"}
`;
	const provider = await startTestProvider(t, { policy, providers: "claviger,vault,aws" });
	const failure = await t.throwsAsync(provider.mount(name, makePod(), parameters, options), { instanceOf: CallFailure });
	if (failure === undefined) throw new Error("the mount did not fail");
	return failure;
}

for (const provocation of provocations) {
	test(`who sees ${JSON.stringify(provocation.text)} finds it under ${provocation.code}`, async (t) => {
		t.true(documented().some(({ text, code }) => text === provocation.text && code === provocation.code));
		const failure = await refusal(t, provocation);
		t.is(failure.errorCode, provocation.code, failure.details);
		t.regex(failure.details, patternOf(provocation.text));
	});
}
