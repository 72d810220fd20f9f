import { ProviderError } from "../../errors.ts";
import { Secret } from "../../shared/secret.ts";
import type { Absent, Found } from "../store.ts";
import { kindOf, vaultErrorOf } from "./failure-kinds.ts";
import type { KindReader, ListedVersion, ReadVersion } from "./read.ts";
import type { StoredRef } from "./ref.ts";
import type { Place } from "./session.ts";
import { describeThing, vaultName } from "./words.ts";

/**
 * Reads the newest versions of a thing, or those from one version backwards: those that are enabled, newest first, as
 * a list of bundles.
 *
 * @throws as {@link KindReader.get}
 */
export async function readHistory(ref: StoredRef, reader: KindReader, place: Place, signal: AbortSignal): Promise<Found | Absent> {
	const chosen = choose(await reader.versions(ref.name, place, signal), ref);
	const read = await Promise.all(chosen.map(({ version }) => readOneOf(ref, version, reader, place, signal)));
	const bundles = read.flatMap((version) => (version === undefined ? [] : [version.bundle]));
	if (bundles.length === 0) return none(ref, place);
	return { kind: "found", value: new Secret(JSON.stringify(bundles)), structure: "json" };
}

/** Times are whole seconds; of versions of one second, the order is the same at every read. */
function choose(listed: readonly ListedVersion[], { version, history }: StoredRef): readonly ListedVersion[] {
	const enabled = listed.filter((candidate) => candidate.enabled);
	const ordered = enabled.sort((one, other) => other.createdAt - one.createdAt || (one.version < other.version ? -1 : 1));
	const start = version === "" ? 0 : ordered.findIndex((candidate) => candidate.version === version.toLowerCase());
	return start === -1 ? [] : ordered.slice(start, start + history);
}

/** Undefined for a version that was disabled or removed while the others were read. */
async function readOneOf(
	ref: StoredRef,
	version: string,
	reader: KindReader,
	place: Place,
	signal: AbortSignal,
): Promise<ReadVersion | undefined> {
	try {
		return await reader.get(ref.name, version, place, signal);
	} catch (error) {
		const answer = vaultErrorOf(error);
		const kind = answer === undefined ? undefined : kindOf(answer);
		if (kind === "absent" || kind === "disabled") return undefined;
		throw error;
	}
}

/** Of a thing that is not there, the vault lists no versions. */
function none(ref: StoredRef, { instance }: Place): Absent {
	const message = `${vaultName(instance)} has no ${describeThing(ref)} that is enabled.`;
	const remedy = "Check its name, and the version that the history begins with.";
	return { kind: "absent", error: new ProviderError("absent", message, { stage: "read", remedy }) };
}
