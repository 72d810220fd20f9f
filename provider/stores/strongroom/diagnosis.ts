import { ProviderError } from "../../errors.ts";
import { type Finding, failed, failure, ok, warning } from "../../shared/finding.ts";
import { chainProblem, listActs } from "../../strongroom/audit.ts";
import { isExpired, listBindings } from "../../strongroom/bindings.ts";
import { findHead, findParts, findVersion, nameDamage } from "../../strongroom/entries.ts";
import type { Location } from "../../strongroom/location.ts";
import type { SecretAddress } from "../../strongroom/names.ts";
import { OpenStore } from "../../strongroom/open-store.ts";
import { type Rows, textOf } from "../../strongroom/storage.ts";
import type { Keyring } from "../../strongroom/unseal.ts";

const busyTimeout = 2000;
const restore = "Restore the directory from a backup; see provider/strongroom/README.md.";

/** Opens the strongroom as the provider does, and proves all that can be proved without a look at a value. */
export async function diagnoseStrongroom(location: Location, signal: AbortSignal): Promise<readonly Finding[]> {
	let store: OpenStore | undefined;
	try {
		store = await OpenStore.open(location, { access: "read", busyTimeout });
		const opened = ok("unseal", `The strongroom in ${location.directory} opens with ${store.source.description}.`);
		return [opened, ...(await store.read((rows, keyring) => prove(rows, keyring, signal)))];
	} catch (reason) {
		return [failure("unseal", reason, restore)];
	} finally {
		await store?.close();
	}
}

async function prove(rows: Rows, keyring: Keyring, signal: AbortSignal): Promise<readonly Finding[]> {
	const secrets = await namesOf(rows);
	const damage: Finding[] = [];
	for (const secret of secrets) {
		signal.throwIfAborted();
		const finding = await damageOf(rows, keyring, secret);
		if (finding !== undefined) damage.push(finding);
	}
	const whole = ok("entries", `${secrets.length} secrets: the current version of each is the one that was written.`);
	return [...(damage.length === 0 ? [whole] : damage), await proveBindings(rows, keyring), await proveActs(rows)];
}

/** Straight from the table of names: a list that is joined with the versions would leave out a name whose version is lost. */
async function namesOf(rows: Rows): Promise<readonly SecretAddress[]> {
	const found = await rows.all("SELECT namespace, name FROM secrets WHERE state = 'kept' ORDER BY namespace, name");
	return found.map((row) => ({ namespace: textOf(row, "namespace"), name: textOf(row, "name") }));
}

async function damageOf(rows: Rows, keyring: Keyring, secret: SecretAddress): Promise<Finding | undefined> {
	try {
		await nameDamage(secret, async () => {
			const head = await findHead(rows, keyring, secret);
			const version = head === undefined ? undefined : await findVersion(rows, head, head.current);
			if (head !== undefined && version?.state === "kept") await findParts(rows, keyring, secret, head, version);
		});
		return undefined;
	} catch (reason) {
		return failure("entries", ProviderError.from(reason), restore);
	}
}

async function proveBindings(rows: Rows, keyring: Keyring): Promise<Finding> {
	const { bindings, intact } = await listBindings(rows, keyring);
	const see = "See them with: claviger strongroom bindings";
	if (!intact) return failed("bindings", "The bindings are not those that were written: some are damaged, missing or added.", see);
	const now = new Date();
	const current = bindings.filter((binding) => !isExpired(binding, now));
	if (current.length === 0) {
		return warning(
			"bindings",
			"No binding is in force, so no pod gets anything.",
			"Bind a service account: claviger strongroom bind --help",
		);
	}
	return ok("bindings", `${current.length} bindings are in force, ${bindings.length - current.length} have expired; the list is whole.`);
}

async function proveActs(rows: Rows): Promise<Finding> {
	const acts = await listActs(rows);
	const problem = chainProblem(acts);
	if (problem === undefined) return ok("audit", `The record of ${acts.length} administrative acts is whole.`);
	return warning(
		"audit",
		`The record of administrative acts is not authentic. ${problem}`,
		"Compare it with a backup: claviger strongroom audit",
	);
}
