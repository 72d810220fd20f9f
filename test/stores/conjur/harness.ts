import type { ExecutionContext } from "ava";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import type { Conjur } from "../../servers/conjur/conjur.ts";
import { audience, type Site } from "../../servers/conjur/site.ts";
import { type ScriptedApiServer, startApiServer } from "../../support/api-server.ts";
import { CallFailure, type MountCallOptions, type MountResult } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider, type TestProvider, type TestProviderOptions } from "../../support/provider.ts";

export const annotation = "conjur.org/secrets";

/** The parameters that a class needs, beside its secrets. */
export function classParameters(conjur: Conjur, changes: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
	const parameters = {
		account: conjur.account,
		applianceUrl: conjur.address,
		authnId: "authn-jwt/kube",
		sslCertificate: conjur.authority,
		...changes,
	};
	return Object.fromEntries(Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The fields of a native store. */
export function storeFields(conjur: Conjur, changes: Readonly<Record<string, unknown>> = {}): object {
	return { type: "conjur", address: conjur.address, account: conjur.account, service: "kube", caCertificate: conjur.authority, ...changes };
}

/** A policy that lets classes ask the server, with certificates of their own. */
export function classPolicy({ address }: Pick<Conjur, "address">): string {
	return JSON.stringify({ profile: "strict", endpoints: [{ origin: new URL(address).origin, ownTrust: true }] });
}

export interface MounterOptions extends Omit<TestProviderOptions, "providers" | "issuer"> {
	/** What pods are annotated with, by the pod's name, or the status that is answered; absent: no API server is known. */
	readonly pods?: Readonly<Record<string, Annotated>>;
}

/** Mounts classes of the Conjur provider, with the pod's genuine token. */
export interface Mounter {
	readonly provider: TestProvider;
	/** What the API server was asked for. */
	readonly asked: readonly string[];
	mount(parameters: Readonly<Record<string, string>>, options?: MountOptions): Promise<MountResult>;
	/** The refusal of a mount that fails. */
	refusal(parameters: Readonly<Record<string, string>>, options?: MountOptions): Promise<CallFailure>;
}

export interface MountOptions extends MountCallOptions {
	readonly pod?: Pod;
	readonly tokens?: Readonly<Record<string, string>>;
}

export async function startMounter(t: ExecutionContext<unknown>, { conjur, issuer }: Site, options: MounterOptions = {}): Promise<Mounter> {
	const { pods, flags = [], policy = classPolicy(conjur), ...rest } = options;
	const api = pods === undefined ? { flags: [], requests: [] } : await startPodsApi(t, pods);
	const provider = await startTestProvider(t, { ...rest, policy, providers: "conjur,claviger", issuer, flags: [...flags, ...api.flags] });
	const mount = (parameters: Readonly<Record<string, string>>, { pod = makePod(), ...call }: MountOptions = {}) =>
		provider.mount("conjur", pod, parameters, { audience, ...call });
	return { provider, asked: api.requests, mount, refusal: (parameters, call) => failureOf(mount(parameters, call)) };
}

/** The failure of a mount. */
export async function failureOf(mounted: Promise<unknown>): Promise<CallFailure> {
	try {
		await mounted;
	} catch (error) {
		if (error instanceof CallFailure) return error;
		throw error;
	}
	throw new Error("the mount did not fail");
}

/** Paths, modes and contents of an answer, in its order. */
export function filesOf({ files, order }: MountResult): readonly (readonly [path: string, mode: number, text: string])[] {
	return order.map((path) => [path, files.get(path)?.mode ?? 0, files.get(path)?.contents.toString() ?? ""]);
}

/** A pod as the API server knows it, or what it answers in the place of one. */
export type Annotated = { readonly uid: string; readonly annotations?: Readonly<Record<string, string>> } | number;

/** An API server that knows nothing but pods of the namespace `shop`, which the test may change. It stops with the test. */
function startPodsApi(t: ExecutionContext<unknown>, pods: Readonly<Record<string, Annotated>>): Promise<ScriptedApiServer> {
	return startApiServer(t, ({ url = "" }, response) => {
		const pod = pods[/^\/api\/v1\/namespaces\/shop\/pods\/([^/]+)$/.exec(url)?.[1] ?? ""] ?? 404;
		response.writeHead(typeof pod === "number" ? pod : 200, { "content-type": "application/json" });
		response.end(JSON.stringify(typeof pod === "number" ? { kind: "Status" } : { metadata: pod }));
	});
}
