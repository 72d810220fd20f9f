import type { HttpAnswer } from "../../net/exchange.ts";
import { diagnosePath } from "../../net/path-diagnosis.ts";
import { type Finding, failed, ok, warning } from "../../shared/finding.ts";
import { type JsonObject, jsonMember, parseJsonObject } from "../../shared/json.ts";
import type { DiagnosisContext } from "../module.ts";
import type { VaultInstance } from "./instance.ts";

/** The way to the server, and what it says of itself to anybody (`GET /v1/sys/health`). */
export async function diagnose(instance: VaultInstance, context: DiagnosisContext): Promise<readonly Finding[]> {
	const { address, tls } = instance;
	const path = `${address.basePath}/v1/sys/health`;
	const { signal } = context;
	const allowsAddress = (resolved: string) => context.allowsAddress(resolved);
	const { findings, answer } = await diagnosePath({ address, tls, path, signal, allowsAddress });
	return answer === undefined ? findings : [...findings, judgeHealth(instance, answer)];
}

/** Statuses as `sys/health` documents them: 200 active, 429 standby, 472 and 473 of replication, 501 not initialised, 503 sealed. */
function judgeHealth({ address }: VaultInstance, { status, body }: HttpAnswer): Finding {
	const check = "Vault";
	const health = parseJsonObject(body);
	if (health === undefined || typeof jsonMember(health, "sealed") !== "boolean") {
		const message = `${address.text} does not answer as Vault or OpenBao does (status ${status}).`;
		return failed(check, message, "Check that the address leads to Vault itself and not to another server or a proxy's page.");
	}
	const what = `Vault ${versionOf(health)} at ${address.text}`;
	const environment = `VAULT_ADDR=${address.text}`;
	if (jsonMember(health, "initialized") === false)
		return failed(check, `${what} is not initialised.`, `Run: ${environment} vault operator init`);
	if (jsonMember(health, "sealed") === true) {
		return failed(check, `${what} is sealed and serves nothing.`, `Run: ${environment} vault operator unseal`);
	}
	if (status === 472) {
		const message = `${what} is a secondary of disaster recovery, which serves no secrets.`;
		return failed(check, message, "Write the address of the primary, or of its load balancer.");
	}
	if (status === 429) return ok(check, `${what} is initialised, unsealed and a standby, which passes requests on.`);
	if (status === 200 || status === 473) return ok(check, `${what} is initialised, unsealed and active.`);
	return warning(check, `${what} answers its health check with status ${status}.`, `See: ${environment} vault status`);
}

function versionOf(health: JsonObject): string {
	const version = jsonMember(health, "version");
	return typeof version === "string" && /^[\w.+-]{1,40}$/.test(version) ? version : "of an unknown version";
}
