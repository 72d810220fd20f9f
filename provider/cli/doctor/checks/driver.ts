import { type Finding, failed, ok, unchecked } from "../../../shared/finding.ts";
import { type Connected, type DoctorContext, withoutAnswer } from "../context.ts";
import { listAt, textAt } from "../json-fields.ts";
import { chart } from "./audience-patch.ts";
import { checkDriverObject } from "./driver-object.ts";
import { checkDriverPods } from "./driver-pods.ts";

const group = "secrets-store.csi.x-k8s.io";
const kinds = ["secretproviderclasses", "secretproviderclasspodstatuses"];

/** The driver as the API server knows it. */
export async function checkDriver(context: DoctorContext): Promise<readonly Finding[]> {
	const { kubernetes } = context;
	if (kubernetes === undefined) return [unchecked("driver", "No API server is known here, so the driver's objects are not looked at.")];
	const connected = { ...context, kubernetes };
	const checks = [checkKinds, checkDriverObject, checkDriverPods].map((check) =>
		check(connected).catch((reason: unknown) => [withoutAnswer("driver", reason)]),
	);
	return (await Promise.all(checks)).flat();
}

/** Discovery, which every account may ask. */
async function checkKinds({ kubernetes, signal }: Connected): Promise<readonly Finding[]> {
	const { status, body } = await kubernetes.call("GET", `/apis/${group}/v1`, signal);
	if (status !== 200 && status !== 404) return [unchecked("kinds", `The API server answers ${status} when asked for ${group}/v1.`)];
	const served = listAt(body, "resources").map((resource) => textAt(resource, "name"));
	const missing = kinds.filter((kind) => !served.includes(kind));
	if (missing.length === 0) return [ok("kinds", `The API server serves SecretProviderClasses (${group}/v1).`)];
	const message = `The API server serves no ${missing.join(" and ")} of ${group}/v1.`;
	return [failed("kinds", message, `Run: helm upgrade --install csi-secrets-store ${chart} --namespace kube-system`)];
}
