import type { ProviderError } from "../../errors.ts";
import { Faults } from "../../plan/faults.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import type { FileRecipe, MountPlan, PlannedObject, PlannedStore } from "../../plan/mount-plan.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import type { Dialect } from "../module.ts";
import { type ConjurInstance, type ConjurOptions, makeInstance, type ReportOption, readOptions, serviceOf } from "./instance.ts";
import { clientText, configurationPrefix, retrievalText, schemeText } from "./legacy-texts.ts";
import { identityProblem, identityRemedy, loginPath } from "./login.ts";
import { type ConjurParameters, checkVersion, type Defaults, isMissing, parameterOf, readParameters } from "./parameters.ts";
import { type ConjurRef, makeRef } from "./ref.ts";
import { readSecretsList, type SecretEntry } from "./secrets-list.ts";
import { annotationsFor, findSource, secretsAnnotation } from "./secrets-source.ts";
import { readVariableId } from "./variable-id.ts";

const usualAudience = "conjur";

/** A pair of the list with the variable that it means. */
interface PlannedEntry extends SecretEntry {
	readonly object: string;
	readonly ref: ConjurRef;
}

/**
 * The dialect `conjur`: SecretProviderClasses of cyberark/conjur-k8s-csi-provider 0.2.
 *
 * @param fields what classes may leave out, under the names of the native dialect
 */
export function makeConjurDialect(name: string, fields: Fields): Dialect {
	const options = readOptions(fields);
	const defaults = { options, identity: fields.text("identity") ?? "", audience: fields.text("audience") || usualAudience };
	// An administrator's fault shows when the policy is read, not at somebody's Mount.
	const usual = makeInstance({ ...options, name, bringsOwnTrust: false }, (option, message, remedy) => {
		if (options[option] !== "") fields.reject(option, message, remedy);
	});
	const isWhole = options.address !== "" && options.account !== "" && options.service !== "";
	return {
		name,
		objectsParameter: "secrets",
		...(isWhole ? { usualStore: () => planStore(usual, defaults.identity, defaults) } : {}),
		podAnnotations: annotationsFor,
		plan: (request) => planMount(request, defaults),
	};
}

function planMount(request: MountRequest, defaults: Defaults): MountPlan {
	const faults = new Faults();
	checkVersion(request.parameters, faults);
	const parameters = readParameters(request.parameters, defaults, faults);
	const { source, warnings, isOpen = false } = findSource(request, faults);
	const entries = planEntries(source === undefined ? [] : readSecretsList(source, faults), parameters.options.account, faults);
	const identity = identityProblem(parameters.identity);
	if (identity !== undefined) faults.add("identity", identity, identityRemedy);
	const instance = planInstance(request, parameters, entries, faults);
	faults.throwIfAny("The SecretProviderClass parameters");
	return {
		stores: [planStore(instance, parameters.identity, defaults)],
		objects: planObjects(entries),
		files: [...entries.map((entry) => planFile(entry, request.defaultMode)), ...(isOpen ? [unknownFiles] : [])],
		warnings,
		explain: (_object: PlannedObject, error: ProviderError) => retrievalText(error.legacyText ?? error.message),
	};
}

/** What the annotation of a pod that is not at hand may name. */
const unknownFiles: FileRecipe = { path: secretsAnnotation, objects: [], produce: () => [] };

/** The client library's checks come last, in its own order. */
function planInstance(
	request: MountRequest,
	parameters: ConjurParameters,
	entries: readonly PlannedEntry[],
	faults: Faults,
): ConjurInstance {
	const { options, bringsOwnTrust } = parameters;
	const problems = libraryProblems(options);
	const hasScheme = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(options.address);
	const report: ReportOption = (option, message, remedy) => {
		if (options[option] === "" && isMissing(option, request.parameters)) return;
		if (option === "address" && options.address !== "" && !hasScheme)
			faults.addLegacy(noScheme(parameters, entries), parameterOf(option), message, remedy);
		else if (options[option] === "" || option === "caCertificate")
			faults.addLegacy(clientText(problems), parameterOf(option), message, remedy);
		else faults.add(parameterOf(option), message, remedy);
	};
	const instance = makeInstance({ ...options, name: "conjur", bringsOwnTrust }, report);
	if (options.caCertificate === "" && options.caFile === "" && !isMissing("caCertificate", request.parameters))
		report("caCertificate", "is empty", "Write the PEM text of the server's certificate authority.");
	return instance;
}

function libraryProblems({ address, account, service }: ConjurOptions): readonly string[] {
	const problems = [
		...(address === "" ? ["Must specify an ApplianceURL"] : []),
		...(account === "" ? ["Must specify an Account"] : []),
		...(serviceOf(service) === "" ? ["Must specify a ServiceID when using jwt"] : []),
	];
	return problems.length === 0 ? ["Can't append Conjur SSL cert"] : problems;
}

function noScheme({ options, identity }: ConjurParameters, entries: readonly PlannedEntry[]): string {
	// Halves of characters are faults of their own, and cannot be encoded.
	const ids = entries.map(({ ref }) => ref.full.toWellFormed());
	const service = serviceOf(options.service).toWellFormed();
	const login = loginPath({ service, account: options.account.toWellFormed() }, identity.toWellFormed());
	return retrievalText(schemeText(options.address, ids, login));
}

function planStore(instance: ConjurInstance, identity: string, defaults: Defaults): PlannedStore {
	return {
		instance,
		audience: defaults.audience,
		role: identity,
		origin: isAdministrators(instance, defaults) ? "policy" : "parameters",
		audienceOrigin: "policy",
		addressParameter: parameterOf("address"),
		audienceParameter: "serviceAccount.tokens",
		missingTokenText: () => `${configurationPrefix}CKCP008 Missing serviceaccount token for audience "${defaults.audience}"`,
	};
}

/** Whether the administrator answers for the server: address and trust are the configured ones, which a class may repeat. */
function isAdministrators(instance: ConjurInstance, { options }: Defaults): boolean {
	if (options.address === "" || instance.bringsOwnTrust) return false;
	const configured = makeInstance({ ...options, name: "defaults", bringsOwnTrust: false }, () => undefined);
	return instance.address.text === configured.address.text;
}

function planEntries(entries: readonly SecretEntry[], account: string, faults: Faults): readonly PlannedEntry[] {
	return entries.flatMap((entry) => {
		const found = readVariableId(entry.variable, account);
		if ("problem" in found) {
			faults.add(
				entry.path,
				`takes ${quote(entry.file)} from ${quote(entry.variable)}, which ${found.problem}`,
				"Write the variable's id.",
			);
			return [];
		}
		const ref = makeRef(found);
		return [{ ...entry, ref, object: found.account === account ? found.id : ref.full }];
	});
}

/** A variable is one object, however many files are made of it. */
function planObjects(entries: readonly PlannedEntry[]): readonly PlannedObject[] {
	const byName = new Map(entries.toReversed().map((entry) => [entry.object, entry]));
	return [...byName.values()].toReversed().map(({ object, path, ref }) => ({ name: object, path, store: 0, ref, optional: false }));
}

function planFile({ path, file: filePath, object }: PlannedEntry, defaultMode: number): FileRecipe {
	const file = { path: filePath, mode: defaultMode };
	return {
		path,
		objects: [object],
		file,
		produce(values) {
			const found = values.get(object);
			return found === undefined ? [] : [{ ...file, contents: found.value.reveal() }];
		},
	};
}
