import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { Dialects } from "../../provider/dialects.ts";
import { readServeOptions, type ServeOptions, serveHelp } from "../../provider/options.ts";
import { parsePolicy } from "../../provider/policy/policy-file.ts";
import { StoreRegistry } from "../../provider/store-registry.ts";
import { stores } from "../../provider/stores/index.ts";
import { chartFolder, render, runHelm } from "./helm.ts";
import { at, listAt, type Manifest, manifestsFolder } from "./read-manifests.ts";
import { renderings } from "./renderings.ts";
import { weaknesses } from "./weaknesses.ts";

const sets = Object.entries(renderings);

function containerOf(manifests: readonly Manifest[]): unknown {
	const daemonSet = manifests.find(({ kind }) => kind === "DaemonSet");
	return at(daemonSet, "spec", "template", "spec", "containers", 0);
}

/** What the container's program is started with. */
function started(manifests: readonly Manifest[]): {
	readonly args: readonly string[];
	readonly environment: Readonly<Record<string, string>>;
} {
	const container = containerOf(manifests);
	const environment = listAt(container, "env").map((entry) => [at(entry, "name"), at(entry, "value") ?? "node-1"]);
	return { args: listAt(container, "args").map(String), environment: Object.fromEntries(environment) };
}

function optionsOf(manifests: readonly Manifest[]): ServeOptions {
	const { args, environment } = started(manifests);
	const options = readServeOptions(args.slice(1), { ...environment, KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443" });
	if (options === "help") throw new Error("the container shows the help");
	return options;
}

test("Helm's own check finds nothing, with any values", async (t) => {
	for (const [name, values] of sets) {
		const { succeeded, output } = await runHelm(["lint", "--strict", chartFolder], values);
		t.true(succeeded, `${name}: ${output}`);
	}
});

test("the chart carries the package's version", (t) => {
	const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
	const chart = parse(readFileSync(join(chartFolder, "Chart.yaml"), "utf8"));
	t.is(chart.appVersion, version);
	t.is(chart.version, version);
});

for (const [name, values] of sets) {
	test(`with ${name} the pod is hardened and the rights are the least`, async (t) => {
		t.deepEqual(weaknesses(await render(values)), []);
	});

	test(`with ${name} the program takes its flags, and finds every path in them mounted`, async (t) => {
		const manifests = await render(values);
		t.notThrows(() => optionsOf(manifests));
		const container = containerOf(manifests);
		const mounts = listAt(container, "volumeMounts").map((mount) => String(at(mount, "mountPath")));
		for (const flag of started(manifests).args) {
			const path = /=(\/.+)$/.exec(flag)?.[1];
			if (path !== undefined)
				t.true(
					mounts.some((mount) => path === mount || path.startsWith(`${mount}/`)),
					flag,
				);
		}
		const pod = at(
			manifests.find(({ kind }) => kind === "DaemonSet"),
			"spec",
			"template",
			"spec",
		);
		const names = (list: readonly unknown[]) => list.map((entry) => at(entry, "name"));
		t.deepEqual(names(listAt(container, "volumeMounts")), names(listAt(pod, "volumes")));
		t.true(Number(at(pod, "terminationGracePeriodSeconds")) * 1000 >= optionsOf(manifests).drainMilliseconds + 5000);
	});
}

test("every flag of the program has a value in the chart", async (t) => {
	const set = new Set<string>();
	for (const [, values] of sets) {
		const { args, environment } = started(await render(values));
		for (const arg of args) set.add(/^--([a-z-]+)=/.exec(arg)?.[1] ?? "");
		for (const name of Object.keys(environment))
			set.add(
				name
					.replace(/^CLAVIGER_/, "")
					.toLowerCase()
					.replaceAll("_", "-"),
			);
	}
	const flags = [...serveHelp().matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name = ""]) => name);
	t.true(flags.length > 20);
	t.deepEqual(
		flags.filter((flag) => !set.has(flag)),
		[],
	);
});

test("settings say the program's own defaults", async (t) => {
	const byChart = optionsOf(await render());
	const own = readServeOptions([], {}) as ServeOptions;
	for (const field of [
		...(["logLevel", "audit", "pollSeconds", "maximumAgeSeconds", "maximumStaleSeconds", "revocationHoldSeconds", "cacheBytes"] as const),
		...(["fetchConcurrency", "drainMilliseconds", "maximumResponseBytes", "keepsValues", "push", "kubernetesTokenFile"] as const),
	])
		t.deepEqual(byChart[field], own[field], field);
});

test("every value is used by a rendering of these tests, and known to the schema", (t) => {
	const schema = JSON.parse(readFileSync(join(chartFolder, "values.schema.json"), "utf8"));
	const values: unknown = parse(readFileSync(join(chartFolder, "values.yaml"), "utf8"));
	const known = Object.keys(schema.properties).filter((name) => name !== "global");
	t.deepEqual(known.toSorted(), Object.keys(Object(values)).toSorted());
	t.deepEqual(Object.keys(schema.properties.settings.properties).toSorted(), Object.keys(Object(at(values, "settings"))).toSorted());
	const used = new Set(sets.flatMap(([, set]) => Object.keys(set)));
	t.deepEqual(
		known.filter((name) => !used.has(name)),
		[],
	);
});

