import { readFileSync } from "node:fs";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { ExecutionContext } from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { Faults } from "../../provider/plan/faults.ts";
import { Fields } from "../../provider/plan/fields.ts";
import { readYaml, type YamlNode } from "../../provider/plan/yaml.ts";
import type { Failed, Outcome, Ref, Session } from "../../provider/stores/store.ts";
import type { MountResult } from "../support/mount-client.ts";
import { seal } from "../support/seal.ts";

/** Lets the clients of this process, which know no certificates of the tests, believe in a server. */
export function trust(caFile: string): void {
	setDefaultCACertificates([...getCACertificates(), readFileSync(caFile, "utf8")]);
}

/** What the command prints. @throws Error with what it says instead */
export async function sealedEntry(args: readonly string[], value: Buffer | string): Promise<string> {
	const { code, stdout, stderr } = await seal(args, value);
	if (code !== 0) throw new Error(stderr);
	return stdout;
}

/**
 * Reads the first entry of a text as the native dialect does.
 *
 * @param read what is the store's
 * @param others fields that are read elsewhere
 * @throws ProviderError `invalid`
 */
export function readNativeItem<Read>(text: string, read: (fields: Fields) => Read, others: readonly string[] = ["name", "store"]): Read {
	const list = readYaml(text);
	const items: readonly YamlNode[] = Array.isArray(list) ? list : [];
	const item = items[0];
	if (!(item instanceof Map)) throw new Error("no entry");
	const faults = new Faults();
	const fields = new Fields(item, "objects[0]", faults);
	const value = read(fields);
	for (const key of others) fields.text(key);
	fields.done();
	faults.throwIfAny("The parameters");
	return value;
}

/** What is wrong with an entry as each reader says it; empty from one that takes it. */
export function faultsOfReaders(readers: readonly (() => unknown)[]): readonly string[] {
	return readers.map((read) => {
		try {
			read();
			return "";
		} catch (error) {
			if (error instanceof ProviderError && error.code === "invalid") return error.message;
			throw error;
		}
	});
}

/** For entries that nobody foresaw: each reader gives a ref, or an error that is `invalid`. */
export function takesOrFaults(t: ExecutionContext<unknown>, readers: readonly (() => unknown)[]): void {
	t.notThrows(() => faultsOfReaders(readers));
}

/** A value as the store gave it. @throws ProviderError why there is none */
export function openedValue(outcome: Outcome | Failed | undefined): Buffer {
	if (outcome?.kind === "found") return outcome.value.reveal();
	if (outcome === undefined || (outcome.kind === "failed") !== ["invalid", "unreachable"].includes(outcome.error.code))
		throw new Error(`an outcome of the wrong kind: ${outcome?.kind}`);
	throw outcome.error;
}

/** The error that opening ends with. */
export async function refusalOf(opening: Promise<Buffer>): Promise<ProviderError> {
	const end = await opening.catch((error: unknown) => error);
	if (end instanceof ProviderError) return end;
	throw end instanceof Error ? end : new Error("the value was opened");
}

/** Opens values as the pods of accounts such as `shop/web`, each of which logs in once. */
export abstract class Openings<StoreRef extends Ref> {
	readonly #sessions = new Map<string, Promise<Session>>();

	/** Logs in as pods of an account. */
	abstract logIn(account: string): Promise<Session>;

	/** What a pod of the account is answered. */
	async outcome(ref: StoreRef, account = "shop/web"): Promise<Outcome | Failed> {
		const session = this.#sessions.get(account) ?? this.logIn(account);
		this.#sessions.set(account, session);
		const [outcome] = await (await session).read([ref], AbortSignal.timeout(20_000));
		if (outcome === undefined) throw new Error("no answer");
		return outcome;
	}

	async open(ref: StoreRef, account?: string): Promise<Buffer> {
		return openedValue(await this.outcome(ref, account));
	}

	refusalOf(ref: StoreRef, account?: string): Promise<ProviderError> {
		return refusalOf(this.open(ref, account));
	}
}

/** The same bytes but for one bit. */
export function flipped(bytes: Buffer, index: number): Buffer {
	const copy = Buffer.from(bytes);
	copy.writeUInt8(copy.readUInt8(index) ^ 1, index);
	return copy;
}

/** A mounted file's text. */
export function textOf(mounted: MountResult, file: string): string | undefined {
	return mounted.files.get(file)?.contents.toString();
}
