import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";

const root = join(import.meta.dirname, "../..");

/** A package of which something is in a bundle. */
export interface BundledPackage {
	readonly name: string;
	readonly version: string;
	/** As the package states it, which is an SPDX expression by npm's convention; "" where it states none. */
	readonly license: string;
	/** The licence's own text, where the package brings one. */
	readonly licenseText?: string;
	/** How much of the bundle came of it. */
	readonly bytes: number;
}

/** The packages in a bundle, without the program's own sources, the largest first; one entry a version. */
export function bundledPackages(metafile: Metafile): readonly BundledPackage[] {
	const packages = new Map<string, BundledPackage>();
	for (const [folder, bytes] of bytesByFolder(metafile)) {
		if (folder === "") continue;
		const found = describePackage(join(root, folder));
		const key = `${found.name}@${found.version}`;
		packages.set(key, { ...found, bytes: bytes + (packages.get(key)?.bytes ?? 0) });
	}
	return [...packages.values()].sort((left, right) => right.bytes - left.bytes);
}

/** What the program's own sources take in a bundle, in bytes. */
export function ownBytes(metafile: Metafile): number {
	return bytesByFolder(metafile).get("") ?? 0;
}

/** Bytes by the folder of the package, from the top of the checkout, "" being the program's own sources. */
function bytesByFolder(metafile: Metafile): ReadonlyMap<string, number> {
	const bytes = new Map<string, number>();
	for (const output of Object.values(metafile.outputs)) {
		for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
			const [folder = ""] = /.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path) ?? [];
			if (bytesInOutput > 0) bytes.set(folder, (bytes.get(folder) ?? 0) + bytesInOutput);
		}
	}
	return bytes;
}

function describePackage(folder: string): Omit<BundledPackage, "bytes"> {
	const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
	const file = readdirSync(folder).find((entryName) => /^(?:licen[cs]e|copying)/i.test(entryName));
	return {
		name: text(member(manifest, "name")),
		version: text(member(manifest, "version")),
		license: licenseOf(manifest),
		...(file === undefined ? {} : { licenseText: readFileSync(join(folder, file), "utf8").trim() }),
	};
}

/** Old packages list licences, of which the user may choose. */
function licenseOf(manifest: unknown): string {
	const license = member(manifest, "license") ?? member(manifest, "licenses");
	if (!Array.isArray(license)) return text(license);
	return license.map((entry: unknown) => text(member(entry, "type"))).join(" OR ");
}

function member(value: unknown, name: string): unknown {
	return Object.getOwnPropertyDescriptor(Object(value), name)?.value;
}

function text(value: unknown): string {
	return typeof value === "string" ? value : "";
}
