export interface VariableVersion {
	readonly version: number;
	readonly value: Buffer;
}

interface Variable {
	readonly mimeType: string | undefined;
	/** The oldest first. */
	readonly versions: readonly VariableVersion[];
	readonly newest: number;
}

/** How many versions of a value Conjur keeps: SECRETS_VERSION_LIMIT. */
const keptVersions = 20;

/** Variables by their id, without account and kind. */
export class Variables {
	readonly #variables = new Map<string, Variable>();

	/** Makes a variable that has no value. */
	declare(id: string, mimeType?: string): void {
		const { versions = [], newest = 0 } = this.#variables.get(id) ?? {};
		this.#variables.set(id, { mimeType, versions, newest });
	}

	/**
	 * Sets a value, of a new variable or of one that is there.
	 *
	 * @returns the version, which is the same as before when the value is
	 */
	set(id: string, text: string | Buffer): number {
		const value = Buffer.from(text);
		const { mimeType, versions = [], newest = 0 } = this.#variables.get(id) ?? {};
		if (versions.at(-1)?.value.equals(value) === true) return newest;
		const version = newest + 1;
		this.#variables.set(id, { mimeType, versions: [...versions, { version, value }].slice(-keptVersions), newest: version });
		return version;
	}

	/** Also takes a variable from who may see it. */
	delete(id: string): void {
		this.#variables.delete(id);
	}

	has(id: string): boolean {
		return this.#variables.has(id);
	}

	mimeType(id: string): string | undefined {
		return this.#variables.get(id)?.mimeType;
	}

	versions(id: string): readonly VariableVersion[] {
		return this.#variables.get(id)?.versions ?? [];
	}

	/** The newest value, or that of a version; undefined where there is none. */
	value(id: string, version?: number): Buffer | undefined {
		const versions = this.versions(id);
		return version === undefined ? versions.at(-1)?.value : versions.find((each) => each.version === version)?.value;
	}
}
