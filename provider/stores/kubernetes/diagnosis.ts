import { ProviderError } from "../../errors.ts";
import { diagnosePath } from "../../net/path-diagnosis.ts";
import { type Finding, failed, failure, ok } from "../../shared/finding.ts";
import type { DiagnosisContext } from "../module.ts";
import { transportOptions } from "./api-server.ts";
import type { KubernetesInstance } from "./instance.ts";
import { readObject, textOf } from "./status.ts";

/** The way to the API server, and its version, which it tells most askers (`GET /version`). */
export async function diagnose(
	instance: KubernetesInstance,
	{ cluster, signal, allowsAddress }: DiagnosisContext,
): Promise<readonly Finding[]> {
	const options = reach(instance, cluster);
	if (options instanceof ProviderError) return [failure("API server", options, "Run the doctor in the provider's container.")];
	const path = `${options.address.basePath}/version`;
	const { findings, answer } = await diagnosePath({ ...options, path, signal, allowsAddress });
	if (answer === undefined) return findings;
	return [...findings, judge(options.address.text, answer.status, answer.body)];
}

function reach(instance: KubernetesInstance, cluster: DiagnosisContext["cluster"]): ReturnType<typeof transportOptions> | ProviderError {
	try {
		return transportOptions(instance, cluster);
	} catch (reason) {
		return ProviderError.from(reason);
	}
}

function judge(address: string, status: number, body: Buffer): Finding {
	const object = readObject(body);
	const version = object === undefined ? "" : textOf(object, "gitVersion");
	if (status === 200 && /^[\w.+-]{1,40}$/.test(version)) return ok("Kubernetes", `${address} is an API server of Kubernetes ${version}.`);
	// Some do not tell it to strangers, and say that as a Status.
	if (object !== undefined && textOf(object, "kind") === "Status")
		return ok("Kubernetes", `${address} answers as an API server of Kubernetes does.`);
	const message = `${address} does not answer as an API server of Kubernetes does (status ${status}).`;
	return failed(
		"Kubernetes",
		message,
		"Check that the address leads to the API server itself and not to another server or a proxy's page.",
	);
}
