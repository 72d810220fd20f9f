import inspector from "node:inspector";
import { ProviderError } from "../errors.ts";
import { readServeOptions, serveHelp } from "../options.ts";
import { startProvider } from "../provider.ts";
import { createLogger, describeCause, type Logger } from "../telemetry/log.ts";
import type { CommandStreams } from "./command.ts";

/** `claviger serve`: runs until SIGTERM or SIGINT, then drains. */
export async function run(args: readonly string[], io: CommandStreams): Promise<number> {
	try {
		const options = readServeOptions(args, process.env);
		if (options === "help") {
			io.stdout.write(serveHelp());
			return 0;
		}
		refuseUnsafeProcess();
		// Every store honours this variable, as the programs beside the provider do.
		if (options.caFile !== undefined) process.env["SSL_CERT_FILE"] = options.caFile;
		const log = createLogger(options.logLevel);
		survive(log);
		const stopped = terminated();
		const provider = await startProvider(options, log);
		await stopped;
		await provider.stop();
		return 0;
	} catch (reason) {
		const error = ProviderError.from(reason);
		io.stderr.write(`claviger serve: ${error.text}\n`);
		if (error.code === "internal") io.stderr.write(`${JSON.stringify(describeCause(error.cause))}\n`);
		return error.code === "invalid" ? 2 : 1;
	}
}

/** Switches that are never meant for a provider of secrets: no certificate checks, or a debugger that reads its memory. */
function refuseUnsafeProcess(): void {
	if (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0") {
		throw new ProviderError("invalid", "NODE_TLS_REJECT_UNAUTHORIZED=0 turns off every certificate check.", {
			remedy: "Remove it; allow single servers with skipTlsVerify in the policy.",
		});
	}
	if (inspector.url() !== undefined) {
		throw new ProviderError("invalid", "Node's inspector is open, and it reads this process's memory.", {
			remedy: "Remove --inspect from the command and from NODE_OPTIONS.",
		});
	}
}

/**
 * A promise that some library forgot must not end the provider of a whole node: it is logged, and the
 * Mount it belonged to ends by its deadline.
 */
function survive(log: Logger): void {
	process.on("unhandledRejection", (reason) =>
		log.error({ event: "uncaught_error", ...describeCause(reason) }, "an error was caught by nobody"),
	);
}

/** Settles at the first signal to end; a second one while draining ends the process at once. */
function terminated(): Promise<void> {
	return new Promise((resolve) => {
		const stop = () => {
			process.once("SIGTERM", () => process.exit(1));
			process.once("SIGINT", () => process.exit(1));
			resolve();
		};
		process.once("SIGTERM", stop);
		process.once("SIGINT", stop);
	});
}
