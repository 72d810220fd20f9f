import { lookup as systemLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { ProviderError } from "../errors.ts";

/** Whether a connection to this IP address may be opened. */
export type AllowsAddress = (address: string) => boolean;

/**
 * Name resolution that asks the guard about every address of a name. One forbidden address condemns
 * the name: a name that points to a good and to a forbidden place at once is an attempt at rebinding.
 */
export function guardedLookup(allows: AllowsAddress, lookup: LookupFunction = systemLookup): LookupFunction {
	return (hostname, options, callback) => {
		lookup(hostname, { ...options, all: true }, (error, found) => {
			if (error !== null) return callback(error, "");
			const addresses = Array.isArray(found) ? found : [];
			const forbidden = addresses.find(({ address }) => !allows(address));
			if (forbidden !== undefined) return callback(refusal(hostname, forbidden.address), "");
			const first = addresses[0];
			if (options.all === true || first === undefined) return callback(null, addresses);
			callback(null, first.address, first.family);
		});
	};
}

/** Refuses a host that is itself an IP address the guard forbids; for a name nothing is decided yet. */
export function guardLiteral(host: string, allows: AllowsAddress): void {
	if (isIP(host) !== 0 && !allows(host)) throw refusal(host, host);
}

function refusal(host: string, address: string): ProviderError {
	const what = host === address ? address : `${host} resolves to ${address}, which`;
	return new ProviderError("refused", `${what} is no address that policy allows a store to have.`, {
		remedy: "Use the store's own address, or ask the administrator to allow this one in the policy file.",
		rule: "resolved-address",
	});
}
