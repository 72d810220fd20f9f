import { basename, dirname, join } from "node:path";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";

/**
 * Libraries that only some use, by the name of the file that each group gets: a store's SDK, the sending of traces.
 * In the program's own file their mere text would take memory in every provider, and time at every start.
 */
const groups: Readonly<Record<string, RegExp>> = {
	aws: /^@aws-sdk\//,
	azure: /^(?:@azure\/|node-forge\/)/,
	google: /^google-auth-library$/,
	traces: /^@opentelemetry\/(?!api$)/,
};

/** The program's own sources, whose imports decide; what libraries import of each other stays with them. */
const ownSource = /\/provider\//;
const shim = "heavy-library";

/** What a bundle takes from files beside it. */
export interface HeavyLibraries {
	/** Has the program's imports of these libraries lead to the files beside it. */
	readonly plugin: Plugin;
	/** Makes the files, after the program has been bundled. @returns an account of what came from where, for each */
	write(common: BuildOptions): Promise<readonly Metafile[]>;
}

/** @param outfile the program's file, such as `claviger.cjs`; beside it come `claviger-aws.cjs` and so on */
export function heavyLibraries(outfile: string): HeavyLibraries {
	const used = new Map<string, Set<string>>();
	const fileOf = (group: string) => `${basename(outfile, ".cjs")}-${group}.cjs`;
	return {
		plugin: {
			name: shim,
			setup(building) {
				building.onResolve({ filter: /^[@a-z]/ }, ({ path, importer, namespace }) => {
					const [group] = Object.entries(groups).find(([, pattern]) => pattern.test(path)) ?? [];
					if (group === undefined || namespace !== "file" || !ownSource.test(importer)) return undefined;
					used.set(group, (used.get(group) ?? new Set()).add(path));
					return { path, namespace: shim, pluginData: group };
				});
				building.onResolve({ filter: /^\.\//, namespace: shim }, ({ path }) => ({ path, external: true }));
				building.onLoad({ filter: /^/, namespace: shim }, ({ path, pluginData }) => ({
					contents: `module.exports = require(${JSON.stringify(`./${fileOf(String(pluginData))}`)})[${JSON.stringify(path)}]();`,
				}));
			},
		},
		write: (common) => Promise.all(Array.from(used, ([group, names]) => writeGroup(join(dirname(outfile), fileOf(group)), names, common))),
	};
}

/** One file for a group, because its libraries have much in common; each is evaluated when it is asked for. */
async function writeGroup(outfile: string, names: ReadonlySet<string>, common: BuildOptions): Promise<Metafile> {
	const entries = [...names].sort().map((name) => `${JSON.stringify(name)}: () => require(${JSON.stringify(name)})`);
	const stdin = { contents: `module.exports = {${entries.join(", ")}};`, resolveDir: common.absWorkingDir ?? "", loader: "js" as const };
	const { metafile } = await build({ ...common, stdin, outfile, metafile: true });
	return metafile;
}
