import type { Writable } from "node:stream";
import { ProviderError } from "../errors.ts";
import { readServeOptions, type ServeOptions } from "../options.ts";
import { type Finding, failure, unchecked } from "../shared/finding.ts";
import { describeCause } from "../telemetry/log.ts";
import { kubernetesClient } from "../verification.ts";
import type { CommandStreams } from "./command.ts";
import { checkApiServer } from "./doctor/checks/api-server.ts";
import { checkClass } from "./doctor/checks/class.ts";
import { checkDriver } from "./doctor/checks/driver.ts";
import { checkPolicy } from "./doctor/checks/policy.ts";
import { checkProcess } from "./doctor/checks/process.ts";
import { checkRights } from "./doctor/checks/rights.ts";
import { checkSecretsAtRest } from "./doctor/checks/secrets-at-rest.ts";
import { checkSockets } from "./doctor/checks/sockets.ts";
import { checkStores } from "./doctor/checks/stores.ts";
import { type DoctorContext, makeContext } from "./doctor/context.ts";
import { type DoctorOptions, parseDoctorOptions, usage } from "./doctor/options.ts";
import { reportDocument, reportText, type Section, summarize } from "./doctor/report.ts";
import { findServeProcess, type ServeProcess } from "./doctor/serve-process.ts";

type Check = (context: DoctorContext) => Promise<readonly Finding[]>;

/** What is looked at, in the order of the report. */
const checks: readonly (readonly [string, Check])[] = [
	["Process", checkProcess],
	["Sockets", checkSockets],
	["API server", checkApiServer],
	["Rights", checkRights],
	["Secrets", checkSecretsAtRest],
	["Driver", checkDriver],
	["Policy", checkPolicy],
	["SecretProviderClass", checkClass],
];

/**
 * `claviger doctor`: looks at everything a mount needs, and says what to mend.
 *
 * @returns 0 nothing failed, 1 something failed, 2 wrong usage
 */
export async function run(args: readonly string[], io: CommandStreams): Promise<number> {
	const options = parseDoctorOptions(args);
	if (options.kind === "usage") {
		if (options.problem === undefined) io.stdout.write(usage);
		else io.stderr.write(`claviger doctor: ${options.problem}\n\n${usage}`);
		return options.problem === undefined ? 0 : 2;
	}
	try {
		const running = findServeProcess(options.processId);
		const serve = readOptions(options, running);
		const sections = await examine({ options, serve, running, stderr: io.stderr });
		io.stdout.write(options.json ? `${JSON.stringify(reportDocument(sections, running))}\n` : reportText(sections, running));
		return summarize(sections).failed === 0 ? 0 : 1;
	} catch (reason) {
		const error = ProviderError.from(reason);
		io.stderr.write(`claviger doctor: ${error.text}\n`);
		return error.code === "invalid" ? 2 : 1;
	}
}

/** Of two flags of one name the later counts. */
function readOptions({ serveFlags }: DoctorOptions, running: ServeProcess | undefined): ServeOptions {
	const options = readServeOptions([...(running?.flags ?? []), ...serveFlags], process.env);
	if (options === "help")
		throw new ProviderError("invalid", "The provider beside this process runs with --help.", { remedy: "Give --pid 0." });
	// As the provider itself does.
	if (options.caFile !== undefined) process.env["SSL_CERT_FILE"] = options.caFile;
	return options;
}

interface Examination {
	readonly options: DoctorOptions;
	readonly serve: ServeOptions;
	readonly running: ServeProcess | undefined;
	/** Hears of defects of the checks themselves. */
	readonly stderr: Writable;
}

async function examine({ options, serve, running, stderr }: Examination): Promise<readonly Section[]> {
	const ending = new AbortController();
	const seconds = options.timeoutMilliseconds / 1000;
	const timeUp = new ProviderError("stopped", `The time was up after ${seconds} s.`, { remedy: "Give it more: --timeout 2m" });
	const timer = setTimeout(() => ending.abort(timeUp), options.timeoutMilliseconds);
	const kubernetes = kubernetesClient(serve);
	const { signal } = ending;
	try {
		const context = makeContext({ options, serve, running, kubernetes, signal });
		const sections = checks.map(async ([title, check]) => {
			const findings = await inTime(signal, check(context)).catch((reason: unknown) => [broken(reason, stderr)]);
			return { title, findings };
		});
		const stores = inTime(signal, checkStores(context)).then(
			(found) => found.map(({ title, findings }) => ({ title: `Store ${title}`, findings })),
			(reason: unknown) => [{ title: "Stores", findings: [broken(reason, stderr)] }],
		);
		return [...(await Promise.all(sections)), ...(await stores)];
	} finally {
		clearTimeout(timer);
		kubernetes?.close();
	}
}

/** A check that does not hear the signal must not hold the others' findings back. */
async function inTime<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
	const { promise, reject } = Promise.withResolvers<never>();
	const abort = () => reject(signal.reason);
	if (signal.aborted) abort();
	signal.addEventListener("abort", abort, { once: true });
	return Promise.race([work, promise]).finally(() => signal.removeEventListener("abort", abort));
}

function broken(reason: unknown, stderr: Writable): Finding {
	const error = ProviderError.from(reason);
	if (error.code !== "internal") return failure("check", error, "See the cause, and ask again.");
	stderr.write(`claviger doctor: ${error.message} ${JSON.stringify(describeCause(error.cause))}\n`);
	return unchecked("check", "The check itself came to grief.", "Report it, with what stands on standard error.");
}
