import { recordAct } from "./audit.ts";
import { sealList } from "./bindings.ts";
import { type Location, makeDirectory } from "./location.ts";
import { createSqlite, refuseExisting } from "./sqlite.ts";
import { addKek, addStoreRow, keyFileSource, makeKeyFile, unlock, wipeKeyring } from "./unseal.ts";

/** What `init` made, and what it found and used. */
export interface Creation {
	readonly storeId: string;
	readonly keyFiles: readonly { readonly path: string; readonly made: boolean }[];
}

/**
 * Makes a strongroom: the directory, the key files that are missing, the database with its first key.
 * Interrupted, it is completed by running it again.
 *
 * @throws ProviderError `refused` when there is a strongroom already
 */
export async function createStrongroom(location: Location, actor: string): Promise<Creation> {
	makeDirectory(location.directory);
	refuseExisting(location);
	const paths = location.keyFile2 === undefined ? [location.keyFile] : [location.keyFile, location.keyFile2];
	const keyFiles = paths.map((path) => ({ path, made: makeKeyFile(path) }));
	const source = keyFileSource(location);
	const unsealKey = await source.key();
	let storeId = "";
	try {
		const storage = await createSqlite(location, async (rows) => {
			storeId = await addStoreRow(rows, unsealKey);
			await addKek(rows, unsealKey, storeId);
			const keyring = await unlock(rows, unsealKey, source);
			await sealList(rows, keyring);
			wipeKeyring(keyring);
			await recordAct(rows, { actor, action: "init", object: storeId });
		});
		await storage.close();
	} finally {
		unsealKey.fill(0);
	}
	return { storeId, keyFiles };
}
