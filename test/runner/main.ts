// Runs every check and every test and ends with `N passed, N failed`; called by scripts/test, after the installation.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runTestFiles } from "./ava.ts";
import { Report } from "./report.ts";
import { buildSteps, builtSteps, missingTools, runStep, sourceSteps } from "./steps.ts";
import { findTestFiles, shortForm } from "./test-files.ts";

const leaveOut = process.env["CLAVIGER_WITHOUT_SERVERS"] === "1";
const { values } = parseArgs({ options: { "without-servers": { type: "boolean", default: leaveOut } } });

// Commands run in process groups of their own, which are ended when this process exits and not when a signal kills it.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

process.chdir(join(import.meta.dirname, "../.."));
const report = new Report();
report.ended("packages are installed", { passed: 1, failed: 0 }, 0);
for (const step of sourceSteps) await runStep(step, report);

const servers = !values["without-servers"] && (await toolsAreThere());
if (servers) for (const step of [...buildSteps, ...builtSteps]) await runStep(step, report);

const files = findTestFiles();
// The machines that run the checks have two cores.
await runTestFiles(servers ? files.all : files.withoutServers, report, { filesAtOnce: 2 });
// By itself, because a node with containers takes both of them.
if (servers) await runTestFiles([shortForm.file], report, { filesAtOnce: 1, configuration: shortForm.configuration });
if (!servers)
	report.note(
		`left out, because they need programs that are built with Go or Python:\n${indent([...builtSteps.map(({ name }) => name), ...files.withServers, shortForm.file])}`,
	);
process.exitCode = report.close() ? 0 : 1;

async function toolsAreThere(): Promise<boolean> {
	const missing = await missingTools();
	const name = "tools for servers (Go, Python, openssl, root)";
	const complete = missing.length === 0;
	report.ended(name, { passed: complete ? 1 : 0, failed: complete ? 0 : 1 }, 0);
	if (!complete)
		report.failures([name], [...missing, "Install what is missing, or leave out what needs it: scripts/test --without-servers"].join("\n"));
	return complete;
}

function indent(lines: readonly string[]): string {
	return lines.map((line) => `  ${line}`).join("\n");
}
