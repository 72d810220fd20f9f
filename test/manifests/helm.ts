import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { goBinary } from "../servers/go-binary.ts";
import { type Manifest, manifestsFolder, parseManifests } from "./read-manifests.ts";

export const chartFolder = join(manifestsFolder, "charts/claviger");

/** Values as a user would write them. */
export type Values = Readonly<Record<string, unknown>>;

export interface HelmResult {
	readonly succeeded: boolean;
	readonly output: string;
	/** What it wrote to standard error. */
	readonly problems: string;
}

/** Runs Helm on the chart with values, without plugins, repositories or a cluster of the machine's user. */
export async function runHelm(parameters: readonly string[], values?: Values): Promise<HelmResult> {
	const directory = mkdtempSync(join(tmpdir(), "claviger-helm-"));
	try {
		const file = join(directory, "values.json");
		if (values !== undefined) writeFileSync(file, JSON.stringify(values));
		const folders = { HELM_CACHE_HOME: directory, HELM_CONFIG_HOME: directory, HELM_DATA_HOME: directory, KUBECONFIG: "/dev/null" };
		const env = { PATH: process.env["PATH"], HOME: directory, ...folders };
		const all = [...parameters, ...(values === undefined ? [] : ["--values", file])];
		const { stdout, stderr } = await promisify(execFile)(await goBinary("helm"), all, { env, maxBuffer: 64 << 20 });
		return { succeeded: true, output: stdout, problems: stderr };
	} catch (error) {
		const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
		return { succeeded: false, output: stdout, problems: stderr };
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

/** @throws Error with what Helm said when it did not render */
export async function renderText(values: Values = {}, release = "claviger"): Promise<string> {
	const { succeeded, output, problems } = await runHelm(["template", release, chartFolder, "--namespace", "claviger-system"], values);
	if (!succeeded) throw new Error(problems);
	return output;
}

/** The chart's objects for values, in the order of an installation. */
export async function render(values: Values = {}, release = "claviger"): Promise<readonly Manifest[]> {
	return parseManifests(await renderText(values, release), "the rendered chart");
}
