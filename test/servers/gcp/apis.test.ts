import test from "ava";
import { cloudPlatformScope } from "./access-tokens.ts";
import { ask, type PlainRequest } from "./client.ts";
import { crc32c } from "./crc32c.ts";
import type { Gcp } from "./gcp.ts";
import { openSite, type Site, tokenOf, verdict } from "./servers-support.ts";

const db = "projects/my-proj/secrets/db";
const local = "projects/my-proj/locations/us-central1/secrets/db";
const parameter = "projects/my-proj/locations/global/parameters/app";
const key = "projects/my-proj/locations/us-central1/keyRings/r/cryptoKeys/k";
const additionalData = Buffer.from("ns=shop,sa=web");

let site: Site;
let ciphertext: Buffer;

test.before(async () => {
	site = await openSite(undefined);
	const { gcp, app } = site;
	for (const secret of [db, `${db}2`, local]) gcp.secrets.add(secret, "one");
	gcp.secrets.setAlias(db, "prod", gcp.secrets.add(db, "two"));
	gcp.secrets.setState(db, gcp.secrets.add(db, "three"), "DESTROYED");
	gcp.secrets.setState(db, gcp.secrets.add(db, "four"), "DISABLED");
	gcp.parameters.add(`${parameter}/versions/v1`, "plain");
	gcp.parameters.add(`${parameter}/versions/refers`, `__REF__("//secretmanager.googleapis.com/${db}/versions/1")`);
	gcp.parameters.add(`${parameter}/versions/off`, "plain");
	gcp.parameters.setDisabled(`${parameter}/versions/off`, true);
	for (const name of [key, `${key}2`]) gcp.keys.add(name);
	ciphertext = gcp.keys.encrypt(key, "a secret", additionalData);
	allowAll(gcp, app);
	gcp.iam.allow("serviceAccount:narrow@my-proj.iam.gserviceaccount.com", "roles/secretmanager.secretAccessor", db);
});
test.after.always(() => site?.gcp.stop());

/** Everything but states of secrets, and encryption. */
function allowAll(gcp: Gcp, email: string): void {
	for (const role of ["secretmanager.secretAccessor", "parametermanager.parameterAccessor", "cloudkms.cryptoKeyDecrypter"] as const)
		gcp.iam.allow(`serviceAccount:${email}`, `roles/${role}`, "projects/my-proj");
}

interface Case {
	readonly name: string;
	/** In the place of the API's global host. */
	readonly host?: string;
	readonly path: string;
	readonly body?: () => Readonly<Record<string, unknown>>;
	/** The bearer; a good one unless given, and none where it is undefined. */
	readonly token?: () => string | undefined;
	readonly expected: RegExp;
}

const access = (version: string, secret = db) => `/v1/${secret}/versions/${version}:access`;
const stranger = () => tokenOf(site.gcp, "stranger@my-proj.iam.gserviceaccount.com");
const narrow = () => tokenOf(site.gcp, "narrow@my-proj.iam.gserviceaccount.com");
const expired = () => tokenOf(site.gcp, site.app, [cloudPlatformScope], -1);
const ofOtherScope = () => tokenOf(site.gcp, site.app, ["email"]);
const stateOf = (version: number, state: string) =>
	new RegExp(`^400 FAILED_PRECONDITION: Secret Version \\[projects/123456789012/secrets/db/versions/${version}\\] is in ${state} state\\.`);
const mayNot = (permission: string) =>
	new RegExp(`^403 PERMISSION_DENIED: Permission '${permission}' denied for resource '.*' \\(or it may not exist`);
const invalid = /^400 INVALID_ARGUMENT/;
const notFound = /^404 NOT_FOUND/;
const noSuchPath = /^404 undefined/;

