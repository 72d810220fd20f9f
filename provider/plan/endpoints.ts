import type { Fields } from "./fields.ts";

/** What is taken for a server's address. */
export interface EndpointNames {
	/** The names that may stand under `endpoints`. */
	readonly servers: readonly string[];
	/** Whether a name is that of a service in one region, `<service>.<region>`. */
	isRegional(name: string): boolean;
	/** Takes an address apart, or says in a clause what is wrong with it. */
	parse(text: string): { readonly scheme: string; readonly text: string } | { readonly problem: string };
}

/** Reads an administrator's addresses of a cloud's servers, `endpoints: {sts: https://…, sts.eu-west-1: https://…}`, by name. */
export function readEndpoints(fields: Fields, { servers, isRegional, parse }: EndpointNames): Readonly<Record<string, string>> {
	const mapping = fields.mapping("endpoints");
	if (mapping === undefined) return {};
	const entries = [...servers, ...mapping.keys().filter(isRegional)].flatMap((server) => {
		const text = mapping.text(server);
		if (text === undefined) return [];
		const address = parse(text);
		if (!("problem" in address) && address.scheme !== "unix") return [[server, address.text] as const];
		const problem = "problem" in address ? address.problem : "is a socket";
		mapping.reject(server, problem, `Write it as https://${server}.example.`);
		return [];
	});
	mapping.done();
	return Object.fromEntries(entries);
}
