import { statSync } from "node:fs";
import { type Finding, failure, ok, warning } from "../../../shared/finding.ts";
import type { DoctorContext } from "../context.ts";

/** How closely /proc tells when a process started, and how soon after its start the file is read, in milliseconds. */
const imprecision = 1000;

/** The policy file, read as the provider reads it, and whether the running provider has read this one. */
export async function checkPolicy({ serve, arrangement, running, account }: DoctorContext): Promise<readonly Finding[]> {
	const check = "policy";
	try {
		const { policy, stores } = await arrangement;
		const { policyFile } = serve;
		if (policyFile === undefined) {
			const remedy = "Give --policy FILE with the stores' addresses; see README.md, The policy file.";
			return [warning(check, "There is no policy file, so nothing outside the provider may be asked.", remedy)];
		}
		const counts = `${policy.endpoints.length} endpoints, ${policy.stores.size} stores, ${policy.dialects.size} dialects`;
		const found = ok(
			check,
			`${policyFile} is in order: profile ${policy.profile}, ${counts}; ${stores.length} stores are known without a class.`,
		);
		const late = changedSince(policyFile, running?.startedAt, account.kubectl("rollout restart"));
		return late === undefined ? [found] : [found, late];
	} catch (reason) {
		return [failure(check, reason, "Mend the policy file; the provider does not start with it.")];
	}
}

/** The provider reads the file when it starts. */
function changedSince(file: string, startedAt: number | undefined, restart: string): Finding | undefined {
	if (startedAt === undefined || statSync(file).mtimeMs <= startedAt + imprecision) return undefined;
	const message = `${file} was changed after the provider started, which still goes by the old one.`;
	return warning("policy", message, `Run: ${restart}`);
}
