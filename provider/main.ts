import type { CommandStreams } from "./cli/command.ts";
import { runtimeVersion } from "./shared/runtime-version.ts";

type Run = (args: readonly string[], io: CommandStreams) => Promise<number>;

/** Each command loads on use: the provider in the DaemonSet never pays for the tools. */
const commands: Readonly<Record<string, { readonly summary: string; load(): Promise<{ run: Run }> }>> = {
	serve: { summary: "run the provider", load: () => import("./cli/serve.ts") },
	lint: { summary: "find every fault of SecretProviderClasses and pods before they are applied", load: () => import("./cli/lint.ts") },
	mount: { summary: "play the driver: mount a SecretProviderClass from a running provider", load: () => import("./cli/mount.ts") },
	doctor: { summary: "look at everything that a mount needs, and say what to mend", load: () => import("./cli/doctor.ts") },
	seal: { summary: "encrypt a value, so that it may lie in a SecretProviderClass", load: () => import("./cli/seal.ts") },
	reseal: { summary: "encrypt the sealed values of manifests anew for another key", load: () => import("./cli/reseal.ts") },
	strongroom: { summary: "administer the own encrypted store", load: () => import("./cli/strongroom.ts") },
};

/** Runs one command and sets the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function main(args: readonly string[]): Promise<void> {
	const io: CommandStreams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
	process.exitCode = await dispatch(args, io);
	// A provider that has drained, or could not start, ends now: a peer that never closes its connection must not keep it.
	if (args[0] === "serve") process.exit();
}

async function dispatch([name, ...rest]: readonly string[], io: CommandStreams): Promise<number> {
	if (name === undefined || name === "help" || name === "--help" || name === "-h") {
		io.stdout.write(usage());
		return name === undefined ? 2 : 0;
	}
	if (name === "version" || name === "--version") {
		io.stdout.write(`claviger ${runtimeVersion}\n`);
		return 0;
	}
	const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
	if (command === undefined) {
		io.stderr.write(`claviger: there is no command ${JSON.stringify(name)}.\n\n${usage()}`);
		return 2;
	}
	const { run } = await command.load();
	return run(rest, io);
}

function usage(): string {
	const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`);
	return `claviger: one Secrets Store CSI provider for every store\n\nUsage: claviger COMMAND [OPTIONS]\n\n${lines.join("\n")}\n  version     print the version\n\n"claviger COMMAND --help" tells a command's options.\n`;
}
