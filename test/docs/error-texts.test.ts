import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { CallFailure } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider, type TestMountOptions } from "../support/provider.ts";
import { checkout, guide } from "./markdown.ts";

const page = guide("docs/troubleshooting.md");

/** The texts in the first column of the tables below headings that are codes: text by code. */
function documented(): readonly { readonly code: string; readonly text: string }[] {
	let code = "";
	const found: { readonly code: string; readonly text: string }[] = [];
	for (const line of page.prose) {
		const heading = /^## (.*)$/.exec(line)?.[1];
		if (heading !== undefined) code = /^[a-z-]+$/.test(heading) ? heading : "";
		const text = /^\| `([^`]+)` \|/.exec(line)?.[1];
		if (code !== "" && text !== undefined) found.push({ code, text });
	}
	return found;
}

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

/** The fixed parts of a documented text, which the code must say in one breath or in several. */
function partsOf(text: string): readonly string[] {
	return text
		.split(/…|: /)
		.map((part) => part.replace(/^[\s:.,]+|[\s:.,]+$/g, ""))
		.filter((part) => part.length > 3);
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
		text: "No token for audience … came with the request …",
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
];

/** A documented text as a pattern for what is really said. */
function patternOf(text: string): RegExp {
	const escaped = partsOf(text).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
	return new RegExp(escaped.join(".*"), "s");
}

async function refusal(
	t: ExecutionContext<unknown>,
	{ provider: name = "claviger", parameters, options }: Provocation,
): Promise<CallFailure> {
	const policy = `profile: strict
endpoints: ["https://listed.example", "http://*.listed.example", "http://127.0.0.1:9"]
stores:
  vault: {type: vault, address: "https://vault.example:8200"}
`;
	const provider = await startTestProvider(t, { policy });
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
