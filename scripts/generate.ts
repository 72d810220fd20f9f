// Makes the files that are made from others:
//
//   codec   provider/contract/generated, the protobuf codec and its types, from protos/
//   chart   manifests/charts/claviger/files, from manifests/alerts and manifests/dashboards
//   deploy  manifests/deploy, from the chart; renders it with Helm, which is built with Go
//
// `node scripts/generate.ts [PART...]` writes them; with `--check` it compares and fails when they are stale.
import { parseArgs } from "node:util";
import { chart } from "./generate/chart-files.ts";
import { codec } from "./generate/codec.ts";
import { deploy } from "./generate/deploy.ts";
import { stale, write } from "./generate/part.ts";

const parts = [codec, chart, deploy];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { check: { type: "boolean", default: false } } });
const unknown = positionals.find((name) => !parts.some((part) => part.name === name));
if (unknown !== undefined) throw new Error(`there is no part ${unknown}; there are ${parts.map(({ name }) => name).join(", ")}`);

for (const part of parts) {
	if (positionals.length > 0 && !positionals.includes(part.name)) continue;
	const files = await part.make();
	if (values.check) report(part.name, stale(files));
	else write(files);
	if (!values.check) console.log(`Wrote ${[...files.keys()].join(", ")}.`);
}

function report(name: string, paths: readonly string[]): void {
	if (paths.length === 0) {
		console.log(`${name} is fresh.`);
		return;
	}
	console.error(`Stale: ${paths.join(", ")}. Run \`npm run generate\`.`);
	process.exitCode = 1;
}
