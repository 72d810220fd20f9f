import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { goBinary } from "../../test/servers/go-binary.ts";
import { type Part, root } from "./part.ts";

const chartFolder = "manifests/charts/claviger";
const namespace = "claviger-system";
const header = `# Made from ${chartFolder} by scripts/generate.ts.\n`;

/** Where the objects of the templates go, by the beginning of a template's path; of two, the first counts. */
const files = [
	["namespace.yaml", "1-namespace.yaml"],
	["access/role-annotations.yaml", "role-annotations/access.yaml"],
	["access/pod-annotations.yaml", "pod-annotations/access.yaml"],
	["access/", "2-access.yaml"],
	["policy.yaml", "3-policy.yaml"],
	["daemonset.yaml", "4-daemonset.yaml"],
	["push/admission.yaml", "push/1-admission.yaml"],
	["push/access.yaml", "push/2-access.yaml"],
] as const;

/** What tells of Helm or of one rendering, and would be wrong in files that kubectl applies and people edit. */
const marksOfHelm = /^ +(?:helm\.sh\/chart|app\.kubernetes\.io\/managed-by|checksum\/policy): .*\n/gm;

/** The plain manifests, rendered from the chart with its default values and an example of a policy. */
export const deploy: Part = { name: "deploy", make };

async function make(): Promise<ReadonlyMap<string, string>> {
	const helm = await goBinary("helm");
	const plain = filesOf(render(helm, []));
	const options = filesOf(render(helm, ["--set", "push.enabled=true,roleAnnotations.enabled=true,readPodAnnotations.enabled=true"]));
	const optional = [...options].filter(([name]) => name.includes("/"));
	return new Map([...plain, ...optional].map(([name, objects]) => [`manifests/deploy/${name}`, header + objects.join("---\n")]));
}

function render(helm: string, parameters: readonly string[]): string {
	const values = ["--values", join(root, "scripts/generate/deploy-values.yaml"), ...parameters];
	return execFileSync(helm, ["template", "claviger", join(root, chartFolder), "--namespace", namespace, ...values], { encoding: "utf8" });
}

/** The objects by file, as text, because parsing would lose the comments. */
function filesOf(rendered: string): ReadonlyMap<string, readonly string[]> {
	const found = new Map<string, string[]>(files.map(([, name]) => [name, []]));
	for (const document of rendered.split(/^---\n/m)) {
		const [, template = "", text = ""] = /^# Source: claviger\/templates\/(\S+)\n(.*)$/s.exec(document) ?? [];
		if (template === "") continue;
		const [, file] = files.find(([prefix]) => template.startsWith(prefix)) ?? [];
		if (file === undefined) throw new Error(`scripts/generate/deploy.ts has no file for the template ${template}`);
		found.get(file)?.push(`${text.replaceAll(marksOfHelm, "").trimEnd()}\n`);
	}
	return new Map([...found].filter(([, objects]) => objects.length > 0));
}
