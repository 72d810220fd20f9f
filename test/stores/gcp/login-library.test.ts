import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { Faults } from "../../../provider/plan/faults.ts";
import { Fields } from "../../../provider/plan/fields.ts";
import { Courier } from "../../../provider/stores/gcp/courier.ts";
import { readInstance } from "../../../provider/stores/gcp/instance.ts";
import { Servers } from "../../../provider/stores/gcp/servers.ts";
import { pool, providerAudience, type Site } from "../../servers/gcp/servers-support.ts";
import { startRecordingServer } from "../../support/recording-server.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { useEnvironment } from "./fixture.ts";
import { accessor, type MounterOptions, type MountOptions, openGoogle, startMounter } from "./harness.ts";

test.before(async () => {
	// The library reads this once, as it loads. It would then write what it sends to standard error.
	process.env["GOOGLE_SDK_NODE_LOGGING"] = "all";
	await import("google-auth-library");
});

const db = "projects/my-proj/secrets/db";
const list = `- {resourceName: ${db}/versions/latest, path: f}`;

interface Login {
	readonly title: string;
	/** The call that makes the token. */
	readonly operation: string;
	readonly calls: Readonly<Record<string, number>>;
	mounter?(site: Site): MounterOptions;
	mount?(site: Site): MountOptions;
}

/** The ways to log in that go through the library. */
const logins: readonly Login[] = [
	{ title: "a pod of GKE", operation: "sts.exchange", calls: { "sts.exchange": 1 } },
	{
		title: "a pod of another cluster",
		operation: "sts.exchange",
		calls: { "sts.exchange": 1 },
		mounter: () => ({ options: { workloadPool: "", identityProvider: providerAudience } }),
		mount: () => ({ audience: providerAudience }),
	},
	{
		title: "a pod that acts as an account",
		operation: "iam.generateAccessToken",
		calls: { "sts.exchange": 1, "iam.generateAccessToken": 1 },
		mounter: ({ app }) => ({ annotations: { web: { "iam.gke.io/gcp-service-account": app } } }),
	},
	{
		title: "a key file",
		operation: "oauth2.token",
		calls: { "oauth2.token": 1 },
		mounter: () => ({ options: { allowKeyFiles: "true" } }),
		mount: ({ gcp, app }) => ({ secrets: { "key.json": gcp.accounts.createKey(app) }, tokens: {} }),
	},
];

async function openFor(t: ExecutionContext<unknown>): Promise<Site> {
	const site = await openGoogle(t);
	const { gcp, app } = site;
	gcp.secrets.add(db, "hunter2");
	const subject = `principal:${providerAudience.replace(/\/providers\/.*$/, "")}/subject/system:serviceaccount:shop:web`;
	const own = `serviceAccount:${pool}[shop/web]`;
	for (const member of [own, subject, `serviceAccount:${app}`]) gcp.iam.allow(member, accessor, db);
	gcp.iam.allow(own, "roles/iam.workloadIdentityUser", `projects/-/serviceAccounts/${app}`);
	return site;
}

/** Everything that the library could look at for other credentials, another server or a place to talk. */
async function setTraps(t: ExecutionContext<unknown>) {
	const trap = await startRecordingServer(t);
	const home = temporaryDirectory(t);
	const credentials = JSON.stringify({
		type: "external_account",
		audience: providerAudience,
		subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
		token_url: `${trap.address}/token`,
		credential_source: { url: `${trap.address}/subject` },
	});
	const gcloud = join(home, ".config", "gcloud");
	mkdirSync(gcloud, { recursive: true });
	for (const file of ["application_default_credentials.json", "certificate_config.json"]) writeFileSync(join(gcloud, file), credentials);
	const { host } = new URL(trap.address);
	useEnvironment(t, {
		HOME: home,
		CLOUDSDK_CONFIG: gcloud,
		GOOGLE_APPLICATION_CREDENTIALS: join(gcloud, "application_default_credentials.json"),
		GOOGLE_API_CERTIFICATE_CONFIG: join(gcloud, "certificate_config.json"),
		GOOGLE_CLOUD_UNIVERSE_DOMAIN: "evil.example",
		GOOGLE_CLOUD_QUOTA_PROJECT: "evil",
		GCE_METADATA_HOST: host,
		GCE_METADATA_IP: host,
		GCLOUD_PROJECT: "evil",
	});
	return trap;
}

/** What the library reads of the environment when it is left to itself. */
const librarysVariables = /^(?:all of them|home|appdata|gae_|function_|k_|cloud|google|gcloud|gce_|metadata|detect|debug|aws_)/i;

/** The names of the environment's variables that are read until the test ends. */
function watchEnvironment(t: ExecutionContext<unknown>): ReadonlySet<string> {
	const names = new Set<string>();
	const own = process.env;
	process.env = new Proxy(own, {
		get(variables, name) {
			names.add(String(name));
			return variables[String(name)];
		},
		ownKeys(variables) {
			names.add("all of them");
			return Reflect.ownKeys(variables);
		},
	});
	t.teardown(() => {
		process.env = own;
	});
	return names;
}

/** What is written to standard error until the test ends. */
function watchStandardError(t: ExecutionContext<unknown>): readonly string[] {
	const written: string[] = [];
	const own = process.stderr.write;
	process.stderr.write = (chunk: string | Uint8Array) => {
		written.push(String(chunk));
		return true;
	};
	t.teardown(() => {
		process.stderr.write = own;
	});
	return written;
}

