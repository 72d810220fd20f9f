import test from "ava";
import fc from "fast-check";
import { ProviderError } from "../../../provider/errors.ts";
import { faultsOf } from "../../../provider/plan/faults.ts";
import { makeAzureDialect } from "../../../provider/stores/azure/dialect.ts";
import type { IdentityKind } from "../../../provider/stores/azure/instance.ts";
import { clientId, fieldsOf, instanceOf, objectsOf, type Parameters, plan, refusal } from "./dialect-support.ts";

const prefix = "failed to mount objects, error: ";
const syntax = (name: string, text: string) => `failed to parse ${name} flag, error: strconv.ParseBool: parsing "${text}": invalid syntax`;
const about = (text: string, name = "db", type = "secret", version = "") =>
	`failed to get objectType:${type}, objectName:${name}, objectVersion:${version}: ${text}`;
const one = (fields: string) => ({ objects: objectsOf(fields) });

interface RefusalCase {
	readonly title: string;
	readonly parameters: Parameters;
	/** Behind the prefix of all texts. */
	readonly legacyText: string;
	readonly path: string;
}

/** In the order in which today's provider comes upon them. */
const refusals: readonly RefusalCase[] = [
	{
		title: "a flag that is none",
		parameters: { usePodIdentity: "maybe" },
		legacyText: syntax("usePodIdentity", "maybe"),
		path: "usePodIdentity",
	},
	{
		title: "a flag for the node's identity that is none",
		parameters: { useVMManagedIdentity: "yes" },
		legacyText: syntax("useVMManagedIdentity", "yes"),
		path: "useVMManagedIdentity",
	},
	{
		title: "a flag for the token proxy that is none",
		parameters: { useAzureTokenProxy: "on" },
		legacyText: syntax("useAzureTokenProxy", "on"),
		path: "useAzureTokenProxy",
	},
	{
		title: "two ways to log in",
		parameters: { useVMManagedIdentity: "true", usePodIdentity: "1" },
		legacyText: "only one identity mode can be enabled at a time: usePodIdentity, useVMManagedIdentity, or useAzureTokenProxy",
		path: "useVMManagedIdentity",
	},
	{ title: "no vault", parameters: { keyvaultName: "  " }, legacyText: "keyvaultName is not provided", path: "keyvaultName" },
	{ title: "no tenant", parameters: { tenantId: "" }, legacyText: "tenantId is not provided", path: "tenantID" },
	{
		title: "a cloud that is none",
		parameters: { cloudName: "AzureMoon" },
		legacyText: 'cloudName AzureMoon is not valid, error: autorest/azure: There is no cloud environment matching the name "AZUREMOON"',
		path: "cloudName",
	},
	{
		title: "an identity binding without a client",
		parameters: { useAzureTokenProxy: "true", clientID: "" },
		legacyText: "failed to build auth config for mode AzureTokenProxy: clientID is required for identity binding",
		path: "clientID",
	},
	{ title: "no objects", parameters: { objects: " \n" }, legacyText: "objects is not set", path: "objects" },
	{
		title: "objects that are a text",
		parameters: { objects: "db" },
		legacyText:
			"failed to yaml unmarshal objects, error: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `db` into types.StringArray",
		path: "objects",
	},
	{
		title: "a list that is none",
		parameters: { objects: "array: db" },
		legacyText: "failed to yaml unmarshal objects, error: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `db` into []string",
		path: "objects.array",
	},
	{
		title: "objects that are mappings in the place of texts",
		parameters: { objects: "array:\n  - objectName: db\n  - objectName: other" },
		legacyText:
			"failed to yaml unmarshal objects, error: yaml: unmarshal errors:\n  line 2: cannot unmarshal !!map into string\n  line 3: cannot unmarshal !!map into string",
		path: "objects.array[0]",
	},
	{
		title: "an object that is a list",
		parameters: one("- objectName: db"),
		legacyText:
			"unmarshal failed for keyVaultObjects at index 0, error: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into types.KeyVaultObject",
		path: "objects.array[0]",
	},
	{
		title: "a history that is no number",
		parameters: one("objectName: db\nobjectType: secret\nobjectVersionHistory: many"),
		legacyText:
			"unmarshal failed for keyVaultObjects at index 0, error: yaml: unmarshal errors:\n  line 3: cannot unmarshal !!str `many` into int32",
		path: "objects.array[0].objectVersionHistory",
	},
	{
		title: "a format that is none",
		parameters: one("objectName: db\nobjectType: secret\nobjectVersion: 1a\nobjectFormat: jks"),
		legacyText: about("invalid objectFormat: jks, should be PEM or PFX", "db", "secret", "1a"),
		path: "objects.array[0].objectFormat",
	},
	{
		title: "a container of a certificate without its key",
		parameters: one("objectName: db\nobjectType: cert\nobjectFormat: pfx"),
		legacyText: about("PFX format only supported for objectType: secret", "db", "cert"),
		path: "objects.array[0].objectFormat",
	},
	{
		title: "an encoding of a key",
		parameters: one("objectName: db\nobjectType: key\nobjectEncoding: utf-8"),
		legacyText: about("objectEncoding only supported for objectType: secret", "db", "key"),
		path: "objects.array[0].objectEncoding",
	},
	{
		title: "an encoding that is none",
		parameters: one("objectName: db\nobjectType: secret\nobjectEncoding: rot13"),
		legacyText: about("invalid objectEncoding: rot13, should be hex, base64 or utf-8"),
		path: "objects.array[0].objectEncoding",
	},
	{
		title: "an object without a name",
		parameters: one("objectType: secret"),
		legacyText: about("file name must not be empty", ""),
		path: "objects.array[0].objectName",
	},
	{
		title: "an empty object",
		parameters: { objects: "array:\n  - ''" },
		legacyText: about("file name must not be empty", "", ""),
		path: "objects.array[0].objectName",
	},
	{
		title: "an absolute path",
		parameters: one("objectName: db\nobjectType: secret\nobjectAlias: /etc/passwd"),
		legacyText: about("file name must be a relative path"),
		path: "objects.array[0].objectAlias",
	},
	{
		title: "a path that leaves the volume",
		parameters: one("objectName: db\nobjectType: secret\nobjectAlias: ../db"),
		legacyText: about("file name must not contain '..'"),
		path: "objects.array[0].objectAlias",
	},
	{
		title: "two dots inside a name",
		parameters: one("objectName: db\nobjectType: secret\nobjectAlias: a..b"),
		legacyText: about("file name must not contain '..'"),
		path: "objects.array[0].objectAlias",
	},
	{
		title: "a vault with too short a name",
		parameters: { keyvaultName: "kv" },
		legacyText: 'failed to get vault: Invalid vault name: "kv", must be between 3 and 24 chars',
		path: "keyvaultName",
	},
	{
		title: "a vault whose name would become another host",
		parameters: { keyvaultName: "evil.example/" },
		legacyText: 'failed to get vault: Invalid vault name: "evil.example/", must match [-a-zA-Z0-9]{3,24}',
		path: "keyvaultName",
	},
	{
		title: "a type in other case",
		parameters: one("objectName: db\nobjectType: Secret"),
		legacyText: about("Invalid vaultObjectTypes. Should be secret, key, or cert", "db", "Secret"),
		path: "objects.array[0].objectType",
	},
];

