import { existsSync, readFileSync } from "node:fs";
import { ProviderError } from "../../errors.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import type { ServeOptions } from "../../options.ts";
import type { MountPlan } from "../../plan/mount-plan.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import { readSecretProviderClass, type SecretProviderClass } from "../mount/manifests.ts";
import type { Arrangement } from "./arrangement.ts";
import { at, textAt } from "./json-fields.ts";
import type { PlannedClassOptions } from "./options.ts";

/** A class with what a Mount of it would ask for. */
export interface PlannedClass {
	readonly name: string;
	readonly provider: string;
	readonly namespace: string;
	readonly serviceAccount: string;
	readonly plan: MountPlan;
}

export interface ClassParts {
	readonly options: PlannedClassOptions | undefined;
	readonly serve: ServeOptions;
	readonly arrangement: Promise<Arrangement>;
	readonly kubernetes: KubernetesClient | undefined;
	readonly signal: AbortSignal;
}

/**
 * Plans the class as a Mount would, without a token and without a call to a store.
 *
 * @throws ProviderError `invalid` with every fault of the class
 */
export async function readPlannedClass({ options, serve, ...parts }: ClassParts): Promise<PlannedClass | undefined> {
	if (options === undefined) return undefined;
	const { dialects } = await parts.arrangement;
	const { name, provider, parameters } = await readClass(options, parts);
	if (!serve.providers.includes(provider)) {
		throw new ProviderError("invalid", `The class ${name} is of the provider ${JSON.stringify(provider)}, which is not served here.`, {
			remedy: `Add it to --providers (served: ${serve.providers.join(", ")}), or correct spec.provider.`,
		});
	}
	const { namespace, serviceAccount } = options;
	const request: MountRequest = {
		provider,
		pod: { name: "doctor", namespace, uid: "", serviceAccount },
		tokens: new Map(),
		parameters,
		credentials: new Map(),
		defaultMode: 0o644,
		targetPath: "",
		currentVersions: new Map(),
		signal: parts.signal,
	};
	return { name, provider, namespace, serviceAccount, plan: (await dialects.of(request)).plan(request) };
}

type Reading = Pick<ClassParts, "kubernetes" | "signal">;

async function readClass({ className, nameInFile, namespace }: PlannedClassOptions, parts: Reading): Promise<SecretProviderClass> {
	if (existsSync(className)) return readSecretProviderClass(readFileSync(className, "utf8"), className, nameInFile);
	const { kubernetes, signal } = parts;
	if (kubernetes === undefined || !/^[a-z0-9][a-z0-9.-]{0,252}$/.test(className)) {
		throw new ProviderError("invalid", `--class ${JSON.stringify(className)} is no file, and no cluster can be asked for it.`, {
			remedy: "Name a manifest, or give --kubernetes-api.",
		});
	}
	const path = `/apis/secrets-store.csi.x-k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/secretproviderclasses/${className}`;
	const { status, body } = await kubernetes.call("GET", path, signal);
	if (status !== 200) throw refusal(className, namespace, status);
	const parameters = Object.entries(at(body, "spec", "parameters") ?? {}).filter((entry): entry is [string, string] => {
		return typeof entry[1] === "string";
	});
	return { name: className, provider: textAt(body, "spec", "provider") ?? "", parameters: new Map(parameters) };
}

function refusal(name: string, namespace: string, status: number): ProviderError {
	const saved = `Save it and give the file: kubectl get secretproviderclass ${name} --namespace ${namespace} --output yaml >class.yaml`;
	if (status === 404) {
		return new ProviderError("absent", `There is no SecretProviderClass ${namespace}/${name}.`, {
			remedy: `See: kubectl get secretproviderclass --namespace ${namespace}`,
		});
	}
	const why = status === 403 ? "this account may not read it" : `the API server answered ${status}`;
	return new ProviderError("denied", `The SecretProviderClass ${namespace}/${name} cannot be read: ${why}.`, { remedy: saved });
}
