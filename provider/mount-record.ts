import type { AuditedObject, AuditRecord, Decision } from "./audit/record.ts";
import type { ProviderError } from "./errors.ts";
import type { MountPlan } from "./plan/mount-plan.ts";
import type { MountRequest } from "./plan/mount-request.ts";

/** What the audit keeps of one Mount. @param plan absent when there was no plan yet */
export function auditRecord(
	request: MountRequest,
	plan: MountPlan | undefined,
	decision: Decision,
	result: {
		readonly versions?: ReadonlyMap<string, string>;
		readonly staleSeconds?: number | undefined;
		readonly error?: ProviderError;
	} = {},
): AuditRecord {
	const { pod, provider } = request;
	const objects = (plan?.objects ?? []).map((object): AuditedObject => {
		const version = result.versions?.get(object.name);
		const store = plan?.stores[object.store]?.instance.name ?? "";
		return version === undefined ? { name: object.name, store } : { name: object.name, store, version };
	});
	return {
		time: new Date().toISOString(),
		decision,
		provider,
		namespace: pod.namespace,
		pod: pod.name,
		podUid: pod.uid,
		serviceAccount: pod.serviceAccount,
		objects,
		...(result.staleSeconds === undefined ? {} : { staleSeconds: Math.round(result.staleSeconds) }),
		...(result.error === undefined ? {} : { code: result.error.code, reason: result.error.text }),
	};
}
