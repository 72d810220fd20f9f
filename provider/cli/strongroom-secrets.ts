import { createStrongroom } from "../strongroom/create.ts";
import { deleteSecret, destroyVersion } from "../strongroom/delete.ts";
import { type Content, contents } from "../strongroom/keys.ts";
import { describeAddress } from "../strongroom/names.ts";
import { rotateKeys } from "../strongroom/rotate.ts";
import { putMember, putSecret } from "../strongroom/write.ts";
import { addressOf, type Call, type Command, namespaceOption, UsageError, versionOption, withStore } from "./strongroom-command.ts";
import { printJson, printResult } from "./strongroom-output.ts";
import { obtainValue, valueSource } from "./strongroom-value.ts";

const ifVersionOption = { value: "N", help: "only when N is the current version; 0: only when there is none" };

export const init: Command = {
	operands: [],
	summary: "make a strongroom: its directory, unseal key and database",
	details: `The unseal key opens everything: keep a copy of it apart from copies of the database, and better keep the
key itself elsewhere too (--key-file). With --key-file2 two files are needed, which may lie in two places.
A key file that exists already is used as it is.`,
	options: {},
	async run(call) {
		const made = await createStrongroom(call.location, call.actor);
		if (call.switches.has("json")) {
			printJson(call.io.stdout, { directory: call.location.directory, ...made });
			return 0;
		}
		call.io.stdout.write(`Made the strongroom ${made.storeId} in ${call.location.directory}.\n`);
		for (const { path, made: isNew } of made.keyFiles) {
			call.io.stdout.write(`${isNew ? "Made" : "Used"} the key file ${path}; without it every value is lost.\n`);
		}
		return 0;
	},
};

export const put: Command = {
	operands: ["NAME"],
	summary: "write a value as the secret's next version",
	details: `The value comes from standard input, byte for byte, unless --from-file or --generate says otherwise.
A value that is a JSON object or list is kept as JSON, so that pods may select parts of it.
With --json-key only that key is set; the others stay as they are, unread.`,
	options: {
		namespace: namespaceOption,
		"from-file": { value: "FILE", help: "read the value from a file" },
		generate: { value: "RECIPE", help: "make a random value that nobody sees: password (32 letters and digits), bytes:N" },
		"json-key": { value: "KEY", help: "set one key of a JSON object to this text" },
		content: { value: "KIND", help: "what the value is taken for: json, bytes" },
		"trim-newline": { help: "drop one newline at the value's end" },
		"if-version": ifVersionOption,
	},
	async run(call) {
		const address = addressOf(call);
		const options = { actor: call.actor, ifVersion: versionOption(call, "if-version", 0) };
		const content = contentOption(call);
		const member = call.texts.get("json-key");
		if (member !== undefined && content !== undefined) throw new UsageError("--json-key and --content exclude each other.");
		const source = valueSource(call);
		const version = await withStore(call, async (store) => {
			const value = await obtainValue(source, call);
			try {
				return member === undefined
					? await putSecret(store, address, value, content, options)
					: await putMember(store, address, member, value, options);
			} finally {
				value.fill(0);
			}
		});
		return printResult(call, { ...address, version }, `Wrote ${describeAddress(address)}, version ${version}.`);
	},
};

export const remove: Command = {
	operands: ["NAME"],
	summary: "destroy a secret, or one version of it",
	details: `What is destroyed cannot be brought back, except from a backup of the database together with the unseal key.
Destroying the current version leaves the secret without a value until the next put.`,
	options: {
		namespace: namespaceOption,
		version: { value: "N", help: "destroy only this version" },
		"if-version": ifVersionOption,
	},
	async run(call) {
		const address = addressOf(call);
		const version = versionOption(call, "version", 1);
		const options = { actor: call.actor, ifVersion: versionOption(call, "if-version", 0) };
		if (version === undefined) {
			await withStore(call, (store) => deleteSecret(store, address, options));
			return printResult(call, { ...address, deleted: true }, `Destroyed ${describeAddress(address)} and all its versions.`);
		}
		await withStore(call, (store) => destroyVersion(store, address, version, options));
		return printResult(call, { ...address, version, deleted: true }, `Destroyed version ${version} of ${describeAddress(address)}.`);
	},
};

export const rotate: Command = {
	operands: [],
	summary: "replace the key that seals the secrets' keys",
	details: `Makes a new key generation, seals every secret's own key anew under it and destroys the old one. Values stay
as they are, pods go on reading, and after an interruption the same command resumes.`,
	options: {},
	async run(call) {
		const report = (finished: number, total: number) => call.io.stderr.write(`Sealed ${finished} of ${total} keys anew.\n`);
		const rotation = await withStore(call, (store) => rotateKeys(store, { actor: call.actor, onProgress: report }));
		const { generation, resumed, rewrapped, retired, damaged } = rotation;
		const verb = resumed ? "Resumed the interrupted rotation" : "Rotated";
		printResult(call, rotation, `${verb}: key generation ${generation} is active, ${rewrapped} keys sealed anew.`);
		if (retired) return 0;
		const names = damaged.length === 0 ? "an entry without a name" : [...new Set(damaged)].join(", ");
		call.io.stderr.write(
			`The old key generation is kept, because these failed authentication: ${names}. Restore them from a backup, or delete them, and run rotate again.\n`,
		);
		return 1;
	},
};

function contentOption(call: Call): Content | undefined {
	const text = call.texts.get("content");
	const content = contents.find((candidate) => candidate === text);
	if (text !== undefined && content === undefined) throw new UsageError(`--content needs one of ${contents.join(", ")}.`);
	return content;
}