const secretCases: readonly Case[] = [
	{ name: "a version", path: access("1"), expected: /^200$/ },
	{ name: "a version by the project's number", path: access("1").replace("my-proj", "123456789012"), expected: /^200$/ },
	{ name: "an alias", path: access("prod"), expected: /^200$/ },
	{ name: "no token", path: access("1"), token: () => undefined, expected: /^401 UNAUTHENTICATED: Request is missing/ },
	{ name: "an unknown token", path: access("1"), token: () => "ya29.x", expected: /^401 UNAUTHENTICATED: Request had invalid/ },
	{ name: "a token past its end", path: access("1"), token: expired, expected: /^401 UNAUTHENTICATED: Request had invalid/ },
	{ name: "a token of another scope", path: access("1"), token: ofOtherScope, expected: /^403 PERMISSION_DENIED: .*authentication scopes/ },
	{ name: "who may not", path: access("1"), token: stranger, expected: mayNot("secretmanager.versions.access") },
	{ name: "a state without the right to it", path: `/v1/${db}/versions/1`, expected: mayNot("secretmanager.versions.get") },
	{ name: "another project's", path: access("1", "projects/other/secrets/db"), expected: mayNot("secretmanager.versions.access") },
	{ name: "who may have this one only", path: access("1"), token: narrow, expected: /^200$/ },
	{ name: "one whose name begins alike", path: access("1", `${db}2`), token: narrow, expected: mayNot("secretmanager.versions.access") },
	{ name: "the newest, which is disabled", path: access("latest"), expected: stateOf(4, "DISABLED") },
	{ name: "a destroyed version", path: access("3"), expected: stateOf(3, "DESTROYED") },
	{ name: "a version that is not there", path: access("9"), expected: /^404 NOT_FOUND: Secret Version \[.*9\] not found/ },
	{ name: "a secret that is not there", path: access("1", `${db}x`), expected: /^404 NOT_FOUND: Secret \[.*\] not found or has no/ },
	{ name: "a name that is none", path: access("1", "projects/my-proj/secrets/a.b"), expected: noSuchPath },
	{ name: "another API's path", path: `/v1/${parameter}/versions/v1:render`, expected: noSuchPath },
	{ name: "a regional secret, not asked for in its region", path: access("1", local), expected: invalid },
];

const regionalCases: readonly Case[] = [
	{ name: "a regional secret", path: access("latest", local), expected: /^200$/ },
	{ name: "a global secret", path: access("1"), expected: invalid },
	{ name: "a secret of another region", path: access("1", local.replace("central", "east")), expected: invalid },
];

const render = (version: string) => `/v1/${parameter}/versions/${version}:render`;
const parameterCases: readonly Case[] = [
	{ name: "a version", path: render("v1"), expected: /^200$/ },
	{ name: "one that may not read what it refers to", path: render("refers"), expected: mayNot("secretmanager.versions.access") },
	{ name: "a disabled version", path: render("off"), expected: /^400 FAILED_PRECONDITION/ },
	{ name: "a version that is not there", path: render("none"), expected: notFound },
	{ name: "who may not", path: render("v1"), token: stranger, expected: mayNot("parametermanager.parameterVersions.render") },
	{ name: "a token past its end", path: render("v1"), token: expired, expected: /^401 UNAUTHENTICATED/ },
	{ name: "a global one at a region", host: "parametermanager.us-east1.rep.googleapis.com", path: render("v1"), expected: invalid },
];

const decrypt = `/v1/${key}:decrypt`;
const sealed = (changes: Readonly<Record<string, unknown>> = {}) => ({
	ciphertext: ciphertext.toString("base64"),
	additionalAuthenticatedData: additionalData.toString("base64"),
	...changes,
});
const changed = (field: string, value: unknown) => () => sealed({ [field]: value });

function flippedAt(index: number): () => Readonly<Record<string, unknown>> {
	return () => {
		const bytes = Buffer.from(ciphertext);
		bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
		return sealed({ ciphertext: bytes.toString("base64") });
	};
}

