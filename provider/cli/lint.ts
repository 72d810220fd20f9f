import { ProviderError } from "../errors.ts";
import { type Policy, readPolicyFile } from "../policy/policy-file.ts";
import type { CommandStreams } from "./command.ts";
import { checkManifests } from "./lint/check/manifests.ts";
import { type LintOptions, parseLintOptions, usage } from "./lint/options.ts";
import { Planner } from "./lint/plan/planner.ts";
import { readInputs } from "./lint/read/inputs.ts";
import { type LintReport, renderReport } from "./lint/report.ts";

/**
 * `claviger lint`: finds every fault of SecretProviderClasses and pods before they are applied.
 *
 * @returns 0 clean, 1 faults, 2 wrong usage
 */
export async function run(args: readonly string[], io: CommandStreams): Promise<number> {
	const options = parseLintOptions(args);
	if (options.kind === "usage") {
		if (options.problem === undefined) io.stdout.write(usage());
		else io.stderr.write(`claviger lint: ${options.problem}\nSee "claviger lint --help".\n`);
		return options.problem === undefined ? 0 : 2;
	}
	try {
		const report = await lint(options, io);
		io.stdout.write(renderReport(report, options.format, isColourful(io.stdout)));
		const { errors, warnings } = report.summary;
		return errors > 0 || (options.strict && warnings > 0) ? 1 : 0;
	} catch (reason) {
		const error = ProviderError.from(reason);
		io.stderr.write(`claviger lint: ${error.text}\n`);
		return 2;
	}
}

async function lint({ paths, policyFile, providers }: LintOptions, io: CommandStreams): Promise<LintReport> {
	const policy: Policy | undefined = policyFile === undefined ? undefined : readPolicyFile(policyFile, []);
	const planner = await Planner.open(policy, providers);
	const files = await readInputs(paths, io.stdin);
	const checked = await checkManifests(files, planner);
	const findings = checked.findings.sorted(files.map(({ name }) => name));
	const errors = findings.filter(({ severity }) => severity === "error").length;
	return {
		version: 1,
		findings,
		summary: {
			files: files.length,
			classes: checked.classes,
			pods: checked.pods,
			errors,
			warnings: findings.length - errors,
			policy: policy !== undefined,
		},
	};
}

function isColourful(stream: CommandStreams["stdout"]): boolean {
	return "isTTY" in stream && stream.isTTY === true && process.env["NO_COLOR"] === undefined;
}
