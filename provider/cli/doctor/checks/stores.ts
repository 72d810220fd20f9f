import { ProviderError } from "../../../errors.ts";
import { parseAddress } from "../../../net/address.ts";
import { diagnosePath } from "../../../net/path-diagnosis.ts";
import type { PlannedStore } from "../../../plan/mount-plan.ts";
import type { Gate } from "../../../policy/gate.ts";
import { type Finding, failed, failure, ok, warning } from "../../../shared/finding.ts";
import { clusterAccess } from "../../../surroundings.ts";
import type { Arrangement } from "../arrangement.ts";
import type { DoctorContext } from "../context.ts";

/** The way to one store, and what it tells anybody of its state. */
export interface StoreDiagnosis {
	/** Such as `vault at https://vault.example:8200`. */
	readonly title: string;
	readonly findings: readonly Finding[];
}

/** Each store once, whether the policy names it, the dialects served fall back on it, or the class of `--class` uses it. */
export async function checkStores(context: DoctorContext): Promise<readonly StoreDiagnosis[]> {
	const { arrangement, planned } = context;
	const arranged = await arrangement.catch(() => undefined);
	// What is wrong with the policy is said where the policy is looked at.
	if (arranged === undefined) return [];
	const plannedClass = await planned.catch(() => undefined);
	const known = arranged.stores.filter(({ origin }) => origin === "policy");
	// What policy refuses a class is said of the class.
	const asked = plannedClass?.plan.stores.filter((store) => !(guardOf(arranged.gate, store) instanceof ProviderError)) ?? [];
	return Promise.all(
		distinct([...known, ...asked]).map(async (store) => {
			const findings = await diagnose(arranged, store, context).catch((reason: unknown) => [
				failure("store", reason, "See the cause, and ask again."),
			]);
			return { title: titleOf(store), findings };
		}),
	);
}

export function titleOf({ instance }: PlannedStore): string {
	const where = instance.endpoints.length === 0 ? "inside the provider" : `at ${instance.endpoints.join(", ")}`;
	const name = instance.name === instance.type ? instance.type : `${instance.name} (${instance.type})`;
	return `${name} ${where}`;
}

async function diagnose(
	{ gate, registry }: Arrangement,
	store: PlannedStore,
	{ serve, signal }: DoctorContext,
): Promise<readonly Finding[]> {
	const { instance } = store;
	const allowed = guardOf(gate, store);
	if (allowed instanceof ProviderError) return [failed("policy", allowed.message, allowed.remedy ?? "Ask the administrator.")];
	const { diagnose: look } = await registry.module(instance.type);
	const cluster = clusterAccess(serve);
	if (look !== undefined) return look(instance, { signal, allowsAddress: allowed, ...(cluster === undefined ? {} : { cluster }) });
	const ways = instance.endpoints.map((endpoint) => diagnoseEndpoint(endpoint, allowed, signal));
	if (ways.length === 0) return [ok("store", "It is inside the provider; there is no way to it that could fail.")];
	return (await Promise.all(ways)).flat();
}

/** Which addresses may be connected to, or why the store may not be asked at all. */
export function guardOf(gate: Gate, store: PlannedStore): ((address: string) => boolean) | ProviderError {
	try {
		return gate.addressGuard(store);
	} catch (reason) {
		return ProviderError.from(reason);
	}
}

function distinct(stores: readonly PlannedStore[]): readonly PlannedStore[] {
	const byKey = new Map<string, PlannedStore>();
	for (const store of stores) if (!byKey.has(store.instance.key)) byKey.set(store.instance.key, store);
	return [...byKey.values()];
}

/** For stores that say nothing of themselves. */
async function diagnoseEndpoint(endpoint: string, allowsAddress: (address: string) => boolean, signal: AbortSignal) {
	const address = parseAddress(endpoint);
	if ("problem" in address) return [failed("address", `${endpoint} ${address.problem}.`, address.remedy)];
	const path = address.basePath === "" ? "/" : address.basePath;
	const { findings, answer } = await diagnosePath({ address, path, allowsAddress, signal });
	if (answer === undefined || answer.status < 500) return findings;
	return [...findings, warning("store", `${endpoint} answers with status ${answer.status}.`, "See the server's own log for this moment.")];
}
