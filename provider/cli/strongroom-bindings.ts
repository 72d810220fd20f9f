import {
	type Binding,
	bind as bindPods,
	describeBinding,
	isExpired,
	listBindings,
	type StoredBinding,
	unbind as unbindPods,
} from "../strongroom/bindings.ts";
import { type Call, type Command, UsageError, withStore } from "./strongroom-command.ts";
import { printJson, printResult, printTable } from "./strongroom-output.ts";

const subjectOptions = {
	"service-account": { value: "SA", help: "the pods' service account, or '*': all of the namespace but `default`" },
	namespace: { value: "NS", help: "the secret's Kubernetes namespace (default)" },
	"pod-namespace": { value: "NS", help: "the pods' namespace (the secret's)" },
};

export const bind: Command = {
	operands: ["NAME"],
	summary: "allow pods to mount a secret",
	details: `NAME is a secret's name, a prefix such as 'shop/*', or '*' for the whole namespace. Without a binding nobody
may mount anything. '*' as service account does not include \`default\`, which every pod has that names none.`,
	options: {
		...subjectOptions,
		expires: { value: "TIME", help: "end of the permission: 30d, 12h, 90m, or a date such as 2027-01-31 or 2027-01-31T18:00:00Z" },
	},
	async run(call) {
		const expires = expiryOption(call);
		const binding = expires === undefined ? bindingOf(call) : { ...bindingOf(call), expires };
		await withStore(call, (store) => bindPods(store, binding, call.actor));
		return printResult(call, binding, `${describeBinding(binding)}${expires === undefined ? "" : ` until ${expires}`}.`);
	},
};

export const unbind: Command = {
	operands: ["NAME"],
	summary: "take such a permission back",
	details: `Takes the same NAME and options as the bind that it undoes. Pods that hold the secret lose it at their next refresh.`,
	options: subjectOptions,
	async run(call) {
		const binding = bindingOf(call);
		await withStore(call, (store) => unbindPods(store, binding, call.actor));
		return printResult(call, binding, `No longer: ${describeBinding(binding)}.`);
	},
};

export const bindings: Command = {
	operands: [],
	summary: "list who may mount what",
	details: "Bindings that are marked damaged were not written by this program, or were changed; they have no effect.",
	options: {},
	async run(call) {
		const list = await withStore(call, (store) => store.read(listBindings));
		if (call.switches.has("json")) printJson(call.io.stdout, list);
		else printTable(call.io.stdout, ["PODS", "MAY MOUNT", "OF NAMESPACE", "UNTIL", "STATE", "SINCE", "BY"], list.bindings.map(toLine));
		if (list.intact) return 0;
		call.io.stderr.write(
			"The list of bindings is damaged: it is not what was last written. Unbind what is damaged or should not be there, bind what is missing.\n",
		);
		return 1;
	},
};

function toLine(binding: StoredBinding): readonly string[] {
	const { podNamespace, serviceAccount, namespace, pattern, expires, damaged, created, actor } = binding;
	const state = damaged ? "damaged" : isExpired(binding, new Date()) ? "expired" : "valid";
	return [`${podNamespace}/${serviceAccount}`, pattern, namespace, expires ?? "-", state, created, actor];
}

function bindingOf(call: Call): Binding {
	const namespace = call.texts.get("namespace") ?? "default";
	const serviceAccount = call.texts.get("service-account");
	if (serviceAccount === undefined) throw new UsageError("--service-account is missing: name the account of the pods, or '*'.");
	return {
		podNamespace: call.texts.get("pod-namespace") ?? namespace,
		serviceAccount,
		namespace,
		pattern: (call.operands[0] ?? "").normalize("NFC"),
	};
}

const unitMilliseconds = new Map([
	["m", 60_000],
	["h", 3_600_000],
	["d", 86_400_000],
]);

function expiryOption(call: Call): string | undefined {
	const text = call.texts.get("expires");
	if (text === undefined) return undefined;
	const time = parseExpiry(text, Date.now());
	if (time === undefined) throw new UsageError("--expires needs a duration such as 30d, 12h or 90m, or a date such as 2027-01-31.");
	if (time.getTime() <= Date.now()) throw new UsageError("--expires lies in the past.");
	return time.toISOString();
}

function parseExpiry(text: string, now: number): Date | undefined {
	const duration = /^([1-9][0-9]{0,4})([mhd])$/.exec(text);
	if (duration !== null) return new Date(now + Number(duration[1]) * (unitMilliseconds.get(duration[2] ?? "") ?? 0));
	if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/.test(text)) return undefined;
	const time = new Date(text);
	return Number.isNaN(time.getTime()) ? undefined : time;
}