for (const { title, parameters, legacyText, path } of refusals) {
	test(`a class is refused in today's words and ours: ${title}`, (t) => {
		const error = refusal(t, parameters);
		t.is(error.legacyText, `${prefix}${legacyText}`);
		t.true(
			faultsOf(error).some((fault) => fault.path === path && fault.remedy !== undefined),
			error.message,
		);
	});
}

test("of several faults today's first one leads, and ours are all there", (t) => {
	for (const [index, earlier] of refusals.entries()) {
		const later = refusals.slice(index + 1).find(({ parameters }) => Object.keys(parameters).every((key) => !(key in earlier.parameters)));
		if (later === undefined) continue;
		const error = refusal(t, { ...earlier.parameters, ...later.parameters });
		t.is(error.legacyText, `${prefix}${earlier.legacyText}`, `${earlier.title}, ${later.title}`);
		t.true(
			[earlier.path, later.path].every((path) => error.message.includes(path)),
			error.message,
		);
	}
});

/** What today's provider takes, or notices too late. */
const ownRefusals: readonly (readonly [title: string, parameters: Parameters, message: RegExp])[] = [
	["pod identity", { usePodIdentity: "true" }, /usePodIdentity asks for pod identity .* Use workload identity/],
	["a list without objects", { objects: "array: []" }, /objects lists nothing/],
	["a document without a list", { objects: "list: []" }, /objects lists nothing/],
	["an anchor", { objects: "array: [&a db, *a]" }, /objects is not YAML as it is read here: line 1 uses the alias/],
	["a token proxy that the administrator has not configured", { useAzureTokenProxy: "true" }, /dialects\.azure\.tokenProxy/],
	[
		"a cloud of one's own without the administrator's word",
		{ cloudName: "azurestackcloud" },
		/cloudName is AzureStackCloud, whose authority/,
	],
	["a client that would end its form field", { clientID: "a b&c" }, /clientID is "a b&c", which is no client id/],
	["a tenant that would become another path", { tenantID: "a/../b" }, /tenantID is "a\/\.\.\/b", which is no tenant/],
	[
		"a name that would become another path",
		one("objectName: a/../../keys/b\nobjectType: secret\nobjectAlias: f"),
		/is no name in Key Vault/,
	],
	["a version that would become another path", one("objectName: db\nobjectType: secret\nobjectVersion: ../x"), /which is no version/],
	[
		"a mode that is none",
		one("objectName: db\nobjectType: secret\nfilePermission: '0999'"),
		/filePermission is "0999", which is not a file mode/,
	],
	["a mode with more than permissions", one("objectName: db\nobjectType: secret\nfilePermission: '4755'"), /which is not a file mode/],
	[
		"more files than any volume has",
		{
			objects: objectsOf(
				...Array.from({ length: 11 }, (_, index) => `objectName: s${index}\nobjectType: secret\nobjectVersionHistory: 500`),
			),
		},
		/makes 5500 files/,
	],
	["a history without end", one("objectName: db\nobjectType: secret\nobjectVersionHistory: 2147483647"), /500 at most/],
	["a path that the driver would refuse", one("objectName: db\nobjectType: secret\nobjectAlias: ./db"), /element `\.`/],
];

