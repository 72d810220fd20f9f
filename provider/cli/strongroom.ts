import { ProviderError } from "../errors.ts";
import type { CommandStreams } from "./command.ts";
import { bind, bindings, unbind } from "./strongroom-bindings.ts";
import { type Command, checkOperands, parseCall, UsageError } from "./strongroom-command.ts";
import { commandHelp, overview } from "./strongroom-output.ts";
import { init, put, remove, rotate } from "./strongroom-secrets.ts";
import { audit, list, versions } from "./strongroom-views.ts";

const commands: ReadonlyMap<string, Command> = new Map([
	["init", init],
	["put", put],
	["list", list],
	["versions", versions],
	["delete", remove],
	["rotate", rotate],
	["bind", bind],
	["unbind", unbind],
	["bindings", bindings],
	["audit", audit],
]);

/**
 * `claviger strongroom`: administers the own store. No command, and no error, shows a value, its length or a hash of it.
 *
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage
 */
export async function run(args: readonly string[], io: CommandStreams): Promise<number> {
	const [name, ...rest] = args;
	if (name === undefined || name === "help" || name === "--help" || name === "-h") {
		io.stdout.write(overview(commands));
		return name === undefined ? 2 : 0;
	}
	const command = commands.get(name);
	if (command === undefined) {
		io.stderr.write(`claviger strongroom: there is no such command.\n\n${overview(commands)}`);
		return 2;
	}
	try {
		const call = parseCall(command, rest, io);
		if (call.switches.has("help")) {
			io.stdout.write(commandHelp(name, command));
			return 0;
		}
		checkOperands(command, call);
		return await command.run(call);
	} catch (error) {
		return report(name, error, io);
	}
}

function report(name: string, error: unknown, io: CommandStreams): number {
	if (error instanceof UsageError) {
		io.stderr.write(`claviger strongroom ${name}: ${error.message}\nSee: claviger strongroom ${name} --help\n`);
		return 2;
	}
	io.stderr.write(`claviger strongroom ${name}: ${ProviderError.from(error).text}\n`);
	return 1;
}
