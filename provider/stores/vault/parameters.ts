import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import { goQuote, parseGoBoolean } from "../../shared/go-text.ts";
import type { VaultOptions } from "./instance.ts";

/** How a dialect names things. */
export interface Naming {
	/** The provider name, and what error texts call the parameters. */
	readonly dialect: string;
	/** What stands before a parameter's name, tried in this order. */
	readonly prefixes: readonly string[];
	/** Prefixes that `roleName` may also have. */
	readonly rolePrefixes: readonly string[];
	/** The token audience unless a parameter says otherwise. */
	readonly audience: string;
}

/** The dialects, by provider name: today's two providers are one program under two names. */
export const namings: ReadonlyMap<string, Naming> = new Map([
	["vault", { dialect: "vault", prefixes: ["vault"], rolePrefixes: [], audience: "vault" }],
	[
		"openbao",
		{
			dialect: "openbao",
			prefixes: ["bao", "openbao", "vault"],
			rolePrefixes: ["bao", "openbao", "vault"],
			audience: "openbao",
		},
	],
]);

/** A parameter as found, or the name under which it would be looked for first. */
interface Parameter {
	readonly name: string;
	readonly value: string | undefined;
}

/** The parameter behind each option that is one text. */
const suffixes = {
	address: "Address",
	namespace: "Namespace",
	authMount: "AuthMountPath",
	caFile: "CACertPath",
	caDirectory: "CADirectory",
	tlsServerName: "TLSServerName",
	tlsClientCertFile: "TLSClientCertPath",
	tlsClientKeyFile: "TLSClientKeyPath",
	skipTlsVerify: "SkipTLSVerify",
} as const satisfies Readonly<Record<keyof VaultOptions, string>>;
const oldMountSuffix = "KubernetesMountPath";

/** The parameters of one request under the names of a dialect. Of several prefixes the first one present wins. */
export class VaultParameters {
	readonly #parameters: ReadonlyMap<string, string>;
	readonly #naming: Naming;

	constructor(parameters: ReadonlyMap<string, string>, naming: Naming) {
		this.#parameters = parameters;
		this.#naming = naming;
	}

	text(name: string): string {
		return this.#parameters.get(name) ?? "";
	}

	/** The name of the parameter that says, or could say, an option. */
	nameOf(option: keyof VaultOptions): string {
		const found = this.#find(suffixes[option]);
		if (option !== "authMount" || found.value !== undefined) return found.name;
		const old = this.#find(oldMountSuffix);
		return old.value === undefined ? found.name : old.name;
	}

	has(option: keyof VaultOptions): boolean {
		return this.#find(suffixes[option]).value !== undefined;
	}

	role(): string {
		const names = [...this.#naming.rolePrefixes.map((prefix) => `${prefix}RoleName`), "roleName"];
		return this.#parameters.get(names.find((name) => this.#parameters.has(name)) ?? "roleName") ?? "";
	}

	audience(): string {
		return this.text("audience") || this.#naming.audience;
	}

	/**
	 * The options: what the class says, else the administrator's defaults. Verification can only be
	 * switched off here, never on again.
	 */
	options(defaults: VaultOptions, faults: Faults): VaultOptions {
		const own = (option: Exclude<keyof VaultOptions, "skipTlsVerify" | "authMount">) =>
			this.#find(suffixes[option]).value || defaults[option];
		// Both faults are read in the order in which today's provider finds them.
		const authMount = this.#authMount(faults) || defaults.authMount;
		const skips = this.#skipsVerification(faults);
		return {
			address: own("address"),
			namespace: own("namespace"),
			authMount,
			caFile: own("caFile"),
			caDirectory: own("caDirectory"),
			tlsServerName: own("tlsServerName"),
			tlsClientCertFile: own("tlsClientCertFile"),
			tlsClientKeyFile: own("tlsClientKeyFile"),
			skipTlsVerify: skips || defaults.skipTlsVerify,
		};
	}

	#authMount(faults: Faults): string {
		const old = this.#find(oldMountSuffix);
		const current = this.#find(suffixes.authMount);
		if (old.value !== undefined && current.value !== undefined) {
			const { dialect } = this.#naming;
			const legacyText = `cannot set both ${dialect}${oldMountSuffix} and ${dialect}${suffixes.authMount}`;
			faults.addLegacy(legacyText, old.name, `says the same as ${current.name}, and both are there`, `Keep ${current.name} only.`);
		}
		return current.value ?? old.value ?? "";
	}

	#skipsVerification(faults: Faults): boolean {
		const { name, value } = this.#find(suffixes.skipTlsVerify);
		if (value === undefined) return false;
		const skips = parseGoBoolean(value);
		if (skips !== undefined) return skips;
		const legacyText = `strconv.ParseBool: parsing ${goQuote(value)}: invalid syntax`;
		faults.addLegacy(legacyText, name, `is ${quote(value)}, which is not a boolean`, "Write true or false.");
		return false;
	}

	#find(suffix: string): Parameter {
		const names = this.#naming.prefixes.map((prefix) => `${prefix}${suffix}`);
		const name = names.find((candidate) => this.#parameters.has(candidate));
		if (name === undefined) return { name: `${this.#naming.dialect}${suffix}`, value: undefined };
		return { name, value: this.#parameters.get(name) };
	}
}
