import { userInfo } from "node:os";
import { parseArgs } from "node:util";
import { type Location, locate } from "../strongroom/location.ts";
import type { SecretAddress } from "../strongroom/names.ts";
import { OpenStore } from "../strongroom/open-store.ts";
import type { CommandStreams } from "./command.ts";

/** A command line that does not say what to do: exit code 2. */
export class UsageError extends Error {
	override readonly name = "UsageError";
}

/** What an option takes: a value, which the help calls by this word, or nothing. */
export interface Option {
	readonly value?: string;
	readonly help: string;
}

/** One command of `claviger strongroom`. */
export interface Command {
	/** What stands behind the command's name, such as `NAME`. */
	readonly operands: readonly string[];
	readonly summary: string;
	/** Further paragraphs of the help. */
	readonly details: string;
	readonly options: Readonly<Record<string, Option>>;
	run(call: Call): Promise<number>;
}

/** A command line, taken apart. */
export interface Call {
	readonly operands: readonly string[];
	readonly texts: ReadonlyMap<string, string>;
	readonly switches: ReadonlySet<string>;
	readonly location: Location;
	/** The user of the operating system, for the audit. */
	readonly actor: string;
	readonly io: CommandStreams;
}

export const commonOptions: Readonly<Record<string, Option>> = {
	directory: { value: "DIR", help: "where the strongroom lies (CLAVIGER_STRONGROOM; /var/lib/claviger/strongroom)" },
	"key-file": { value: "FILE", help: "the unseal key (CLAVIGER_STRONGROOM_KEY; DIR/unseal.key)" },
	"key-file2": { value: "FILE", help: "the second half of the unseal key, where there is one (CLAVIGER_STRONGROOM_KEY2)" },
	json: { help: "answer in JSON" },
	help: { help: "this text" },
};

export const namespaceOption: Option = { value: "NS", help: "the secret's Kubernetes namespace (default)" };

/**
 * Takes arguments apart. An argument that is not understood is not repeated, because it may be a value
 * that somebody typed where none belongs.
 *
 * @throws UsageError
 */
export function parseCall(command: Command, args: readonly string[], io: CommandStreams): Call {
	const known = { ...commonOptions, ...command.options };
	const config = Object.fromEntries(Object.entries(known).map(([name, { value }]) => [name, optionConfig(name, value)]));
	const { tokens } = parseArgs({ args: [...args], options: config, strict: false, allowPositionals: true, tokens: true });
	const operands: string[] = [];
	const texts = new Map<string, string>();
	const switches = new Set<string>();
	for (const token of tokens) {
		if (token.kind === "positional") operands.push(token.value);
		if (token.kind !== "option") continue;
		const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
		if (option === undefined) throw new UsageError(`${optionName(token.name)} is not known.`);
		if (option.value === undefined) switches.add(withoutValue(token.name, token.value));
		else if (texts.has(token.name)) throw new UsageError(`--${token.name} is given twice.`);
		else texts.set(token.name, withValue(token, option.value));
	}
	const location = locate({ directory: texts.get("directory"), keyFile: texts.get("key-file"), keyFile2: texts.get("key-file2") });
	return { operands, texts, switches, location, actor: currentUser(), io };
}

function optionConfig(name: string, value: string | undefined) {
	const type = value === undefined ? ("boolean" as const) : ("string" as const);
	return name === "help" ? { type, short: "h" } : { type };
}

/** An unknown option's name, when it looks like one: then it is a misspelling rather than a value. */
function optionName(name: string): string {
	return /^[a-z][a-z-]{0,20}$/.test(name) ? `The option --${name}` : "An option";
}

function withValue(token: { name: string; value?: string | undefined; inlineValue?: boolean | undefined }, placeholder: string): string {
	const { name, value, inlineValue } = token;
	// `--namespace --json` forgets a value rather than names a namespace `--json`.
	const isNextOption = inlineValue !== true && value?.startsWith("-") === true;
	if (value === undefined || value === "" || isNextOption) throw new UsageError(`--${name} needs a value: --${name}=${placeholder}`);
	return value;
}

function withoutValue(name: string, value: string | undefined): string {
	if (value !== undefined) throw new UsageError(`--${name} takes no value.`);
	return name;
}

/** @throws UsageError when there are too few or too many operands */
export function checkOperands(command: Command, call: Call): void {
	const missing = command.operands[call.operands.length];
	if (missing !== undefined) throw new UsageError(`${missing} is missing.`);
	if (call.operands.length === command.operands.length) return;
	throw new UsageError(
		"There are more arguments than this command takes. A secret value never belongs on the command line, where other users can see it.",
	);
}

/** The secret that the first operand and `--namespace` name. */
export function addressOf(call: Call): SecretAddress {
	return { namespace: call.texts.get("namespace") ?? "default", name: (call.operands[0] ?? "").normalize("NFC") };
}

/** A version given as an option; undefined when it is not given. */
export function versionOption(call: Call, name: string, least: 0 | 1): number | undefined {
	const text = call.texts.get(name);
	if (text === undefined) return undefined;
	if (!/^(0|[1-9][0-9]{0,8})$/.test(text) || Number(text) < least) throw new UsageError(`--${name} needs a number from ${least}.`);
	return Number(text);
}

/** Runs work on the unsealed store and closes it, whatever happens. */
export async function withStore<T>(call: Call, work: (store: OpenStore) => Promise<T>): Promise<T> {
	const store = await OpenStore.open(call.location, { access: "write", busyTimeout: 10_000 });
	try {
		return await work(store);
	} finally {
		await store.close();
	}
}

function currentUser(): string {
	try {
		return userInfo().username;
	} catch {
		// A container's user often has no entry in the password file.
		return `uid:${process.getuid?.() ?? "unknown"}`;
	}
}
