import { openSealedValue, parseSealedValue, type SealedValue, sealValue } from "../../sealing/sealed-value.ts";
import type { SealingKey } from "../../sealing/sealing-key.ts";
import { writtenValues } from "./objects.ts";

/** What became of a manifest. */
export interface Resealed {
	readonly text: string;
	readonly resealed: number;
	/** Values that were sealed for the new key before. */
	readonly current: number;
	/** Why values stand as they were, each a sentence without a value. */
	readonly problems: readonly string[];
}

/** How a sealed value is written: the protected header of a JWE without an encrypted key, and three more parts. */
const form = /\beyJ[\w-]+\.\.[\w-]{16}\.[\w-]*\.[\w-]{22}(?![\w-])/g;

/**
 * Seals every value of a manifest anew. The text between the values stays byte for byte; a value that cannot be opened
 * stays too, and is told.
 */
export async function resealText(text: string, keys: readonly SealingKey[], newKey: SealingKey): Promise<Resealed> {
	const problems: string[] = [];
	const replacements = new Map<string, string>();
	const found = new Set(Array.from(text.matchAll(form), ([written]) => written));
	let current = 0;
	for (const written of found) {
		const sealed = parseSealedValue(written);
		if (typeof sealed === "string") problems.push(`${shown(written)} ${sealed}.`);
		else if (sealed.keyId === newKey.id) current += 1;
		else {
			const anew = await resealValue(sealed, keys, newKey);
			if (anew.kind === "resealed") replacements.set(written, anew.text);
			else problems.push(`${shown(written)} ${anew.problem}.`);
		}
	}
	problems.push(...unfound(text, found));
	return { text: text.replace(form, (written) => replacements.get(written) ?? written), resealed: replacements.size, current, problems };
}

type Anew = { readonly kind: "resealed"; readonly text: string } | { readonly kind: "problem"; readonly problem: string };

async function resealValue(sealed: SealedValue, keys: readonly SealingKey[], newKey: SealingKey): Promise<Anew> {
	const key = keys.find(({ id }) => id === sealed.keyId);
	if (key === undefined) return { kind: "problem", problem: `is sealed for the key ${sealed.keyId}, which is not among --keys` };
	const value = await openSealedValue(sealed, key);
	if (value === undefined) return { kind: "problem", problem: "is damaged, or was changed after it was sealed" };
	try {
		return { kind: "resealed", text: await sealValue(value, newKey, sealed.sealedFor) };
	} finally {
		value.fill(0);
	}
}

/** A value that YAML folds over lines is not found in the text, and would stay sealed for the old key for ever. */
function unfound(text: string, found: ReadonlySet<string>): readonly string[] {
	const values = writtenValues(text);
	if (values === undefined)
		return ["It cannot be read as YAML, so that values on several lines would not be found; see that there are none."];
	return values
		.filter(({ sealed }) => !found.has(sealed.trim()))
		.map(({ place }) => `${place} is no sealed value, or stands on several lines; write it on one line.`);
}

/** The beginning of a header says nothing of the value, and is found by searching for it; the end tells values apart. */
function shown(written: string): string {
	return `The value …${written.slice(-12)}`;
}
