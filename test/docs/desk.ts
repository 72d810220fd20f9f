import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readText } from "node:stream/consumers";
import type { ExecutionContext } from "ava";

/** What a cloud's command line was told, as its stand-in in `commands/` sends it. */
export interface DeskCall {
	/** The words before the first option, such as `keyvault secret set`. */
	readonly words: readonly string[];
	readonly options: Options;
}

export type Options = Readonly<Record<string, string>>;

/** One command of a cloud's command line. */
export interface Operation {
	/** The options that the documents give it, each of which it must have; others are refused. */
	readonly options: readonly string[];
	/** How many names follow its own words, such as that of a secret; default: any number. */
	readonly names?: number;
	/** @returns what the command prints. @throws Error for what the cloud would refuse */
	perform(options: Options, names: readonly string[]): unknown;
}

/**
 * The counter of a cloud where its command line is served: it checks every command, and sets the servers of the test
 * accordingly. It ends with the test.
 *
 * @returns its address
 */
export async function openDesk(t: ExecutionContext<unknown>, operations: Readonly<Record<string, Operation>>): Promise<string> {
	const server = createServer(async (incoming, outgoing) => {
		try {
			const answer = (await serve(await readCall(incoming), operations)) ?? {};
			outgoing.writeHead(200).end(JSON.stringify(answer));
		} catch (error) {
			outgoing.writeHead(400).end(String(error));
		}
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	t.teardown(() => server.close());
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function readCall(incoming: IncomingMessage): Promise<DeskCall> {
	return JSON.parse(await readText(incoming)) as DeskCall;
}

function serve({ words, options }: DeskCall, operations: Readonly<Record<string, Operation>>): unknown {
	const known = Object.keys(operations).find((name) => words.slice(0, name.split(" ").length).join(" ") === name);
	const operation = known === undefined ? undefined : operations[known];
	if (known === undefined || operation === undefined) throw new Error("the documents' tests do not know this command");
	const names = words.slice(known.split(" ").length);
	if (operation.names !== undefined && names.length !== operation.names) throw new Error(`${known} takes ${operation.names} names`);
	const missing = operation.options.filter((name) => options[name] === undefined);
	const surplus = Object.keys(options).filter((name) => !operation.options.includes(name));
	if (missing.length + surplus.length > 0) throw new Error(`${known} lacks ${missing.join()}, and does not take ${surplus.join()}`);
	return operation.perform(options, names);
}

/** An option that the desk has seen to be there. */
export function option(options: Options, name: string): string {
	const value = options[name];
	if (value === undefined || value === "") throw new Error(`--${name} is empty`);
	return value;
}
