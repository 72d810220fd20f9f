import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { errorCodes, policyRules } from "../../provider/errors.ts";
import { at } from "../manifests/read-manifests.ts";
import { checkout, type Document, guide, guides } from "./markdown.ts";
import { chartValues } from "./yaml-kinds.ts";

const source = (path: string) => readFileSync(join(checkout, path), "utf8");

/** Flags of other programs that sentences speak of. */
const others: ReadonlySet<string> = new Set([
	...["--register-with-taints", "--max-call-recv-msg-size", "--rotation-poll-interval"],
	...["--namespace", "--tail", "--set", "--reuse-values", "--repo", "--output", "--previous", "--create-namespace", "--raw"],
	// Of today's Azure provider, and of the clouds' command lines.
	...["--cloud-name", "--construct-pem-chain", "--write-cert-and-key-in-separate-files", "--token-proxy-url", "--sni-name"],
	...["--enable-oidc-issuer", "--jwk-json-path"],
	// Of Kubernetes' API server.
	"--authentication-config",
]);

/** Every flag that Claviger and its scripts have, as the code that reads them and the first lines of the scripts tell. */
function ownFlags(): ReadonlySet<string> {
	const scripts = readdirSync(join(checkout, "scripts"), { withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map(({ name }) => `scripts/${name}`);
	const files = ["provider/options.ts", ...globSync("provider/cli/**/*.ts", { cwd: checkout }), ...scripts];
	const names = files.map(source).flatMap((text) => [
		...Array.from(text.matchAll(/--([a-z][a-z0-9-]+)/g), ([, name]) => name),
		// The names in a table of options are written without their dashes.
		...Array.from(text.matchAll(/^\t+"?([a-z][a-z0-9-]+)"?: \{(?: |$)/gm), ([, name]) => name),
	]);
	return new Set(names.map((name) => `--${name}`));
}

function codes(holds: (code: string, document: Document) => boolean): readonly string[] {
	return guides.flatMap((document) => document.codes.filter((code) => holds(code, document)).map((code) => `${document.path}: ${code}`));
}

test("every flag that the text names exists", (t) => {
	const known = ownFlags();
	const unknown = codes((code) => (code.match(/(?<![\w-])--[a-z][a-z0-9-]+/g) ?? []).some((flag) => !known.has(flag) && !others.has(flag)));
	t.deepEqual(unknown, []);
	t.true(known.has("--poll-interval") && known.has("--driver-socket-dirs") && !known.has("--pol-interval"));
});

test("every value of the chart that the text names exists", (t) => {
	const top = Object.keys(chartValues ?? {}).join("|");
	const value = new RegExp(`^((?:${top})(?:\\.[a-zA-Z]+)+)(?:[:=].*)?$`);
	const unknown = codes((code) => {
		const name = value.exec(code)?.[1];
		// Beneath the policy lies what the policy file says.
		return (
			name !== undefined &&
			!name.startsWith("policy.content.") &&
			!/\.(?:yaml|ts|md)$/.test(name) &&
			at(chartValues, ...name.split(".")) === undefined
		);
	});
	t.deepEqual(unknown, []);
});

test("every metric, script and file that the text names exists", (t) => {
	const metrics = source("provider/telemetry/README.md");
	t.deepEqual(
		codes((code) => /^claviger_[a-z_]+$/.test(code) && !metrics.includes(`| \`${code}\` |`)),
		[],
	);
	const places = /^(?:scripts|docs|test|provider|manifests)\/[\w./-]+/;
	t.deepEqual(
		codes((code) => {
			const place = places.exec(code)?.[0];
			return place !== undefined && !existsSync(join(checkout, place));
		}),
		[],
	);
});

test("troubleshooting has every code and every rule", (t) => {
	const page = guide("docs/troubleshooting.md");
	for (const code of errorCodes)
		t.true(page.anchors.has(code) && page.prose.some((line) => line.startsWith(`| [\`${code}\`](#${code}) |`)), code);
	for (const rule of policyRules) t.true(page.codes.includes(rule), rule);
});
