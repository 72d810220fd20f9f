import { goProgramNames } from "../servers/go-binary.ts";
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
	{ name: "generated codec is fresh", command: [node, "scripts/generate.ts", "--check"], limitSeconds: 120 },
	{ name: "format and lint (biome)", command: ["node_modules/.bin/biome", "check", "--colors=off"], limitSeconds: 120 },
	{ name: "types (tsc)", command: ["node_modules/.bin/tsc", "-p", ".", "--pretty", "false"], limitSeconds: 300 },
	{ name: "bundle for the image", command: [node, "scripts/bundle.ts"], limitSeconds: 120 },
];

/** Builds of the servers and of the load client, which are there at once when nothing changed. */
export const buildSteps: readonly Step[] = goProgramNames.map((name) => ({
	name: `build ${name}`,
	command: [node, "test/servers/go-binary.ts", name],
	limitSeconds: 1500,
	tellsProgress: true,
}));

/** Programs that the servers need. */
const serverTools = [
	{ command: ["go", "version"], name: "Go", purpose: "builds the real Vault and Kubernetes that tests run against" },
	{ command: ["openssl", "version"], name: "openssl", purpose: "makes the certificates of test servers" },
] as const;

/** The programs that are missing for tests with servers, each as a sentence. */
export async function missingTools(): Promise<readonly string[]> {
	const results = await Promise.all(
		serverTools.map(async ({ command, name, purpose }) => {
			const { succeeded } = await runCommand(command, { limitSeconds: 30 });
			return succeeded ? [] : [`${name} is missing: it ${purpose}.`];
		}),
	);
	return results.flat();
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
