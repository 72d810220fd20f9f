import { ProviderError } from "../errors.ts";
import type { CommandStreams } from "./command.ts";
import { type AcceptedAnswer, acceptAnswer } from "./mount/answer.ts";
import { type Change, writeAtomically } from "./mount/atomic-writer.ts";
import { callMount } from "./mount/client.ts";
import { readRequest, socketPath } from "./mount/inputs.ts";
import { type MountOptions, parseMountOptions, type UnmountOptions, usage } from "./mount/options.ts";
import { describeMount, errorText, failureText, reportText } from "./mount/report.ts";
import { openVolume, removeVolume, type Volume } from "./mount/volume.ts";

/** What the person who runs the command is told. */
interface Outcome {
	readonly exitCode: number;
	/** For `--json`, on standard output. */
	readonly document: object;
	/** For people: on standard output when all went well, else on standard error. */
	readonly text: string;
	readonly warning?: string;
}

/**
 * `claviger mount`: plays the driver. It builds a request out of manifests, calls a provider's socket, judges the
 * answer and writes the files, each as the driver of version 1.6 does.
 *
 * @returns 0 mounted, 1 failed, 2 wrong usage
 */
export async function run(args: readonly string[], io: CommandStreams): Promise<number> {
	const options = parseMountOptions(args);
	if (options.kind === "usage") {
		if (options.problem === undefined) io.stdout.write(usage);
		else io.stderr.write(`claviger mount: ${options.problem}\n\n${usage}`);
		return options.problem === undefined ? 0 : 2;
	}
	const outcome = await perform(options, io).catch(failed);
	if (outcome.warning !== undefined) io.stderr.write(`claviger mount: ${outcome.warning}\n`);
	if (options.json) io.stdout.write(`${JSON.stringify(outcome.document)}\n`);
	else (outcome.exitCode === 0 ? io.stdout : io.stderr).write(outcome.text);
	return outcome.exitCode;
}

async function perform(options: MountOptions | UnmountOptions, io: CommandStreams): Promise<Outcome> {
	if (options.kind === "unmount") {
		removeVolume(options.target);
		return { exitCode: 0, document: { directory: options.target, removed: true }, text: `${options.target} is removed.\n` };
	}
	const { request, provider } = await readRequest(options, io.stdin);
	const socket = socketPath(options.socket, provider);
	// As with the driver the volume comes first: where it cannot be had, no store is asked.
	const volume = openVolume(options.target, options.tmpfs);
	try {
		const result = await callMount(socket, request, options.timeoutMilliseconds);
		if ("answer" in result) return mounted(volume, acceptAnswer(result.answer));
		volume.undo();
		const { status, errorCode, text } = result.failure;
		return { exitCode: 1, document: { error: { status, code: errorCode, text } }, text: failureText(result.failure) };
	} catch (error) {
		volume.undo();
		throw error;
	}
}

function mounted(volume: Volume, answer: AcceptedAnswer): Outcome {
	const changes: ReadonlyMap<string, Change> = answer.files.size === 0 ? new Map() : writeAtomically(volume.directory, answer.files);
	const report = describeMount(volume, answer, changes);
	const outcome = { exitCode: 0, document: report, text: reportText(report) };
	if (volume.medium !== "disk") return outcome;
	return { ...outcome, warning: `the files in ${volume.directory} are on a disk, not in memory; remove them with --unmount.` };
}

function failed(error: unknown): Outcome {
	const text = errorText(error);
	const code = error instanceof ProviderError ? error.code : undefined;
	return { exitCode: 1, document: { error: { code, text } }, text: `claviger mount: ${text}\n` };
}
