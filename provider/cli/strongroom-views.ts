import { ProviderError } from "../errors.ts";
import { type AuditHead, type AuditRecord, chainHead, chainProblem, listActs } from "../strongroom/audit.ts";
import { listSecrets, listVersions } from "../strongroom/list.ts";
import { checkAddress, describeAddress } from "../strongroom/names.ts";
import { readWithoutKeys } from "../strongroom/open-store.ts";
import { addressOf, type Call, type Command, namespaceOption, UsageError } from "./strongroom-command.ts";
import { printJson, printTable } from "./strongroom-output.ts";

export const list: Command = {
	operands: [],
	summary: "list the secrets, without their values",
	details: "Needs no key.",
	options: { namespace: { value: "NS", help: "only this namespace" } },
	async run(call) {
		const secrets = await readWithoutKeys(call.location, (rows) => listSecrets(rows, call.texts.get("namespace")));
		if (call.switches.has("json")) {
			printJson(call.io.stdout, secrets);
			return 0;
		}
		const lines = secrets.map(({ namespace, name, version, kept, content, updated, actor }) => {
			return [namespace, name, String(version), String(kept), content, updated, actor];
		});
		printTable(call.io.stdout, ["NAMESPACE", "NAME", "VERSION", "KEPT", "CONTENT", "UPDATED", "BY"], lines);
		return 0;
	},
};

export const versions: Command = {
	operands: ["NAME"],
	summary: "list a secret's versions, without their values",
	details: "Needs no key. The last ten versions are kept.",
	options: { namespace: namespaceOption },
	async run(call) {
		const address = addressOf(call);
		checkAddress(address);
		const found = await readWithoutKeys(call.location, (rows) => listVersions(rows, address));
		if (found.length === 0) {
			throw new ProviderError("absent", `There is no secret ${describeAddress(address)}.`, { remedy: "See: claviger strongroom list" });
		}
		if (call.switches.has("json")) printJson(call.io.stdout, found);
		else {
			const lines = found.map(({ version, state, content, created, actor }) => [String(version), state, content, created, actor]);
			printTable(call.io.stdout, ["VERSION", "STATE", "CONTENT", "WRITTEN", "BY"], lines);
		}
		return 0;
	},
};

export const audit: Command = {
	operands: [],
	summary: "show or verify the record of administrative acts",
	details: `Every act is recorded in the transaction that does it, chained to the record before by a hash. Verifying shows a
changed, removed or inserted record. Whoever can write the database could make the whole chain anew or cut its end:
keep the head that --verify prints elsewhere, and give it back with --head next time. Needs no key.`,
	options: {
		verify: { help: "verify the chain and print its head" },
		head: { value: "N:HASH", help: "a head that was printed before: the chain must still hold it" },
	},
	async run(call) {
		const head = headOption(call);
		const records = await readWithoutKeys(call.location, listActs);
		if (call.switches.has("verify") || head !== undefined) return verify(call, records, head);
		if (call.switches.has("json")) printJson(call.io.stdout, records.map(toJson));
		else printTable(call.io.stdout, ["NO", "TIME", "BY", "ACTION", "OBJECT", "VERSION"], records.map(toLine));
		return 0;
	},
};

function verify(call: Call, records: readonly AuditRecord[], kept: AuditHead | undefined): number {
	const problem = chainProblem(records, kept);
	if (problem !== undefined) {
		throw new ProviderError("unreachable", `The record of administrative acts is not authentic. ${problem}`, {
			remedy: "Compare it with a backup.",
		});
	}
	const head = chainHead(records);
	if (call.switches.has("json")) printJson(call.io.stdout, { records: records.length, head });
	else call.io.stdout.write(`${records.length} records, all in order. Head: ${head?.sequence}:${head?.hash}\n`);
	return 0;
}

function headOption(call: Call): AuditHead | undefined {
	const text = call.texts.get("head");
	if (text === undefined) return undefined;
	const [, sequence, hash] = /^([1-9][0-9]{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
	if (sequence === undefined || hash === undefined)
		throw new UsageError("--head needs what --verify printed: a number, a colon, 64 hexadecimal digits.");
	return { sequence: Number(sequence), hash };
}

function toLine({ sequence, time, actor, action, object, version }: AuditRecord): readonly string[] {
	return [String(sequence), time, actor, action, object, version === undefined ? "-" : String(version)];
}

function toJson({ previous, hash, ...record }: AuditRecord): Readonly<Record<string, unknown>> {
	return { ...record, previous: previous.toString("hex"), hash: hash.toString("hex") };
}
