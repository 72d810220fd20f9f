import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import test from "ava";
import { stores } from "../provider/stores/index.ts";

const root = join(import.meta.dirname, "..", "provider");

/** What each room may import from, by room; its own files are always allowed. CONTRIBUTING.md tells the same in words. */
const neighbours: Readonly<Record<string, readonly string[]>> = {
	errors: [],
	shared: ["errors"],
	net: ["errors", "shared"],
	render: ["errors", "shared", "plan", "stores/store"],
	plan: ["errors", "shared", "render", "stores/store"],
	"stores/store": ["errors", "shared", "plan"],
	"stores/module": ["errors", "shared", "plan", "stores/store"],
	"stores/index": ["stores/module"],
	policy: ["errors", "shared", "plan", "stores/store"],
	broker: ["errors", "shared", "plan", "stores/store"],
	rotation: ["errors", "shared", "plan", "broker", "stores/store"],
	contract: ["errors", "shared", "plan"],
	audit: ["errors", "shared"],
	telemetry: ["errors", "shared"],
	kubernetes: ["errors", "shared", "plan", "policy"],
	strongroom: ["errors", "shared"],
	sealing: ["errors", "shared"],
	aws: ["errors", "shared", "net", "plan", "stores/store"],
	"store folder": ["errors", "shared", "plan", "render", "net", "stores/store", "stores/module"],
};
/** Rooms that some stores share with one another, or with the command line. */
const storeRooms: Readonly<Record<string, readonly string[]>> = {
	strongroom: ["strongroom"],
	aws: ["aws", "sealing"],
	confidant: ["aws", "sealing"],
	azure: ["sealing"],
	gcp: ["sealing"],
	sealed: ["sealing"],
};

interface Import {
	readonly file: string;
	readonly target: string;
	readonly dynamic: boolean;
}

function sources(): readonly string[] {
	return readdirSync(root, { recursive: true, encoding: "utf8" })
		.filter((file) => file.endsWith(".ts") && !file.includes("generated"))
		.map((file) => file.replaceAll("\\", "/"));
}

function importsOf(file: string): readonly Import[] {
	const text = readFileSync(join(root, file), "utf8");
	const found = text.matchAll(/(?:from|import)\s*(\()?\s*"(\.[^"]+)"/g);
	return [...found].map(([, dynamic, target]) => ({
		file,
		target: normalize(join(dirname(file), target ?? "")),
		dynamic: dynamic === "(",
	}));
}

/** The room of a file, such as `broker`, `stores/vault` or `errors`; "" for the files that wire. */
function roomOf(file: string): string {
	const [first = "", second = "", third] = file.split("/");
	if (first === "stores") return third === undefined ? `stores/${second.replace(/\.ts$/, "")}` : `stores/${second}`;
	if (second !== "") return first;
	return first === "errors.ts" ? "errors" : "";
}

function mayImport({ file, target, dynamic }: Import): boolean {
	const [from, to] = [roomOf(file), roomOf(target)];
	if (from === to) return true;
	const storeFolder = /^stores\/(?!store$|module$|index$)/;
	if (from === "stores/index" && storeFolder.test(to)) return dynamic && target.endsWith("/index.ts");
	if (storeFolder.test(to)) return false;
	if (from === "" || from === "cli") return true;
	if (!storeFolder.test(from)) return neighbours[from]?.includes(to) ?? false;
	return [...(neighbours["store folder"] ?? []), ...(storeRooms[from.slice("stores/".length)] ?? [])].includes(to);
}

test("a room imports from its neighbours only", (t) => {
	const forbidden = sources()
		.flatMap(importsOf)
		.filter((entry) => !mayImport(entry));
	t.deepEqual(
		forbidden.map(({ file, target }) => `${file} imports ${target}`),
		[],
	);
});

test("heavy libraries are imported by the one folder that loads on use", (t) => {
	const owners: Readonly<Record<string, RegExp>> = {
		"node-vault": /^stores\/vault\//,
		"node:sqlite": /^strongroom\//,
		"@grpc/grpc-js": /^(contract|cli\/mount)\//,
		"@aws-sdk/client-kms": /^(aws|stores\/(aws|confidant)|cli\/seal)\//,
		"@azure/keyvault-keys": /^(stores\/azure|cli\/seal)\//,
		"@azure/identity": /^(stores\/azure|cli\/seal)\//,
		"google-auth-library": /^(stores\/gcp|cli\/seal)\//,
		"@azure/core-rest-pipeline": /^stores\/azure\//,
		"@azure/keyvault-secrets": /^stores\/azure\//,
		"@aws-sdk/client-secrets-manager": /^(aws|stores\/aws)\//,
		"@aws-sdk/client-ssm": /^(aws|stores\/aws)\//,
		"@aws-sdk/client-sts": /^aws\//,
		"prom-client": /^telemetry\//,
		"@opentelemetry/sdk-trace": /^telemetry\/opentelemetry-tracing\.ts$/,
	};
	const strays = sources().flatMap((file) => {
		const text = readFileSync(join(root, file), "utf8");
		return Object.entries(owners)
			.filter(([library, owner]) => text.includes(`"${library}"`) && !owner.test(file))
			.map(([library]) => `${file} imports ${library}`);
	});
	t.deepEqual(strays, []);
});

test("every store has its folder, line, README, example and shared test", (t) => {
	const folders = readdirSync(join(root, "stores"), { withFileTypes: true })
		.filter((entry) => entry.isDirectory())
		.map((entry) => entry.name)
		.sort();
	t.deepEqual(stores.map((entry) => entry.type).sort(), folders);
	const project = join(root, "..");
	for (const type of folders) {
		t.true(readFileSync(join(root, "stores", type, "README.md"), "utf8").length > 500, `${type} has a README`);
		t.true(readdirSync(join(project, "manifests", "examples", type)).length >= 2, `${type} has an example`);
		const tests = readdirSync(join(project, "test", "stores", type)).map((file) =>
			readFileSync(join(project, "test", "stores", type, file), "utf8"),
		);
		t.true(
			tests.some((text) => text.includes("testStore(")),
			`${type} runs the shared store test`,
		);
	}
});

test("files are short enough to be read", (t) => {
	const long = sources().filter((file) => readFileSync(join(root, file), "utf8").split("\n").length > 300);
	t.deepEqual(long, []);
});
