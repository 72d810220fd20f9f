import test from "ava";
import { pool, type Site } from "../../servers/gcp/servers-support.ts";
import { makePod } from "../../support/pods.ts";
import { accessor, filesOf, letRead, type MounterOptions, type MountOptions, openGoogle, startMounter } from "./harness.ts";

// Twelve cases that today's Google provider was seen to answer, through the whole way of a Mount.
const secrets = "projects/my-proj/secrets";

async function openCases(t: Parameters<typeof openGoogle>[0]): Promise<Site> {
	const site = await openGoogle(t);
	const { gcp } = site;
	letRead(gcp);
	for (const value of ["hunter1", "hunter2", "hunter3"]) gcp.secrets.add(`${secrets}/db`, value);
	gcp.secrets.setAlias(`${secrets}/db`, "prod", 2);
	gcp.secrets.add(`${secrets}/json`, '{"user": "u1", "n": 1}');
	gcp.secrets.add(`${secrets}/yaml`, "flag: yes\n");
	gcp.secrets.add(`${secrets}/states`, "one");
	gcp.secrets.setState(`${secrets}/states`, gcp.secrets.add(`${secrets}/states`, "two"), "DISABLED");
	for (const value of ["regional1", "regional2"]) gcp.secrets.add("projects/my-proj/locations/us-central1/secrets/regional", value);
	return site;
}

interface Case {
	readonly title: string;
	readonly secrets: string;
	readonly files: ReturnType<typeof filesOf>;
	readonly mounter?: MounterOptions;
	readonly mount?: (site: Site) => MountOptions;
	readonly prepare?: (site: Site) => void;
	/** How often each operation was asked for. */
	readonly counts?: Readonly<Record<string, number>>;
}

const latest = `${secrets}/db/versions/latest`;

const cases: readonly Case[] = [
	{
		title: "1: the newest version, under the name as it is written",
		secrets: `- {resourceName: ${latest}, fileName: f}`,
		files: [["f", 0o644, "hunter3"]],
		counts: { "sts.exchange": 1, "secrets.access": 1 },
	},
	{
		title: "2: an alias of a version",
		secrets: `- {resourceName: ${secrets}/db/versions/prod, fileName: f}`,
		files: [["f", 0o644, "hunter2"]],
	},
	{
		title: "3: files in the order of the list",
		secrets: `- {resourceName: ${latest}, path: b}\n- {resourceName: ${secrets}/db/versions/1, path: a}`,
		files: [
			["b", 0o644, "hunter3"],
			["a", 0o644, "hunter1"],
		],
	},
	{
		title: "4: path wins over fileName",
		secrets: `- {resourceName: ${latest}, fileName: f, path: sub/dir/p.txt}`,
		files: [["sub/dir/p.txt", 0o644, "hunter3"]],
	},
	{
		title: "5: an octal mode",
		secrets: `- {resourceName: ${latest}, path: f, mode: 0400}`,
		files: [["f", 256, "hunter3"]],
	},
	{
		title: "6: a key of a JSON object",
		secrets: `- {resourceName: ${secrets}/json/versions/1, path: f, extractJSONKey: user}`,
		files: [["f", 0o644, "u1"]],
	},
	{
		title: "7: a key of a YAML mapping, where yes is a text",
		secrets: `- {resourceName: ${secrets}/yaml/versions/1, path: f, extractYAMLKey: flag}`,
		files: [["f", 0o644, "yes"]],
	},
	{
		title: "9: a regional secret from its region's endpoint",
		secrets: "- {resourceName: projects/my-proj/locations/us-central1/secrets/regional/versions/latest, path: f}",
		files: [["f", 0o644, "regional2"]],
	},
	{
		title: "10: what only an annotated Google service account may read",
		secrets: `- {resourceName: ${secrets}/gsa/versions/1, path: f}`,
		files: [["f", 0o644, "for the account"]],
		mounter: { annotations: { gsa: { "iam.gke.io/gcp-service-account": "app@my-proj.iam.gserviceaccount.com" } } },
		mount: () => ({ pod: makePod({ serviceAccount: "gsa" }) }),
		prepare({ gcp, app }) {
			gcp.secrets.add(`${secrets}/gsa`, "for the account");
			gcp.iam.allow(`serviceAccount:${pool}[shop/gsa]`, "roles/iam.workloadIdentityUser", `projects/-/serviceAccounts/${app}`);
			gcp.iam.allow(`serviceAccount:${app}`, accessor, `${secrets}/gsa`);
		},
		counts: { "sts.exchange": 1, "iam.generateAccessToken": 1, "secrets.access": 1 },
	},
	{
		title: "11: with a key file, where the administrator allows it",
		secrets: `- {resourceName: ${latest}, path: f}`,
		files: [["f", 0o644, "hunter3"]],
		mounter: { options: { allowKeyFiles: "true" } },
		mount: ({ gcp, app }) => ({ secrets: { "key.json": gcp.accounts.createKey(app) }, tokens: {} }),
		prepare: ({ gcp, app }) => gcp.iam.allow(`serviceAccount:${app}`, accessor, `${secrets}/db`),
		counts: { "oauth2.token": 1, "secrets.access": 1 },
	},
	{
		title: "12: one passing outage is not noticed",
		secrets: `- {resourceName: ${latest}, path: f}`,
		files: [["f", 0o644, "hunter3"]],
		prepare: ({ gcp }) => void gcp.faults.add({ kind: "error", status: "UNAVAILABLE" }, { operation: "secrets.access", times: 1 }),
		counts: { "sts.exchange": 1, "secrets.access": 2 },
	},
];

for (const { title, secrets: list, files, mounter, mount, prepare, counts } of cases) {
	test.serial(title, async (t) => {
		const site = await openCases(t);
		prepare?.(site);
		const { mount: mountList, asked } = await startMounter(t, site, mounter);
		const result = await mountList(list, mount?.(site));
		t.deepEqual(filesOf(result), files);
		const names = [...list.matchAll(/resourceName: ([^,}]+)/g)].map(([, name]) => name);
		t.deepEqual([...result.versions.keys()], names, "ids as written, in the order of the list");
		if (counts !== undefined) t.deepEqual(site.gcp.counts(), counts);
		t.true(
			asked.every((request) => request.startsWith("GET ")),
			"no token is ever requested",
		);
	});
}

test.serial("8: a disabled version fails with the words and the status of today's provider", async (t) => {
	const { refusal } = await startMounter(t, await openCases(t));
	const { code, details, errorCode } = await refusal(`- {resourceName: ${secrets}/states/versions/2, fileName: f}`);
	t.is(code, "INTERNAL");
	t.is(errorCode, "denied");
	const [first] = details.split("\n");
	const said = "Secret Version [projects/123456789012/secrets/states/versions/2] is in DISABLED state.";
	t.is(first, `{${secrets}/states/versions/2 f }: rpc error: code = FailedPrecondition desc = ${said}`);
});
