import { isIP } from "node:net";
import { type PolicyRule, ProviderError } from "../errors.ts";
import { quote } from "../plan/fields.ts";
import type { PlannedStore } from "../plan/mount-plan.ts";
import { classifyAddress, classifyHost, tokenAgentOf } from "./addresses.ts";
import type { EndpointRule, Policy } from "./policy-file.ts";

/** A decision that one address may be contacted, with what may be done there. */
export interface AllowedEndpoint {
	/** An entry names this very origin; only then may it lie on this machine or be the API server. */
	readonly exact: boolean;
	/** Nobody wrote this address: the store's code made it, so it says nothing of where the others may lie. */
	readonly derived?: boolean;
	/** The one metadata address that may be connected to there. */
	readonly agent?: string;
	/** What the administrator should know about this decision; only the compatible profile has any. */
	readonly warning?: string;
}

/**
 * Decides whether a store instance may be contacted, before anything is resolved or connected.
 * An address that the administrator wrote is allowed by that; one from a SecretProviderClass needs an
 * `endpoints` entry, or the compatible profile.
 *
 * @throws ProviderError `refused` naming the parameter and the host
 */
export function judgeEndpoint(policy: Policy, store: PlannedStore, address: string): AllowedEndpoint {
	// Not the address decides where that leads, but what the process was started with.
	if (store.instance.isThisCluster === true) return { exact: true };
	if (store.instance.derivedEndpoints?.includes(address) === true) return judgeDerived(policy, store, address);
	const parameter = store.addressParameter;
	if (address.startsWith("unix://")) return judgeSocket(policy, store, address);
	const url = parseAddress(parameter, address);
	const kind = classifyHost(url.hostname, policy.clusterAddresses);
	if (kind === "metadata")
		throw refusal("metadata-address", parameter, url.host, "is a metadata address, which no policy opens", "Name the store's own address.");
	const rule = policy.endpoints.find((candidate) => candidate.exact && candidate.origin === url.origin);
	const exact = store.origin === "policy" || rule !== undefined;
	if (kind === "local" && !exact) {
		throw refusal(
			"local-address",
			parameter,
			url.host,
			"lies on this node or is the API server",
			`Only an endpoints entry of the policy that names ${url.origin} itself opens it.`,
		);
	}
	const matching = rule ?? policy.endpoints.find((candidate) => matchesWildcard(candidate, url));
	judgeTls(policy, store, url, matching);
	if (exact || matching !== undefined) return { exact };
	if (policy.profile === "strict") {
		throw refusal(
			"unlisted-endpoint",
			parameter,
			url.host,
			"is not in the policy's endpoints",
			`Ask the administrator to add ${url.origin} there.`,
		);
	}
	return {
		exact: false,
		warning: `${parameter} names ${url.origin}, which the policy's endpoints do not list; the compatible profile lets it pass.`,
	};
}

/** Whether a connection to a resolved address may be opened, so that a name cannot lead where its text could not. */
export function addressGuard(policy: Policy, allowed: readonly AllowedEndpoint[]): (address: string) => boolean {
	const written = allowed.filter(({ derived }) => derived !== true);
	const exact = written.length > 0 && written.every((endpoint) => endpoint.exact);
	const agents = allowed.map(({ agent }) => agent).filter((agent) => agent !== undefined);
	return (address) => {
		const kind = classifyAddress(address, policy.clusterAddresses);
		return kind === "ordinary" || (kind === "local" && exact) || agents.includes(address);
	};
}

/** The store's own code chose the host; what no address may be it may not be either, but for the agent of its own. */
function judgeDerived(policy: Policy, { addressParameter, instance }: PlannedStore, address: string): AllowedEndpoint {
	const url = parseAddress(addressParameter, address);
	const agent = tokenAgentOf(instance.type, url.hostname);
	if (agent !== undefined) return { exact: false, derived: true, agent };
	if (classifyHost(url.hostname, policy.clusterAddresses) !== "ordinary")
		throw refusal("metadata-address", addressParameter, url.host, "is no address of a cloud's service", "Report it: it is a defect.");
	if (url.protocol !== "https:") throw refusal("plain-http", addressParameter, url.host, "is plain http", "Report it: it is a defect.");
	return { exact: false, derived: true };
}

function judgeSocket(policy: Policy, store: PlannedStore, address: string): AllowedEndpoint {
	if (store.origin === "policy" || policy.endpoints.some((rule) => rule.exact && rule.origin === address)) return { exact: true };
	throw refusal(
		"node-socket",
		store.addressParameter,
		address,
		"is a socket of the node",
		"Only an endpoints entry of the policy that names it opens it.",
	);
}

function parseAddress(parameter: string, address: string): URL {
	if (/[\s\\]|\p{Cc}/u.test(address))
		throw refusal("malformed-address", parameter, quote(address), "holds white space or a backslash", "Write scheme, host and port.");
	const url = URL.parse(address);
	if (url === null) throw refusal("malformed-address", parameter, quote(address), "is not a URL", "Write it as https://host:port.");
	if (url.protocol !== "https:" && url.protocol !== "http:") {
		throw refusal(
			"malformed-address",
			parameter,
			url.protocol,
			"is not a scheme that stores are reached by",
			"Write it as https://host:port.",
		);
	}
	if (url.username !== "" || url.password !== "" || address.includes("@")) {
		throw refusal(
			"malformed-address",
			parameter,
			url.host,
			"is written with user information in front of the host",
			"Write it as https://host:port.",
		);
	}
	if (url.hostname.endsWith(".")) throw refusal("malformed-address", parameter, url.host, "ends with a dot", "Write the host without it.");
	return url;
}

function judgeTls(policy: Policy, store: PlannedStore, url: URL, rule: EndpointRule | undefined): void {
	if (store.origin === "policy" || policy.profile === "compatible") return;
	if (url.protocol === "http:" && !(rule?.exact ?? false)) {
		throw refusal(
			"plain-http",
			store.addressParameter,
			url.host,
			"is plain http",
			`Use https, or ask the administrator for an endpoints entry that names ${url.origin} itself.`,
		);
	}
	if (store.instance.skipsTlsVerification && !(rule?.skipTlsVerify ?? false)) {
		throw refusal(
			"unverified-tls",
			store.addressParameter,
			url.host,
			"would be asked without verifying its certificate",
			"Remove the switch, or ask the administrator to set skipTlsVerify on its endpoints entry.",
		);
	}
	if (store.instance.bringsOwnTrust && !(rule?.ownTrust ?? false)) {
		throw refusal(
			"own-trust",
			store.addressParameter,
			url.host,
			"would be trusted by a certificate that the SecretProviderClass brings",
			"Ask the administrator to configure the CA, or to set ownTrust on its endpoints entry.",
		);
	}
}

function matchesWildcard(rule: EndpointRule, url: URL): boolean {
	if (rule.exact || isIP(url.hostname) !== 0 || url.hostname.startsWith("[")) return false;
	const [label, ...rest] = url.hostname.split(".");
	if (label === undefined || label === "") return false;
	return rule.origin === `${url.protocol}//*.${rest.join(".")}${url.port === "" ? "" : `:${url.port}`}`;
}

function refusal(rule: PolicyRule, parameter: string, what: string, problem: string, remedy: string): ProviderError {
	return new ProviderError("refused", `${parameter}: ${what} ${problem}.`, { remedy, rule });
}
