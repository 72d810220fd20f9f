import { ProviderError } from "../errors.ts";
import { recordAct } from "./audit.ts";
import { findHead, findHeadRow, findVersion, nameDamage, saveHead } from "./entries.ts";
import { checkAddress, describeAddress, type SecretAddress } from "./names.ts";
import type { OpenStore } from "./open-store.ts";
import { numberOf, type Row, type Rows } from "./storage.ts";
import { checkExpectedVersion, type WriteOptions } from "./write.ts";

/**
 * Destroys every version of a secret by destroying its sealed keys. The name keeps its last version number.
 * A damaged secret can be deleted too: that is the way to make its name usable again.
 *
 * @throws ProviderError `absent`, `refused` (another version than expected)
 */
export async function deleteSecret(store: OpenStore, address: SecretAddress, options: WriteOptions): Promise<void> {
	checkAddress(address);
	await store.write(async (rows, keyring) => {
		const row = await nameDamage(address, () => findHeadRow(rows, address));
		if (row === undefined || row.get("state") === "deleted") throw absent(address);
		if (options.ifVersion !== undefined) {
			const head = await nameDamage(address, () => findHead(rows, keyring, address));
			checkExpectedVersion(address, head, options.ifVersion);
		}
		const current = await highestVersion(rows, row);
		await rows.run("DELETE FROM versions WHERE secret = ?", numberOf(row, "id"));
		await saveHead(rows, keyring, address, { current, state: "deleted" });
		await recordAct(rows, { actor: options.actor, action: "delete", object: describeAddress(address) });
	});
	store.storage.scrub();
}

/** The head of a damaged secret may lie about its number; the versions that are there count as well. */
async function highestVersion(rows: Rows, head: Row): Promise<number> {
	const [row] = await rows.all("SELECT COALESCE(MAX(version), 0) AS highest FROM versions WHERE secret = ?", numberOf(head, "id"));
	return Math.max(numberOf(head, "current"), row === undefined ? 0 : numberOf(row, "highest"));
}

/**
 * Destroys one version. Destroying the current one leaves the secret without a value until the next `put`:
 * falling back to an older value is nothing that anybody asked for.
 *
 * @throws ProviderError `absent`, `refused` (another version than expected)
 */
export async function destroyVersion(store: OpenStore, address: SecretAddress, version: number, options: WriteOptions): Promise<void> {
	checkAddress(address);
	await store.write(async (rows, keyring) => {
		const head = await nameDamage(address, () => findHead(rows, keyring, address));
		if (head === undefined || head.state === "deleted") throw absent(address);
		checkExpectedVersion(address, head, options.ifVersion);
		const found = await nameDamage(address, () => findVersion(rows, head, version));
		if (found?.state !== "kept") {
			throw new ProviderError("absent", `The secret ${describeAddress(address)} has no version ${version}, or it is destroyed already.`, {
				remedy: `See: claviger strongroom versions ${address.name} --namespace ${address.namespace}`,
			});
		}
		await rows.run("UPDATE versions SET state = 'destroyed' WHERE secret = ? AND version = ?", head.id, version);
		await rows.run("DELETE FROM parts WHERE secret = ? AND version = ?", head.id, version);
		await recordAct(rows, { actor: options.actor, action: "destroy-version", object: describeAddress(address), version });
	});
	store.storage.scrub();
}

function absent(address: SecretAddress): ProviderError {
	return new ProviderError("absent", `There is no secret ${describeAddress(address)}.`, { remedy: "See: claviger strongroom list" });
}
