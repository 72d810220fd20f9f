import type { HttpAnswer } from "../../net/exchange.ts";
import { diagnosePath } from "../../net/path-diagnosis.ts";
import { type Finding, failed, ok } from "../../shared/finding.ts";
import type { DiagnosisContext } from "../module.ts";
import type { ConjurInstance } from "./instance.ts";

/** The way to the server, and whether Conjur's API answers there: it tells anybody that `GET /whoami` wants an access token. */
export async function diagnose(instance: ConjurInstance, context: DiagnosisContext): Promise<readonly Finding[]> {
	const { address, tls } = instance;
	const path = `${address.basePath}/whoami`;
	const { signal } = context;
	const allowsAddress = (resolved: string) => context.allowsAddress(resolved);
	const { findings, answer } = await diagnosePath({ address, tls, path, signal, allowsAddress });
	return answer === undefined ? findings : [...findings, judge(instance, answer)];
}

function judge({ address, account, service }: ConjurInstance, { status }: HttpAnswer): Finding {
	const check = "Conjur";
	if (status === 401) {
		const state = `${address.text}/authn-jwt/${service}/${account}/status`;
		return ok(check, `Conjur answers at ${address.text}; what it thinks of its authenticator, ${state} tells those who may read it.`);
	}
	const message = `${address.text} does not answer as Conjur does (status ${status}).`;
	if (status >= 500) return failed(check, message, "See the server's log, and its database.");
	return failed(check, message, "Check that the address leads to Conjur itself and not to another server or a proxy's page.");
}