test("the policy reaches the provider as written, and a change of it rolls the pods", async (t) => {
	const content = {
		profile: "strict",
		endpoints: ["https://vault.example:8200", { origin: "https://lab.example", skipTlsVerify: true }],
		stores: { main: { type: "vault", address: "https://vault.example:8200" } },
		dialects: { vault: { address: "https://vault.example:8200" } },
		audiences: { vault: ["vault-eu"] },
		tokens: { unbound: "refuse" },
	};
	const checksums = new Set<unknown>();
	for (const policy of [{ content }, { text: "# who may be asked\nprofile: strict\n" }, {}]) {
		const manifests = await render({ policy });
		const text = String(
			at(
				manifests.find(({ kind }) => kind === "ConfigMap"),
				"data",
				"policy.yaml",
			),
		);
		if ("content" in policy) t.deepEqual(parse(text), content);
		if ("text" in policy) t.is(text, policy.text);
		await t.notThrowsAsync(Dialects.open(new StoreRegistry(stores), parsePolicy(text, []), optionsOf(manifests).providers));
		const daemonSet = manifests.find(({ kind }) => kind === "DaemonSet");
		checksums.add(at(daemonSet, "spec", "template", "metadata", "annotations", "checksum/policy"));
	}
	t.is(checksums.size, 3);
});

test("rights come with the option that needs them, and with no other", async (t) => {
	const roles = async (values: object) =>
		(await render({ ...values }))
			.filter(({ kind }) => kind.endsWith("Role"))
			.map(({ metadata }) => metadata.name)
			.toSorted();
	t.deepEqual(await roles({}), ["claviger-version-key"]);
	t.deepEqual(await roles({ push: { enabled: true } }), ["claviger-push", "claviger-version-key"]);
	t.deepEqual(await roles({ watchPods: { enabled: true } }), ["claviger-pods", "claviger-version-key"]);
	t.deepEqual(await roles({ events: { enabled: true } }), ["claviger-events", "claviger-pods", "claviger-version-key"]);
	t.deepEqual(await roles({ startupTaint: { enabled: true } }), ["claviger-pods", "claviger-startup-taint", "claviger-version-key"]);
	t.deepEqual(await roles({ roleAnnotations: { enabled: true } }), ["claviger-role-annotations", "claviger-version-key"]);
	t.deepEqual(await roles({ readPodAnnotations: { enabled: true } }), ["claviger-pod-annotations", "claviger-version-key"]);
	t.deepEqual(await roles({ nodeRegion: { enabled: true } }), ["claviger-node-region", "claviger-pods", "claviger-version-key"]);
	t.deepEqual(await roles({ tokens: { verification: "review" } }), ["claviger-token-review", "claviger-version-key"]);
	t.deepEqual(await roles({ versionKey: { existingSecret: "key" } }), []);
});

test("two releases in a cluster share no object and no pod", async (t) => {
	const all = {
		push: { enabled: true },
		startupTaint: { enabled: true },
		roleAnnotations: { enabled: true },
		readPodAnnotations: { enabled: true },
		nodeRegion: { enabled: true },
		tokens: { verification: "review" },
		namespace: { create: false },
	};
	const key = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`;
	const [first, second] = [await render(all, "first"), await render(all, "second")];
	t.deepEqual(
		first.map(key).filter((name) => second.map(key).includes(name)),
		[],
	);
	const selector = (manifests: readonly Manifest[]) =>
		at(
			manifests.find(({ kind }) => kind === "DaemonSet"),
			"spec",
			"selector",
		);
	t.notDeepEqual(selector(first), selector(second));
});

test("rules and dashboard are the project's own, and alerts link to where the runbooks are kept", async (t) => {
	const manifests = await render(renderings["all that watches it"]);
	const ofKind = (kind: string, name: string) => manifests.find((object) => object.kind === kind && object.metadata.name === name);
	const groups = listAt(ofKind("PrometheusRule", "claviger"), "spec", "groups");
	const links = groups.flatMap((group) => listAt(group, "rules").flatMap((rule) => at(rule, "annotations", "runbook_url") ?? []));
	t.true(links.length > 0);
	for (const link of links) t.regex(String(link), /^https:\/\/git\.example\/docs\/runbooks\/\w+\.md$/);
	const dashboard = readFileSync(join(manifestsFolder, "dashboards/claviger.json"), "utf8");
	t.is(at(ofKind("ConfigMap", "claviger-dashboard"), "data", "claviger.json"), dashboard);
});

test("the chart takes the values that deploy's README shows", async (t) => {
	const readme = readFileSync(join(manifestsFolder, "deploy/README.md"), "utf8");
	const blocks = [...readme.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, language, text = ""]) => ({ language, text }));
	const commands = blocks
		.filter(({ language }) => language === "sh")
		.flatMap(({ text }) => text.replaceAll("\\\n", " ").split("\n"))
		.filter((line) => line.includes("manifests/charts/claviger"));
	t.true(commands.length >= 4);
	for (const command of commands) {
		const set = [...command.matchAll(/--set (\S+)/g)].flatMap(([, value = ""]) => ["--set", value]);
		const { succeeded, problems } = await runHelm(["template", "claviger", chartFolder, ...set]);
		t.true(succeeded, `${command}\n${problems}`);
	}
	const values = blocks.filter(({ language }) => language === "yaml");
	t.is(values.length, 2);
	for (const { text } of values) {
		const filled = text.replace("REGISTRY", "registry.test").replace("sha256:…", `sha256:${"1".repeat(64)}`);
		await t.notThrowsAsync(render(parse(filled)), text);
	}
});
