import { endpointOf } from "../../aws/endpoints.ts";
import { parseAddress } from "../../net/address.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { diagnosePath } from "../../net/path-diagnosis.ts";
import { type Finding, failed, ok } from "../../shared/finding.ts";
import type { DiagnosisContext } from "../module.ts";
import type { ConfidantInstance } from "./instance.ts";
import { serverTitle } from "./names.ts";

/** The ways to Confidant, STS and KMS stage by stage, and what Confidant says of itself to anybody (`GET /healthcheck`). */
export async function diagnose(instance: ConfidantInstance, context: DiagnosisContext): Promise<readonly Finding[]> {
	const services = (["sts", "kms"] as const).map((service) => endpointOf(instance, service, instance.region));
	const found = await Promise.all([lookAtServer(instance, context), ...[...new Set(services)].map((url) => walk(url, context))]);
	return found.flat();
}

async function lookAtServer(instance: ConfidantInstance, context: DiagnosisContext): Promise<readonly Finding[]> {
	const { address, tls } = instance;
	const path = `${address.basePath}/healthcheck`;
	const { findings, answer } = await diagnosePath({ address, tls, path, ...partsOf(context) });
	return answer === undefined ? findings : [...findings, judgeHealth(instance, answer)];
}

function judgeHealth(instance: ConfidantInstance, { status }: HttpAnswer): Finding {
	const where = serverTitle(instance);
	if (status === 200) return ok("Confidant", `${where} answers its health check.`);
	const remedy = "Check that the address leads to Confidant itself, and see its log.";
	return failed("Confidant", `${where} answers its health check with status ${status}.`, remedy);
}

async function walk(url: string, context: DiagnosisContext): Promise<readonly Finding[]> {
	const address = parseAddress(url);
	if ("problem" in address) return [failed("address", `${url} ${address.problem}.`, address.remedy)];
	return (await diagnosePath({ address, path: `${address.basePath}/`, ...partsOf(context) })).findings;
}

function partsOf({ signal, allowsAddress }: DiagnosisContext): DiagnosisContext {
	return { signal, allowsAddress: (address) => allowsAddress(address) };
}
