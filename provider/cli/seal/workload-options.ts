import type { ParseArgsOptionsConfig } from "node:util";
import { type SealedFor, type WorkloadBinding, workloadBindings } from "../../sealing/workload.ts";
import { filePathProblem } from "../../shared/file-path.ts";
import { namespaceProblem, serviceAccountProblem } from "../../strongroom/names.ts";
import { checkName, choice, SealUsageError } from "./options.ts";
import type { PlaintextSource } from "./plaintext.ts";

/** The options that say whose a value is, where it comes from and what is printed, alike for every way to seal. */
export const workloadFlags = {
	namespace: { type: "string" },
	"service-account": { type: "string" },
	object: { type: "string" },
	bind: { type: "string" },
	file: { type: "string" },
	"trim-newline": { type: "boolean", default: false },
	dialect: { type: "string" },
	store: { type: "string" },
	help: { type: "boolean", short: "h", default: false },
} as const satisfies ParseArgsOptionsConfig;

/** The values of {@link workloadFlags}. */
export interface WorkloadValues {
	readonly namespace?: string | undefined;
	readonly "service-account"?: string | undefined;
	readonly object?: string | undefined;
	readonly bind?: string | undefined;
	readonly file?: string | undefined;
	readonly "trim-newline"?: boolean | undefined;
	readonly dialect?: string | undefined;
	readonly store?: string | undefined;
}

/** What is printed, and of which value. */
export interface PrintOptions<Dialect extends string> {
	/** Whose entry is printed. */
	readonly dialect: Dialect | "claviger";
	/** The store's name in a native class. */
	readonly store: string;
	readonly source: PlaintextSource;
}

export interface EntryOptions<Dialect extends string> extends PrintOptions<Dialect> {
	readonly sealedFor: SealedFor;
}

/** @param own the cloud's own dialect, whose entry is printed unless the native one is asked for. @throws SealUsageError */
export function readPrintOptions<Dialect extends string>(values: WorkloadValues, own: Dialect): PrintOptions<Dialect> {
	const dialect = choice<Dialect | "claviger">("--dialect", values.dialect, [own, "claviger"], own);
	if (values.store !== undefined && dialect !== "claviger") throw new SealUsageError("--store goes with --dialect claviger.");
	return { dialect, store: values.store ?? "main", source: { file: values.file, trimNewline: values["trim-newline"] ?? false } };
}

/** @param own as for {@link readPrintOptions}. @throws SealUsageError */
export function readEntryOptions<Dialect extends string>(values: WorkloadValues, own: Dialect): EntryOptions<Dialect> {
	return { ...readPrintOptions(values, own), sealedFor: readSealedFor(values) };
}

/** @throws SealUsageError */
export function readSealedFor(values: WorkloadValues): SealedFor {
	const { namespace = "", "service-account": serviceAccount = "", object = "" } = values;
	const kind = choice<WorkloadBinding>("--bind", values.bind, workloadBindings, "object");
	if (object === "") throw new SealUsageError("--object is missing: say what the value is delivered as.");
	const problem = filePathProblem(object) ?? (object.isWellFormed() ? undefined : "holds half of a surrogate pair");
	if (problem !== undefined) throw new SealUsageError(`--object ${problem}.`);
	checkWorkload(kind, namespace, serviceAccount);
	return { kind, namespace, serviceAccount, object };
}

/** Namespace and service account are there and are names as far as the value is bound to them. @throws SealUsageError */
export function checkWorkload(kind: WorkloadBinding, namespace: string, serviceAccount: string): void {
	checkName("--namespace", namespace, namespaceProblem(namespace), kind !== "none");
	const accountProblem = serviceAccount === "*" ? "is not one service account" : serviceAccountProblem(serviceAccount);
	checkName("--service-account", serviceAccount, accountProblem, kind === "object" || kind === "serviceAccount");
}

/** Whose the value is, for people. */
export function describeSealedFor({ kind, namespace, serviceAccount, object }: SealedFor): string {
	switch (kind) {
		case "object":
			return `the service account ${namespace}/${serviceAccount}, as ${JSON.stringify(object)},`;
		case "serviceAccount":
			return `the service account ${namespace}/${serviceAccount}`;
		case "namespace":
			return `the namespace ${namespace}`;
		case "none":
			return "every pod whose identity may use the key, where the administrator allows it, as it is bound to none,";
	}
}
