import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Part, root } from "./part.ts";

const chartFiles = "manifests/charts/claviger/files";
const sources = [
	["manifests/alerts/claviger.yaml", `${chartFiles}/alerts.yaml`],
	["manifests/dashboards/claviger.json", `${chartFiles}/dashboard.json`],
] as const;

/** The alert rules and the dashboard, which Helm only finds inside the chart. */
export const chart: Part = {
	name: "chart",
	async make() {
		return new Map(sources.map(([source, copy]) => [copy, readFileSync(join(root, source), "utf8")]));
	},
};
