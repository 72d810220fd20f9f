import type { ExecutionContext } from "ava";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import type { Gcp } from "../../servers/gcp/gcp.ts";
import { clusterProvider, openSite, pool, type Site } from "../../servers/gcp/servers-support.ts";
import { type ScriptedApiServer, startApiServer } from "../../support/api-server.ts";
import { CallFailure, type MountCallOptions, type MountResult } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider, type TestProvider, type TestProviderOptions } from "../../support/provider.ts";
import { useEnvironment } from "./fixture.ts";

export const accessor = "roles/secretmanager.secretAccessor";

/** The stand-ins, found at Google's own names by this process for as long as the test runs. */
export async function openGoogle(t: ExecutionContext<unknown>): Promise<Site> {
	const site = await openSite(t);
	useEnvironment(t, site.gcp.environment);
	return site;
}

/** Lets service accounts of the cluster's namespace `shop` read all secrets and parameters. */
export function letRead(gcp: Gcp, serviceAccount = "web"): void {
	const member = `serviceAccount:${pool}[shop/${serviceAccount}]`;
	gcp.iam.allow(member, accessor, "projects/my-proj");
	gcp.iam.allow(member, "roles/parametermanager.parameterAccessor", "projects/my-proj");
}

/** The policy text with defaults of the dialect: the cluster, and further options. */
export function dialectPolicy(options: Readonly<Record<string, unknown>> = {}): string {
	return JSON.stringify({ profile: "strict", dialects: { gcp: { workloadPool: pool, identityProvider: clusterProvider, ...options } } });
}

/** The policy text with a store `main`: the cluster, and further options. */
export function storePolicy(options: Readonly<Record<string, unknown>> = {}): string {
	const main = { type: "gcp", project: "my-proj", workloadPool: pool, identityProvider: clusterProvider, ...options };
	return JSON.stringify({ profile: "strict", stores: { main } });
}

export interface MounterOptions extends Omit<TestProviderOptions, "policy" | "providers" | "issuer"> {
	/** Options of the dialect, beside the cluster. */
	readonly options?: Readonly<Record<string, unknown>>;
	/** What service accounts are annotated with, by account; absent: no API server is known. */
	readonly annotations?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Mounts classes of the Google provider, with the pod's genuine token. */
export interface Mounter {
	readonly provider: TestProvider;
	/** Paths that the API server was asked for. */
	readonly asked: readonly string[];
	mount(secrets: string, options?: MountOptions): Promise<MountResult>;
	/** The refusal of a mount that fails. */
	refusal(secrets: string, options?: MountOptions): Promise<CallFailure>;
}

export interface MountOptions extends MountCallOptions {
	readonly pod?: Pod;
	readonly audience?: string;
	readonly tokens?: Readonly<Record<string, string>>;
	/** Parameters beside `secrets`. */
	readonly parameters?: Readonly<Record<string, string>>;
}

export async function startMounter(t: ExecutionContext<unknown>, { issuer }: Site, mounter: MounterOptions = {}): Promise<Mounter> {
	const { options, annotations, flags = [], ...rest } = mounter;
	const api = annotations === undefined ? { flags: [], requests: [] } : await startAccountsApi(t, annotations);
	const policy = dialectPolicy(options);
	const provider = await startTestProvider(t, { ...rest, policy, providers: "gcp", issuer, flags: [...flags, ...api.flags] });
	const mount = (secrets: string, { pod = makePod(), parameters = {}, ...call }: MountOptions = {}) =>
		provider.mount("gcp", pod, { secrets, ...parameters }, { audience: pool, ...call });
	const refusal = async (secrets: string, call?: MountOptions) => {
		try {
			await mount(secrets, call);
		} catch (error) {
			if (error instanceof CallFailure) return error;
			throw error;
		}
		throw new Error("the mount did not fail");
	};
	return { provider, asked: api.requests, mount, refusal };
}

/** Paths, modes and contents of an answer, in its order. */
export function filesOf({ files, order }: MountResult): readonly (readonly [path: string, mode: number, text: string])[] {
	return order.map((path) => [path, files.get(path)?.mode ?? 0, files.get(path)?.contents.toString() ?? ""]);
}

/** An API server that knows nothing but service accounts of the namespace `shop`. It stops with the test. */
function startAccountsApi(
	t: ExecutionContext<unknown>,
	annotations: NonNullable<MounterOptions["annotations"]>,
): Promise<ScriptedApiServer> {
	return startApiServer(t, ({ url = "" }, response) => {
		const account = annotations[/^\/api\/v1\/namespaces\/shop\/serviceaccounts\/([^/]+)$/.exec(url)?.[1] ?? ""];
		response.writeHead(account === undefined ? 404 : 200, { "content-type": "application/json" });
		response.end(JSON.stringify({ metadata: { annotations: account ?? {} } }));
	});
}