const checksums = () => sealed({ ciphertextCrc32c: crc32c(ciphertext), additionalAuthenticatedDataCrc32c: crc32c(additionalData) });
const tooMuch = Buffer.alloc(65_537).toString("base64");
const otherData = Buffer.from("ns=shop,sa=other").toString("base64");
const damaged = /^400 INVALID_ARGUMENT: Decryption failed: the ciphertext is invalid/;
const wrongKey = /^400 INVALID_ARGUMENT: Decryption failed: verify that 'name' refers to the correct CryptoKey/;
const wrongSum = /^400 INVALID_ARGUMENT: The checksum in field ciphertext_crc32c did not match/;
const keyCases: readonly Case[] = [
	{ name: "a ciphertext", path: decrypt, body: sealed, expected: /^200$/ },
	{ name: "a ciphertext with its checksums", path: decrypt, body: checksums, expected: /^200$/ },
	{ name: "at its region's endpoint", host: "cloudkms.us-central1.rep.googleapis.com", path: decrypt, body: sealed, expected: /^200$/ },
	{ name: "at another region's endpoint", host: "cloudkms.us-east1.rep.googleapis.com", path: decrypt, body: sealed, expected: invalid },
	{ name: "a wrong checksum", path: decrypt, body: changed("ciphertextCrc32c", "1"), expected: wrongSum },
	{ name: "other data beside it", path: decrypt, body: changed("additionalAuthenticatedData", otherData), expected: damaged },
	{ name: "no data beside it", path: decrypt, body: changed("additionalAuthenticatedData", ""), expected: damaged },
	{ name: "a flipped bit in the value", path: decrypt, body: flippedAt(40), expected: damaged },
	{ name: "a flipped bit in the tag", path: decrypt, body: flippedAt(20), expected: damaged },
	{ name: "a flipped bit in the key's mark", path: decrypt, body: flippedAt(0), expected: wrongKey },
	{ name: "another key", path: `/v1/${key}2:decrypt`, body: sealed, expected: wrongKey },
	{ name: "a key that is not there", path: `/v1/${key}3:decrypt`, body: sealed, expected: notFound },
	{ name: "no base64", path: decrypt, body: changed("ciphertext", "*"), expected: /^400 INVALID_ARGUMENT: .*Base64/ },
	{ name: "too much data", path: decrypt, body: changed("additionalAuthenticatedData", tooMuch), expected: /^400 INVALID.*at most 65536/ },
	{ name: "who may not", path: decrypt, body: sealed, token: stranger, expected: mayNot("cloudkms.cryptoKeyVersions.useToDecrypt") },
	{ name: "a token past its end", path: decrypt, body: sealed, token: expired, expected: /^401 UNAUTHENTICATED/ },
	{
		name: "encryption, without the right",
		path: `/v1/${key}:encrypt`,
		body: sealed,
		expected: mayNot("cloudkms.cryptoKeyVersions.useToEncrypt"),
	},
];

const tables: Readonly<Record<string, readonly Case[]>> = {
	"secretmanager.googleapis.com": secretCases,
	"secretmanager.us-central1.rep.googleapis.com": regionalCases,
	"parametermanager.googleapis.com": parameterCases,
	"cloudkms.googleapis.com": keyCases,
};

for (const [api, cases] of Object.entries(tables)) {
	for (const { name, host = api, path, body, token = () => tokenOf(site.gcp, site.app), expected } of cases) {
		test(`${api}: ${name}`, async (t) => {
			const bearer = token();
			const sent = body === undefined ? {} : { body: body() };
			const asked: PlainRequest = { host, path, ...sent, ...(bearer === undefined ? {} : { token: bearer }) };
			t.regex(verdict(await ask(site.gcp, asked)), expected);
		});
	}
}

test("a disabled version of a key opens nothing, and its next one seals", async (t) => {
	const { gcp, app } = await openSite(t);
	allowAll(gcp, app);
	gcp.keys.add(key);
	const old = gcp.keys.encrypt(key, "a secret");
	gcp.keys.add(key);
	const open = async (bytes: Buffer) =>
		ask(gcp, { host: "cloudkms.googleapis.com", path: decrypt, token: tokenOf(gcp, app), body: { ciphertext: bytes.toString("base64") } });
	t.like(await open(old), { status: 200, body: { usedPrimary: false } });
	gcp.keys.setState(key, 1, "DISABLED");
	t.regex(verdict(await open(old)), /^400 FAILED_PRECONDITION: .*cryptoKeyVersions\/1 is not enabled, current state is: DISABLED/);
	t.like(await open(gcp.keys.encrypt(key, "a secret")), { status: 200, body: { usedPrimary: true } });
});

test("checksums are those of CRC-32C", (t) => {
	// RFC 3720, appendix B.4, and the check value of the catalogue of CRC algorithms.
	t.is(crc32c(Buffer.alloc(32)), String(0x8a9136aa));
	t.is(crc32c(Buffer.alloc(32, 0xff)), String(0x62a8ab43));
	t.is(crc32c(Buffer.from("123456789")), String(0xe3069283));
});
