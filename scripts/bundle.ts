// Makes dist/claviger.cjs, the program in one file for the image, and beside it libraries that only some use, a file for each
// group of them, and the licences of all that is in these files.
// `node scripts/bundle.ts [--directory DIR] [--metafile FILE]`; the latter keeps esbuild's account of what came from where.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { runtimeVersion } from "../provider/shared/runtime-version.ts";
import { heavyLibraries } from "./bundle/heavy-libraries.ts";
import { type BundledPackage, bundledPackages, ownBytes } from "./bundle/packages.ts";

const root = join(import.meta.dirname, "..");

/** One line instead of a stack where Node is too old. What the program needs is said in package.json, `engines`. */
const banner = `"use strict";
(function () {
	var version = process.versions.node.split(".");
	if (+version[0] > 22 || (+version[0] === 22 && +version[1] >= 18)) return;
	console.error("Claviger needs Node 22.18 or newer; this is " + process.versions.node + ".");
	process.exit(1);
})();`;

/** The entry of the whole program. */
export const entry = `import { main } from "./provider/main.ts"; main(process.argv.slice(2));`;

const common: BuildOptions = {
	absWorkingDir: root,
	bundle: true,
	platform: "node",
	format: "cjs",
	// Older than what it runs on, so that an old Node reads as far as the banner's message.
	target: "node18",
	minify: true,
	legalComments: "none",
	logLevel: "warning",
};

/**
 * Bundles a program into one CommonJS file, and the heavy libraries that it uses into files beside it. What is imported
 * dynamically is evaluated only when the import is reached: a store costs little until it is used.
 *
 * @param contents the entry's source; imports are resolved from the top of the checkout
 * @returns esbuild's account of all files together
 */
export async function bundle(contents: string, outfile: string): Promise<Metafile> {
	const libraries = heavyLibraries(outfile);
	const { metafile } = await build({
		...common,
		stdin: { contents, resolveDir: root, sourcefile: "entry.ts", loader: "ts" },
		outfile,
		metafile: true,
		banner: { js: banner },
		plugins: [libraries.plugin],
		// node-vault's default transport, in whose place ours is put. What is never called need not be in the file.
		alias: { axios: join(root, "scripts/bundle/no-axios.cjs") },
	});
	const all = [metafile, ...(await libraries.write(common))];
	return {
		inputs: Object.assign({}, ...all.map(({ inputs }) => inputs)),
		outputs: Object.assign({}, ...all.map(({ outputs }) => outputs)),
	};
}

async function main(): Promise<void> {
	const { values } = parseArgs({ options: { directory: { type: "string", default: join(root, "dist") }, metafile: { type: "string" } } });
	const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
	if (manifest.version !== runtimeVersion) {
		console.error(`package.json says ${manifest.version}, provider/shared/runtime-version.ts ${runtimeVersion}. Make them equal.`);
		process.exitCode = 1;
		return;
	}
	mkdirSync(values.directory, { recursive: true });
	const outfile = join(values.directory, "claviger.cjs");
	const metafile = await bundle(entry, outfile);
	if (values.metafile !== undefined) writeFileSync(values.metafile, JSON.stringify(metafile));
	const packages = bundledPackages(metafile);
	writeFileSync(join(values.directory, "LICENSES.txt"), licences(packages));
	printSizes(metafile, [{ name: "claviger", bytes: ownBytes(metafile) }, ...packages]);
}

/** The licences' own texts, which have to go along with the code. */
function licences(packages: readonly BundledPackage[]): string {
	return packages
		.toSorted((left, right) => (`${left.name} ${left.version}` < `${right.name} ${right.version}` ? -1 : 1))
		.map(({ name, version, license, licenseText }) => {
			return `${name} ${version}, ${license}\n\n${licenseText ?? "(The package brings no text of its licence.)"}\n`;
		})
		.join(`\n${"-".repeat(80)}\n\n`);
}

function printSizes({ outputs }: Metafile, parts: readonly { readonly name: string; readonly bytes: number }[]): void {
	const kibibytes = (bytes: number) => `${(bytes / 1024).toFixed(0).padStart(6)} KiB`;
	for (const [file, { bytes }] of Object.entries(outputs)) console.log(`${kibibytes(bytes)}  ${join(root, file)}`);
	console.log("        of it");
	for (const { name, bytes } of parts) if (bytes >= 4096) console.log(`${kibibytes(bytes)}  ${name}`);
}

if (import.meta.main) await main();