for (const [title, parameters, message] of ownRefusals) {
	test(`a class is refused: ${title}`, (t) => t.regex(refusal(t, parameters).message, message));
}

test("parameters are trimmed, and tenantID goes before tenantId", (t) => {
	const instance = instanceOf(plan({ keyvaultName: " KV-Main\n", tenantID: " contoso.example ", tenantId: "other" }));
	t.is(instance.vaultUrl, "https://kv-main.vault.azure.net");
	t.is(instance.tenant, "contoso.example");
});

const identities: readonly (readonly [title: string, parameters: Parameters, identity: IdentityKind, role: string, audience: string])[] = [
	["a client with the pod's token", {}, "workload", clientId, "api://AzureADTokenExchange"],
	["a client secret, where no client is named", { clientID: "" }, "principal", "", "api://AzureADTokenExchange"],
	["the node's own identity", { useVMManagedIdentity: "T" }, "vm", "", "api://AzureADTokenExchange"],
	["an identity of the node", { useVMManagedIdentity: "true", userAssignedIdentityID: " abc " }, "vm", "abc", "api://AzureADTokenExchange"],
	["an identity binding", { useAzureTokenProxy: "1" }, "binding", clientId, "api://AKSIdentityBinding"],
	[
		"flags that are off",
		{ usePodIdentity: "0", useVMManagedIdentity: "f", useAzureTokenProxy: "False" },
		"workload",
		clientId,
		"api://AzureADTokenExchange",
	],
	["a client in other case is no client", { clientID: "", clientId }, "principal", "", "api://AzureADTokenExchange"],
];

for (const [title, parameters, identity, role, audience] of identities) {
	test(`a class logs in with ${title}`, (t) => {
		const planned = plan(parameters, "tokenProxy: {address: 'https://proxy.example'}");
		t.is(instanceOf(planned).identity, identity);
		t.is(planned.stores[0]?.role, role);
		t.is(planned.stores[0]?.audience, audience);
		t.is(planned.stores[0]?.origin, "policy");
	});
}

