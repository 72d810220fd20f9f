import { ProviderError } from "../errors.ts";

/** One thing wrong in what somebody wrote. */
export interface Fault {
	/** Where, such as `objects[2].filePermission`. */
	readonly path: string;
	/** What is wrong, as a clause: `is not an octal mode`. */
	readonly message: string;
	/** What to write instead, as a sentence. */
	readonly remedy?: string;
}

const faultsByError = new WeakMap<ProviderError, readonly Fault[]>();

/** The single faults behind an error of {@link Faults.toError}; none for any other error. */
export function faultsOf(error: ProviderError): readonly Fault[] {
	return faultsByError.get(error) ?? [];
}

/** Collects every fault of one text, so that its author can mend them all in one go. */
export class Faults {
	readonly #list: Fault[] = [];
	readonly #legacyTexts: string[] = [];

	add(path: string, message: string, remedy?: string): void {
		this.#list.push(remedy === undefined ? { path, message } : { path, message, remedy });
	}

	/** Also keeps the words of the provider that a compatible dialect stands for; the first one leads the error. */
	addLegacy(legacyText: string, path: string, message: string, remedy?: string): void {
		this.#legacyTexts.push(legacyText);
		this.add(path, message, remedy);
	}

	get list(): readonly Fault[] {
		return this.#list;
	}

	get any(): boolean {
		return this.#list.length > 0;
	}

	/** @param subject what the faults are in, such as `The SecretProviderClass parameters` */
	toError(subject: string): ProviderError {
		const lines = this.#list.map(describe);
		const message =
			lines.length === 1
				? `${subject}: ${lines[0]}`
				: `${subject} have ${lines.length} faults: ${lines.map((line, index) => `(${index + 1}) ${line}`).join(" ")}`;
		const first = this.#legacyTexts[0];
		const error = new ProviderError("invalid", message, first === undefined ? {} : { legacyText: first });
		faultsByError.set(error, [...this.#list]);
		return error;
	}

	/** @throws ProviderError `invalid` when there is any fault */
	throwIfAny(subject: string): void {
		if (this.any) throw this.toError(subject);
	}
}

function describe(fault: Fault): string {
	const remedy = fault.remedy === undefined ? "" : ` ${fault.remedy}`;
	return `${fault.path} ${fault.message}.${remedy}`;
}
