import { readFileSync } from "node:fs";
import { ProviderError } from "../errors.ts";
import { Faults } from "../plan/faults.ts";
import { Fields, quote } from "../plan/fields.ts";
import { readYaml, YamlError } from "../plan/yaml.ts";

/** `strict` asks only addresses that an administrator listed; `compatible` also asks those of existing SecretProviderClasses, with a warning. */
export type Profile = "strict" | "compatible";

/** An origin that SecretProviderClasses may name. */
export interface EndpointRule {
	/** `https://host[:port]`, `https://*.domain[:port]` or `unix:///path`, in the form that URL parsing gives. */
	readonly origin: string;
	/** False for a wildcard. */
	readonly exact: boolean;
	readonly skipTlsVerify: boolean;
	readonly ownTrust: boolean;
}

/** What the administrator decided, in a file that only administrators write. */
export interface Policy {
	readonly profile: Profile;
	readonly endpoints: readonly EndpointRule[];
	/** Named store instances, to be read by the store of their type. */
	readonly stores: ReadonlyMap<string, Fields>;
	/** Defaults of the compatible dialects, what their providers take as process flags. */
	readonly dialects: ReadonlyMap<string, Fields>;
	/** Further token audiences by store type, beside each type's own. */
	readonly audiences: ReadonlyMap<string, readonly string[]>;
	/** Whether a token that is bound to no pod may stand for one (secrets-store-sync-controller sends such). */
	readonly unboundTokens: boolean;
	/** Addresses of the Kubernetes API server. */
	readonly clusterAddresses: readonly string[];
	/** Collects faults until the named stores and dialects are read too. */
	readonly faults: Faults;
}

const subject = "The policy file";

/** @throws ProviderError `invalid` with every fault of the file */
export function readPolicyFile(file: string, clusterAddresses: readonly string[]): Policy {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (cause) {
		throw new ProviderError("invalid", `The policy file ${file} cannot be read.`, {
			remedy: "Check --policy and the file's rights.",
			cause,
		});
	}
	return parsePolicy(text, clusterAddresses);
}

/** The policy of a provider that was started without a file: strict, nothing opened. */
export function emptyPolicy(clusterAddresses: readonly string[]): Policy {
	return parsePolicy("profile: strict", clusterAddresses);
}

export function parsePolicy(text: string, clusterAddresses: readonly string[]): Policy {
	const faults = new Faults();
	const fields = new Fields(readMapping(text), "", faults);
	const policy = {
		profile: fields.oneOf("profile", ["strict", "compatible"] as const, "strict"),
		endpoints: readEndpoints(fields),
		stores: new Map(fields.mapping("stores")?.named() ?? []),
		dialects: new Map(fields.mapping("dialects")?.named() ?? []),
		audiences: readAudiences(fields.mapping("audiences")),
		unboundTokens: readTokens(fields.mapping("tokens")),
		clusterAddresses,
		faults,
	};
	fields.done();
	faults.throwIfAny(subject);
	return policy;
}

/** Ends the reading of the policy's named stores and dialect defaults, which only their stores understand. */
export function finishPolicy(policy: Policy): void {
	for (const fields of [...policy.stores.values(), ...policy.dialects.values()]) fields.done();
	policy.faults.throwIfAny(subject);
}

function readMapping(text: string) {
	try {
		const node = readYaml(text);
		if (node instanceof Map) return node;
		if (node === "") return new Map();
	} catch (cause) {
		if (!(cause instanceof YamlError)) throw cause;
		throw new ProviderError("invalid", `${subject} ${cause.message}.`, { remedy: "Write plain YAML." });
	}
	throw new ProviderError("invalid", `${subject} is not a mapping.`, { remedy: "Begin it with `profile: strict`." });
}

function readEndpoints(fields: Fields): readonly EndpointRule[] {
	const node = fields.node("endpoints");
	if (node === undefined || node === "") return [];
	if (!Array.isArray(node)) {
		fields.reject("endpoints", "is not a list", "Write one origin a line, each after `- `.");
		return [];
	}
	return node.flatMap((entry, index) => readEndpoint(entry, `endpoints[${index}]`, fields.faults));
}

function readEndpoint(entry: unknown, path: string, faults: Faults): readonly EndpointRule[] {
	if (typeof entry === "string") return parseOrigin(entry, path, faults, { skipTlsVerify: false, ownTrust: false });
	if (!(entry instanceof Map)) {
		faults.add(path, "is neither an origin nor a mapping", "Write https://host:port, or {origin: …, skipTlsVerify: true}.");
		return [];
	}
	const fields = new Fields(entry, path, faults);
	const origin = fields.required("origin");
	const options = { skipTlsVerify: fields.boolean("skipTlsVerify"), ownTrust: fields.boolean("ownTrust") };
	fields.done();
	return origin === "" ? [] : parseOrigin(origin, fields.at("origin"), faults, options);
}

function parseOrigin(
	text: string,
	path: string,
	faults: Faults,
	options: { readonly skipTlsVerify: boolean; readonly ownTrust: boolean },
): readonly EndpointRule[] {
	if (/^unix:\/\/\/[^\s]+$/.test(text)) return [{ origin: text, exact: true, ...options }];
	const exact = !text.includes("*");
	const url = URL.parse(exact ? text : text.replace("//*.", "//wildcard."));
	const plain =
		url !== null &&
		/^https?:$/.test(url.protocol) &&
		url.username === "" &&
		/^\/?$/.test(url.pathname) &&
		url.search === "" &&
		url.hash === "";
	if (!plain || (!exact && !/^https?:\/\/\*\.[^*]+\.[^*]+$/.test(text))) {
		faults.add(
			path,
			`is ${quote(text)}, which is not an origin`,
			"Write https://host:port without a path; a wildcard stands for the first label only, as in https://*.vault.example.",
		);
		return [];
	}
	return [{ origin: exact ? url.origin : url.origin.replace("//wildcard.", "//*."), exact, ...options }];
}

function readAudiences(fields: Fields | undefined): ReadonlyMap<string, readonly string[]> {
	if (fields === undefined) return new Map();
	return new Map(fields.keys().map((type) => [type, fields.texts(type)]));
}

function readTokens(fields: Fields | undefined): boolean {
	if (fields === undefined) return false;
	const unbound = fields.oneOf("unbound", ["refuse", "allow"] as const, "refuse");
	fields.done();
	return unbound === "allow";
}