test("a pod without the right token hears so in today's words", (t) => {
	const text = (parameters: Parameters, bringsOthers: boolean) =>
		plan(parameters, "tokenProxy: {address: 'https://proxy.example'}").stores[0]?.missingTokenText?.(bringsOthers);
	const workload = `${prefix}failed to build auth config for mode None: failed to parse workload identity tokens, error: `;
	t.is(text({}, false), `${workload}service account tokens not found`);
	t.is(text({}, true), `${workload}token for audience api://AzureADTokenExchange not found`);
	const binding = `${prefix}failed to build auth config for mode AzureTokenProxy: `;
	t.is(text({ useAzureTokenProxy: "true" }, false), `${binding}service account tokens are required for identity binding`);
	t.is(
		text({ useAzureTokenProxy: "true" }, true),
		`${binding}failed to parse service account token for identity binding, error: token for audience api://AKSIdentityBinding not found`,
	);
});

test("a cloud goes by its name in any case, and the administrator's addresses are for the administrator's cloud", (t) => {
	const defaults = "cloud: AzureStackCloud\nauthority: https://login.corp.example\nvaultSuffix: vault.corp.example";
	const own = instanceOf(plan({}, defaults));
	t.deepEqual([own.vaultUrl, own.authority], ["https://kv-main.vault.corp.example", "https://login.corp.example"]);
	t.deepEqual(own.derivedEndpoints, ["https://kv-main.vault.corp.example"]);
	const china = instanceOf(plan({ cloudName: "AZURECHINACLOUD" }, defaults));
	t.deepEqual([china.vaultUrl, china.authority], ["https://kv-main.vault.azure.cn", "https://login.chinacloudapi.cn"]);
	t.deepEqual(instanceOf(plan({ cloudName: "azurestackcloud" }, defaults)).endpoints, own.endpoints);
});

test("the administrator may name the vault and tenant that classes leave open", (t) => {
	const dialect = makeAzureDialect("azure", fieldsOf("vault: kv-team\ntenant: contoso.example"));
	t.is(dialect.usualStore?.().instance.endpoints[0], "https://kv-team.vault.azure.net");
	t.is(makeAzureDialect("azure", fieldsOf("")).usualStore, undefined);
	t.is(instanceOf(plan({ keyvaultName: "", tenantId: "" }, "vault: kv-team\ntenant: contoso.example")).vault, "kv-team");
});

test("an administrator's fault shows with its place when the policy is read", (t) => {
	for (const [yaml, message] of [
		["address: https://vault.example", /dialects\.azure\.address would be that of every vault/],
		["identity: vm", /dialects\.azure\.identity is for the classes to say/],
		["cloud: Moon", /dialects\.azure\.cloud is "Moon"/],
		["constructPemChain: maybe", /dialects\.azure\.constructPemChain is "maybe"/],
		["authority: http://login.example", /dialects\.azure\.authority has the scheme http/],
	] as const) {
		const fields = fieldsOf(yaml, "dialects.azure");
		makeAzureDialect("azure", fields);
		t.regex(fields.faults.toError("The policy file").message, message);
	}
});

test("whatever a class says, it is planned or refused, and no file lies outside the volume", (t) => {
	const key = fc.constantFrom("objectName", "objectAlias", "objectType", "objectVersion", "objectVersionHistory", "filePermission", "x");
	const value = fc.oneof(
		fc.constantFrom("secret", "key", "cert", "../../a", "/a", "a/b", "3", "-1", "~", "[]", "{a: b}", "&a b"),
		fc.string(),
	);
	const entry = fc
		.array(fc.tuple(key, value), { maxLength: 6 })
		.map((fields) => fields.map(([name, text]) => `${name}: ${text}`).join("\n"));
	const objects = fc.oneof(
		fc.array(entry, { maxLength: 4 }).map((entries) => objectsOf(...entries)),
		fc.string(),
		fc.array(value).map((items) => `array: [${items.join(", ")}]`),
	);
	const name = fc.constantFrom("keyvaultName", "tenantID", "clientID", "cloudName", "usePodIdentity", "useVMManagedIdentity", "other");
	const property = fc.property(objects, fc.dictionary(name, fc.string()), (text, parameters) => {
		try {
			for (const { file } of plan({ ...parameters, objects: text }).files)
				if (file !== undefined) t.notRegex(`/${file.path}/`, /\/\.{0,2}\//);
		} catch (error) {
			if (!(error instanceof ProviderError)) throw error;
			t.is(error.code, "invalid");
		}
	});
	fc.assert(property, { numRuns: 500 });
});
