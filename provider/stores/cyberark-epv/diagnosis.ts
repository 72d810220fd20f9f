import type { HttpAnswer } from "../../net/exchange.ts";
import { diagnosePath } from "../../net/path-diagnosis.ts";
import { type Finding, failed, failure, ok, unchecked, warning } from "../../shared/finding.ts";
import type { DiagnosisContext } from "../module.ts";
import { kindOf } from "./failures.ts";
import type { CyberArkInstance } from "./instance.ts";
import { certificateEnd } from "./login.ts";

const check = "CyberArk";
const soonMilliseconds = 14 * 86_400_000;

/**
 * The way to the web service, what it says to a request without an application, which no vault is asked for, and until when
 * the administrator's certificate holds.
 */
export async function diagnose(instance: CyberArkInstance, context: DiagnosisContext): Promise<readonly Finding[]> {
	const certificate = await diagnoseCertificate(instance);
	if (certificate.some(({ status }) => status === "failed")) return certificate;
	const { address, tls, webService } = instance;
	const { signal } = context;
	const allowsAddress = (resolved: string) => context.allowsAddress(resolved);
	const path = `${address.basePath}/${webService}/api/Accounts`;
	const { findings, answer } = await diagnosePath({ address, tls, path, signal, allowsAddress });
	return [...certificate, ...findings, ...(answer === undefined ? [] : [judge(instance, answer)])];
}

async function diagnoseCertificate(instance: CyberArkInstance): Promise<readonly Finding[]> {
	const about = "client certificate";
	const file = instance.tls.clientCertificateFile;
	const replace = "Replace it, and its key, before it ends; the provider takes the new files by itself.";
	try {
		const end = await certificateEnd(instance.tls);
		if (end === undefined) return [];
		const message = `The client certificate in ${file} holds until ${end.toISOString()}.`;
		return [end.getTime() - Date.now() < soonMilliseconds ? warning(about, message, replace) : ok(about, message)];
	} catch (reason) {
		return [failure(about, reason, replace)];
	}
}

function judge({ address, webService, applications }: CyberArkInstance, answer: HttpAnswer): Finding {
	const what = `the web service ${webService} at ${address.text}`;
	const { status } = answer;
	if (kindOf(answer) !== undefined) return ok(check, `${capitalised(what)} answers as the Central Credential Provider does.`);
	if (status === 403 && applications === undefined)
		return unchecked(
			check,
			`${capitalised(what)} wants a client certificate, which the Secrets of namespaces bring.`,
			"Mount a class that uses the store.",
		);
	if (status === 403)
		return failed(
			check,
			`${capitalised(what)} does not take the client certificate.`,
			"See that its authority is one that the web server trusts for clients.",
		);
	if (status === 401)
		return failed(check, `${capitalised(what)} wants Windows authentication.`, "Write the web service that takes client certificates.");
	if (status === 404)
		return failed(check, `There is no web service ${webService} at ${address.text}.`, "Correct webService, or the address.");
	if (status === 503) return failed(check, `${capitalised(what)} does not run.`, "Start its application pool in IIS.");
	return failed(
		check,
		`${capitalised(what)} does not answer as the Central Credential Provider does (status ${status}).`,
		"Check that the address leads to it and not to another server or a proxy's page.",
	);
}

function capitalised(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}
