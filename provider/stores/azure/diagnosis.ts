import { parseAddress } from "../../net/address.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { diagnosePath, type PathDiagnosis } from "../../net/path-diagnosis.ts";
import { type Finding, failed, ok, unchecked } from "../../shared/finding.ts";
import type { DiagnosisContext } from "../module.ts";
import { readChallenge, refusedToken } from "./failures.ts";
import type { AzureInstance } from "./instance.ts";
import { serverOptions } from "./servers.ts";
import { vaultName } from "./words.ts";

const check = "Key Vault";

/**
 * The way to the vault and to who gives access tokens, stage by stage, with the clock; and what the vault tells anybody:
 * whose tokens it takes.
 */
export async function diagnose(instance: AzureInstance, context: DiagnosisContext): Promise<readonly Finding[]> {
	const isAuthority = instance.loginUrl === instance.authority;
	const metadata = isAuthority ? `/${encodeURIComponent(instance.tenant)}/v2.0/.well-known/openid-configuration` : "/";
	const [vault, login] = await Promise.all([
		walk(instance, "vault", "/secrets?api-version=7.4", context),
		walk(instance, "login", metadata, context),
	]);
	const tenant = isAuthority ? judgeTenant(instance, login.answer) : [];
	return [...login.findings, ...tenant, ...vault.findings, ...judgeVault(instance, vault.answer)];
}

/** The authority tells anybody how to log in to a tenant, and that there is none of that id. */
function judgeTenant({ authority, tenant }: AzureInstance, answer: HttpAnswer | undefined): readonly Finding[] {
	if (answer === undefined) return [];
	if (answer.status === 200) return [ok("tenant", `${authority} knows the tenant ${tenant}.`)];
	const message = `${authority} knows no tenant ${tenant} (status ${answer.status}).`;
	return [failed("tenant", message, "Check the tenant's id and the cloud: az account show --query tenantId")];
}

function walk(
	instance: AzureInstance,
	server: "vault" | "login",
	path: string,
	{ signal, allowsAddress }: DiagnosisContext,
): Promise<PathDiagnosis> {
	const { url, tls, environment } = serverOptions(instance)[server];
	const address = parseAddress(url);
	if ("problem" in address)
		return Promise.resolve({ findings: [failed("address", `${url} ${address.problem}.`, address.remedy)], answer: undefined });
	const options = { address, tls, path: `${address.basePath}${path}`, signal, allowsAddress };
	return diagnosePath({ ...options, ...(environment === undefined ? {} : { environment }) });
}

/** A request without a token is answered with a challenge, which names tenant and resource. */
function judgeVault(instance: AzureInstance, answer: HttpAnswer | undefined): readonly Finding[] {
	if (answer === undefined) return [];
	const vault = vaultName(instance);
	const challenge = answer.headers["www-authenticate"] ?? "";
	const { authority, resource } = readChallenge(challenge);
	if (answer.status !== 401 || authority === undefined || resource === undefined) {
		const message = `${instance.vaultUrl} does not answer as Key Vault does (status ${answer.status}).`;
		return [failed(check, message, "Check the vault's name and cloud, and that no proxy answers in its place.")];
	}
	const refusal = refusedToken(challenge, instance);
	if (refusal.code !== "unreachable") return [failed(check, refusal.message, refusal.remedy ?? "")];
	const state = ok(check, `${vault} takes tokens of ${authority} for ${resource}.`);
	const look = "Mount once, and see the pod's events.";
	return [state, unchecked("rights", `What the identity may read in ${vault} is told to nobody but itself.`, look)];
}
