import { parseAddress } from "../../../net/address.ts";
import { diagnosePath } from "../../../net/path-diagnosis.ts";
import { type Finding, failed, failure, ok, unchecked, warning } from "../../../shared/finding.ts";
import type { Connected, DoctorContext } from "../context.ts";
import { textAt } from "../json-fields.ts";

/** Tokens' times are the API server's clock; this much is the rounding of seconds and a slow way. */
const tolerableSeconds = 2;

/** The way to the API server, the own token, and what pods' tokens are verified with. */
export async function checkApiServer(context: DoctorContext): Promise<readonly Finding[]> {
	const { kubernetes, serve, signal } = context;
	const address = parseAddress(serve.kubernetesApi ?? "");
	if (kubernetes === undefined || "problem" in address) {
		const remedy = "Run the doctor in the provider's container, or give --kubernetes-api, --kubernetes-token-file and --kubernetes-ca.";
		return [unchecked("API server", "No API server is known here.", remedy)];
	}
	// The administrator's own choice, which no policy judges. Nobody's proxy is between: the provider uses none there either.
	const tls = { caFile: serve.kubernetesCaFile };
	const way = { address, tls, path: "/version", allowsAddress: () => true, signal, environment: {} };
	const { findings, answer } = await diagnosePath(way);
	if (answer === undefined) return findings;
	const connected = { ...context, kubernetes };
	const checks = [checkToken, checkKeys, checkVersion].map((check) =>
		check(connected).catch((reason: unknown) => [failure("API server", reason, "See the cause, and ask again.")]),
	);
	return distinct([...findings, checkTokenTimes(connected), ...(await Promise.all(checks)).flat()]);
}

/** What all checks fail of, such as a token that is not there, is said once. */
function distinct(findings: readonly Finding[]): readonly Finding[] {
	return [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()];
}

/** Asks by SelfSubjectReview (authentication.k8s.io/v1), which every account may. */
async function checkToken({ kubernetes, serve, signal }: Connected): Promise<readonly Finding[]> {
	const { status, body } = await kubernetes.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", signal, {});
	const name = textAt(body, "status", "userInfo", "username");
	if (status === 201 && name !== undefined) return [ok("token", `The API server takes the provider's token as ${name}.`)];
	if (status !== 401) return [unchecked("token", `The API server answers ${status} when asked whose the token is.`)];
	const message = `The API server does not accept the token in ${serve.kubernetesTokenFile}.`;
	const remedy =
		"Let kubelet project it (automountServiceAccountToken: true), or make one: kubectl create token claviger --namespace claviger-system";
	return [failed("token", message, remedy)];
}

function checkTokenTimes({ account, serve }: Connected): Finding {
	const claims = account.claims();
	if (claims?.issuedAt === undefined || claims.expiresAt === undefined) {
		return unchecked("token times", `${serve.kubernetesTokenFile} is no token that tells its times.`);
	}
	const now = Date.now() / 1000;
	const ahead = Math.round(claims.issuedAt - now);
	const remedy = "Set the clock by NTP. On the node: timedatectl status; chronyc tracking";
	if (ahead > tolerableSeconds) {
		return failed(
			"token times",
			`The provider's token was issued ${ahead} s in the future: this clock is behind the API server's.`,
			remedy,
		);
	}
	const left = Math.round(claims.expiresAt - now);
	if (left > 0) return ok("token times", `The provider's token was issued ${-ahead} s ago and holds for ${left} s more.`);
	return failed("token times", `The provider's token ended ${-left} s ago.`, "Let kubelet renew it: mount it as a projected volume.");
}

async function checkKeys({ kubernetes, serve, account, signal }: Connected): Promise<readonly Finding[]> {
	if (serve.tokenVerification !== "keys") {
		const how =
			serve.tokenVerification === "off" ? "Pods' tokens are not verified (--token-verification off)" : "Tokens are verified by TokenReview";
		if (serve.tokenVerification === "review") return [ok("token keys", `${how}; the keys are not needed.`)];
		return [
			warning("token keys", `${how}: who has a place on the socket can claim to be any pod.`, "Start it with --token-verification keys."),
		];
	}
	if (serve.tokenKeysFile !== undefined) return [ok("token keys", `Tokens are verified with the keys in ${serve.tokenKeysFile}.`)];
	const keys = await kubernetes.call("GET", "/openid/v1/jwks", signal);
	if (keys.status !== 200) {
		const message = `The API server answers ${keys.status} when asked for its token keys, so no pod's token can be verified.`;
		const role = "--clusterrole=system:service-account-issuer-discovery";
		return [failed("token keys", message, `Run: kubectl create clusterrolebinding claviger-token-keys ${role} ${account.subjectFlag()}`)];
	}
	return [ok("token keys", "The API server's token keys can be read."), await checkIssuer({ kubernetes, serve, account, signal })];
}

async function checkIssuer({ kubernetes, serve, account, signal }: Pick<Connected, "kubernetes" | "serve" | "account" | "signal">) {
	const { status, body } = await kubernetes.call("GET", "/.well-known/openid-configuration", signal);
	const issuer = textAt(body, "issuer");
	if (status !== 200 || issuer === undefined)
		return unchecked("token issuer", `The API server answers ${status} when asked for its issuer.`);
	const wanted = serve.tokenIssuer ?? account.claims()?.issuer;
	if (wanted === undefined || wanted === issuer) return ok("token issuer", `Tokens are issued by ${issuer}.`);
	const source = serve.tokenIssuer === undefined ? "the provider's own token names" : "--token-issuer is";
	const message = `The API server issues tokens as ${issuer}, and ${source} ${wanted}.`;
	if (serve.tokenIssuer !== undefined) return failed("token issuer", message, `Start the provider with --token-issuer=${issuer}`);
	return warning("token issuer", message, "Check that --kubernetes-api leads to the cluster that made the token.");
}

async function checkVersion({ kubernetes, serve, signal }: Connected): Promise<readonly Finding[]> {
	const { status, body } = await kubernetes.call("GET", "/version", signal);
	const version = textAt(body, "gitVersion");
	const [major, minor] = [Number(textAt(body, "major")), Number(/^\d+/.exec(textAt(body, "minor") ?? "")?.[0])];
	if (status !== 200 || version === undefined)
		return [unchecked("version", `The API server answers ${status} when asked for its version.`)];
	if (serve.push === "annotation" && major === 1 && minor < 30) {
		const message = `Kubernetes ${version} has no ValidatingAdmissionPolicy and no node in tokens, which --push annotation rests on.`;
		return [failed("version", message, "Update to Kubernetes 1.30 or newer, or start the provider with --push=off.")];
	}
	return [ok("version", `Kubernetes ${version}.`)];
}