for (const { title, calls, mounter, mount } of logins) {
	test.serial(`${title} logs in by what the instance says, and the library looks at nothing else`, async (t) => {
		const site = await openFor(t);
		const trap = await setTraps(t);
		const { mount: mountClass } = await startMounter(t, site, mounter?.(site));
		const options = mount?.(site);
		const read = watchEnvironment(t);
		const written = watchStandardError(t);
		t.is((await mountClass(list, options)).files.get("f")?.contents.toString(), "hunter2");
		t.deepEqual(site.gcp.counts(), { ...calls, "secrets.access": 1 });
		t.deepEqual(
			[...read].filter((name) => librarysVariables.test(name)),
			[],
		);
		t.is(trap.connections(), 0);
		t.deepEqual(written, []);
	});

	test.serial(`${title}: a token that ends within minutes is asked for once`, async (t) => {
		const site = await openFor(t);
		site.gcp.tokens.lifetimeSeconds = 30;
		const { mount: mountClass } = await startMounter(t, site, mounter?.(site));
		await mountClass(list, mount?.(site));
		t.deepEqual(site.gcp.counts(), { ...calls, "secrets.access": 1 });
	});
}

for (const { title, operation, mounter, mount } of logins) {
	test.serial(`${title}: an outage is asked again as often as our own rule says, and by nobody else`, async (t) => {
		const site = await openFor(t);
		site.gcp.faults.add({ kind: "error", status: "UNAVAILABLE" }, { operation });
		const { refusal } = await startMounter(t, site, mounter?.(site));
		t.is((await refusal(list, mount?.(site))).errorCode, "unreachable");
		t.is(site.gcp.counts()[operation], 3);
	});

	test.serial(`${title}: an answer that is no token is an outage, whatever it is`, async (t) => {
		const site = await openFor(t);
		const { refusal } = await startMounter(t, site, mounter?.(site));
		const unusable = [
			() => "<html>log in to the network</html>",
			() => "null",
			() => "[]",
			() => "7",
			() => ({}),
			(body: object) => without(body, "access_token", "accessToken"),
			(body: object) => without(body, "expires_in", "expireTime"),
			(body: object) => ({ ...body, access_token: "a\r\nb: c", accessToken: "a\r\nb: c" }),
			(body: object) => ({ ...body, expires_in: -1, expireTime: "never" }),
		];
		for (const alter of unusable) {
			const end = site.gcp.faults.add({ kind: "alter", alter }, { operation });
			const { errorCode, details } = await refusal(list, mount?.(site));
			t.is(errorCode, "unreachable", details);
			t.true(details.includes("gave no usable answer"), details);
			for (const confidential of ["ya29.", "eyJ", "<html>"]) t.false(details.includes(confidential), details);
			end();
		}
	});
}

/** A courier to the servers of an instance with these addresses of its own, and what sends by it. */
async function openCourier(endpoints: Readonly<Record<string, string>> = {}) {
	const fields = new Fields(new Map([["endpoints", new Map(Object.entries(endpoints))]]), "", new Faults());
	const context = { schedule: <T>(task: () => Promise<T>) => task(), allowsAddress: () => true, signal: AbortSignal.timeout(30_000) };
	const courier = new Courier({ servers: new Servers(readInstance("main", fields)), context });
	const { transporter } = courier.clientOptions(await import("google-auth-library"));
	const ask = (url: string, options: object) => courier.ask(() => transporter.request({ url, ...options }), "no login: ");
	return { courier, ask };
}

test.serial("the courier carries to the login services alone, and nothing but what it knows", async (t) => {
	const { gcp } = await openGoogle(t);
	const trap = await startRecordingServer(t);
	const { courier, ask } = await openCourier();
	const post = { method: "POST", data: { a: "b" } };
	const others = ["https://secretmanager.googleapis.com/v1", "https://secretmanager.invalid/v1", "https://sts.googleapis.com/v1/token"];
	for (const url of [trap.address, ...others]) await t.throwsAsync(ask(url, post), { message: /unexpected error/i }, url);
	const token = `${Courier.origin("sts")}/v1/token`;
	await t.throwsAsync(ask(token, { method: "GET" }), { message: /unexpected error/i });
	await t.throwsAsync(
		courier.ask(async () => undefined, ""),
		{ message: "google-auth-library asked nobody" },
	);
	t.deepEqual([trap.connections(), gcp.counts()], [0, {}]);
	t.is((await ask(token, post)).status, 400);
	t.is(gcp.counts()["sts.exchange"], 1);
});

for (const [service, sent] of [
	["sts", /"content-type":"application\/x-www-form-urlencoded"[^\n]*\na=b\+c&d=%26$/],
	["securetoken", /"content-type":"application\/json"[^\n]*\n\{"a":"b c","d":"&"\}$/],
] as const) {
	test.serial(`the fields of an exchange reach ${service} in the form that it takes`, async (t) => {
		const server = await startRecordingServer(t);
		const { ask } = await openCourier({ [service]: server.address });
		const { status } = await ask(`${Courier.origin(service)}/v1`, { method: "POST", data: new URLSearchParams({ a: "b c", d: "&" }) });
		t.is(status, 403, "the answer is there as it came");
		t.regex(server.received(), sent);
	});
}

function without(body: object, ...names: readonly string[]): object {
	return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}
