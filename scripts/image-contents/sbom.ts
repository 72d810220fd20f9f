// Writes the bill of materials of an image's file system, in CycloneDX 1.6, into /usr/share/claviger/sbom.json of it.
//
//   node scripts/image-contents/sbom.ts --root DIRECTORY --architecture amd64|arm64 --metafile FILE --packages FILE --runtime FILE
//
// METAFILE is esbuild's account of the bundle; PACKAGES lists what came from Debian, a line `name<TAB>version<TAB>source`
// each; RUNTIME is Node's `process.versions` as JSON. SOURCE_DATE_EPOCH, in seconds, is the time that it bears.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Contrib, Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import type { Metafile } from "esbuild";
import { PackageURL } from "packageurl-js";
import parseSpdxExpression from "spdx-expression-parse";
import { bundledPackages } from "../bundle/packages.ts";

/** What a bill of materials is made from. */
export interface ImageContents {
	readonly version: string;
	readonly architecture: string;
	readonly created: Date;
	readonly metafile: Metafile;
	/** Node's `process.versions`. */
	readonly runtime: Readonly<Record<string, string>>;
	readonly debian: readonly DebianPackage[];
	/** SHA-256 of the two programs' files, in hexadecimal. */
	readonly hashes: { readonly node: string; readonly bundle: string };
}

interface DebianPackage {
	readonly name: string;
	readonly version: string;
	/** Name, and version where it differs, of the package that it was built from. */
	readonly source: string;
}

/** By package, because Debian states licences for people and not by SPDX's names. */
const debianLicenses: Readonly<Record<string, string>> = {
	libc6: "LGPL-2.1-or-later",
	"libgcc-s1": "GPL-3.0-or-later WITH GCC-exception-3.1",
	"libstdc++6": "GPL-3.0-or-later WITH GCC-exception-3.1",
};

const { Component, LicenseRepository, HashDictionary } = Models;
const licenseFactory = new Contrib.License.Factories.LicenseFactory(parseSpdxExpression);

/** The bill of materials as JSON. The same contents give the same bytes. */
export function billOfMaterials(contents: ImageContents): string {
	const image = new Component(Enums.ComponentType.Container, "claviger", { version: contents.version, bomRef: "image" });
	const components = [program(contents), runtime(contents), ...libraries(contents)];
	for (const component of components) image.dependencies.add(component.bomRef);
	const bom = new Models.Bom({
		metadata: new Models.Metadata({ timestamp: contents.created, component: image }),
		components: new Models.ComponentRepository(components),
	});
	const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
	return `${new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: "\t" })}\n`;
}

/** Claviger itself, with the packages that are bundled into its one file. */
function program({ version, metafile, hashes }: ImageContents): Models.Component {
	const bundled = bundledPackages(metafile).map(({ name, version, license }) => {
		const [, scope, plain = name] = /^(@[^/]+)\/(.+)$/.exec(name) ?? [];
		const purl = new PackageURL("npm", scope, plain, version, undefined, undefined).toString();
		return new Component(Enums.ComponentType.Library, plain, {
			...(scope === undefined ? {} : { group: scope }),
			...identify(purl, version, license),
		});
	});
	return new Component(Enums.ComponentType.Application, "claviger", {
		...identify("claviger", version, "Apache-2.0"),
		hashes: new HashDictionary([[Enums.HashAlgorithm["SHA-256"], hashes.bundle]]),
		components: new Models.ComponentRepository(bundled),
	});
}

/** Node, with the libraries that are compiled into it. */
function runtime({ architecture, runtime, hashes }: ImageContents): Models.Component {
	const { node = "", modules: _abi, napi: _nodeApi, ...compiledIn } = runtime;
	const processor = architecture === "amd64" ? "x64" : architecture;
	const purl = new PackageURL("npm", undefined, `node-linux-${processor}`, node, undefined, undefined).toString();
	const parts = Object.entries(compiledIn).map(
		([name, version]) => new Component(Enums.ComponentType.Library, name, { version, bomRef: `node/${name}@${version}` }),
	);
	return new Component(Enums.ComponentType.Platform, "node", {
		...identify(purl, node, "MIT"),
		cpe: `cpe:2.3:a:nodejs:node.js:${node}:*:*:*:*:*:*:*`,
		hashes: new HashDictionary([[Enums.HashAlgorithm["SHA-256"], hashes.node]]),
		components: new Models.ComponentRepository(parts),
	});
}

/** The libraries that Node is linked to. */
function libraries({ architecture, debian }: ImageContents): readonly Models.Component[] {
	return debian.map(({ name, version, source }) => {
		const qualifiers = { arch: architecture, distro: "debian-12", ...(source === "" ? {} : { upstream: source }) };
		const purl = new PackageURL("deb", "debian", name, version, qualifiers, undefined).toString();
		return new Component(Enums.ComponentType.Library, name, identify(purl, version, debianLicenses[name] ?? ""));
	});
}

function identify(purl: string, version: string, license: string) {
	return {
		version,
		bomRef: purl,
		...(purl.startsWith("pkg:") ? { purl } : {}),
		...(license === "" ? {} : { licenses: new LicenseRepository([licenseFactory.makeFromString(license)]) }),
	};
}

function main(): void {
	const option = { type: "string", default: "" } as const;
	const { values } = parseArgs({
		options: { root: option, architecture: option, metafile: option, packages: option, runtime: option },
	});
	const share = join(values.root, "usr/share/claviger");
	const json = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));
	const sha256 = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
	const { version } = json(join(import.meta.dirname, "../../package.json")) as { readonly version: string };
	const text = billOfMaterials({
		version,
		architecture: values.architecture,
		created: new Date(Number(process.env["SOURCE_DATE_EPOCH"] ?? 0) * 1000),
		metafile: json(values.metafile) as Metafile,
		runtime: json(values.runtime) as Readonly<Record<string, string>>,
		debian: parseDebianPackages(readFileSync(values.packages, "utf8")),
		hashes: { node: sha256(join(values.root, "usr/local/bin/node")), bundle: sha256(join(share, "claviger.cjs")) },
	});
	writeFileSync(join(share, "sbom.json"), text, { mode: 0o644 });
}

function parseDebianPackages(lines: string): readonly DebianPackage[] {
	return lines
		.trimEnd()
		.split("\n")
		.map((line) => line.split("\t"))
		.map(([name = "", version = "", source = ""]) => ({ name, version, source }));
}

if (import.meta.main) main();
