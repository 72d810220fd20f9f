import { goProgramNames } from "../servers/go-binary.ts";
import { missingForContainers } from "../servers/kubernetes/node-packages.ts";
import { pythonProgramNames } from "../servers/python-program.ts";
import { type CommandResult, runCommand } from "./command.ts";
import type { Report } from "./report.ts";

interface Step {
	readonly name: string;
	readonly command: readonly [string, ...string[]];
	readonly limitSeconds: number;
	/** Its standard error tells how far it is. */
	readonly tellsProgress?: boolean;
}

const node = process.execPath;

/** The checks that need no server. */
export const sourceSteps: readonly Step[] = [
	{ name: "generated files are fresh", command: [node, "scripts/generate.ts", "--check", "codec", "chart"], limitSeconds: 120 },
	{ name: "format and lint (biome)", command: ["node_modules/.bin/biome", "check", "--colors=off"], limitSeconds: 120 },
	{ name: "types (tsc)", command: ["node_modules/.bin/tsc", "-p", ".", "--pretty", "false"], limitSeconds: 300 },
	{ name: "bundle for the image", command: [node, "scripts/bundle.ts"], limitSeconds: 120 },
];

/** Builds of the servers and of the load client, which are there at once when nothing changed. */
export const buildSteps: readonly Step[] = [
	...goProgramNames.map((name) => buildStep("test/servers/go-binary.ts", name)),
	...pythonProgramNames.map((name) => buildStep("test/servers/python-program.ts", name)),
];

function buildStep(builder: string, name: string): Step {
	return { name: `build ${name}`, command: [node, builder, name], limitSeconds: 1500, tellsProgress: true };
}

/** The checks that need a program built with Go. */
export const builtSteps: readonly Step[] = [
	{ name: "manifests/deploy is fresh (Helm)", command: [node, "scripts/generate.ts", "--check", "deploy"], limitSeconds: 120 },
];

/** Programs that the servers need. */
const serverTools = [
	{ command: ["go", "version"], name: "Go", purpose: "builds the real Vault and Kubernetes that tests run against" },
	{ command: ["python3", "-c", "import venv, ensurepip"], name: "Python with venv", purpose: "runs the AWS emulator and Confidant" },
	{ command: ["openssl", "version"], name: "openssl", purpose: "makes the certificates of test servers" },
] as const;

/** What is missing for tests with servers, each as a sentence. */
export async function missingTools(): Promise<readonly string[]> {
	const results = await Promise.all(
		serverTools.map(async ({ command, name, purpose }) => {
			const { succeeded } = await runCommand(command, { limitSeconds: 30 });
			return succeeded ? [] : [`${name} is missing: it ${purpose}.`];
		}),
	);
	return [...results.flat(), ...missingForContainers()];
}

/** Runs one step and reports it; true when it succeeded. */
export async function runStep(step: Step, report: Report): Promise<boolean> {
	const result = await runCommand(step.command, {
		limitSeconds: step.limitSeconds,
		...(step.tellsProgress === true
			? { showProblems: true }
			: { onProgress: (seconds: number) => report.progress(`${step.name} … ${seconds} s`) }),
	});
	report.ended(step.name, { passed: result.succeeded ? 1 : 0, failed: result.succeeded ? 0 : 1 }, result.seconds);
	if (!result.succeeded) report.failures([step.name], explain(result, step));
	return result.succeeded;
}

function explain(result: CommandResult, step: Step): string {
	return step.tellsProgress === true ? result.output : `${result.output}\n${result.problems}`;
}
