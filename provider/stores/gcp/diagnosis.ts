import { parseAddress } from "../../net/address.ts";
import { diagnosePath } from "../../net/path-diagnosis.ts";
import { type Finding, failed, unchecked } from "../../shared/finding.ts";
import type { DiagnosisContext } from "../module.ts";
import type { GcpInstance } from "./instance.ts";

/** Without these nobody gets anything; the others are needed by those who have objects there. */
const indispensable = /^https?:\/\/(?:sts|securetoken|oauth2)\./;

/**
 * The way to every server that a session may ask, stage by stage, with the clock. More cannot be found out without a
 * pod's token: Google tells nobody its state.
 */
export async function diagnose(instance: GcpInstance, context: DiagnosisContext): Promise<readonly Finding[]> {
	const found = await Promise.all(instance.endpoints.filter((url) => !url.includes("*")).map((url) => walk(url, context)));
	const regions = unchecked(
		"regional endpoints",
		"Which regions are asked, the objects say.",
		"Look at one: curl https://secretmanager.REGION.rep.googleapis.com/",
	);
	return [...found.flat(), ...(instance.endpoints.some((url) => url.includes("*")) ? [regions] : [])];
}

async function walk(url: string, { signal, allowsAddress }: DiagnosisContext): Promise<readonly Finding[]> {
	const address = parseAddress(url);
	if ("problem" in address) return [failed("address", `${url} ${address.problem}.`, address.remedy)];
	const { findings } = await diagnosePath({ address, path: `${address.basePath}/`, signal, allowsAddress });
	if (indispensable.test(url)) return findings;
	return findings.map((finding) => (finding.status === "failed" ? { ...finding, status: "warning" } : finding));
}
