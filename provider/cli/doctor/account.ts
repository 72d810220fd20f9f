import { readFileSync } from "node:fs";
import { decodeJwt } from "jose";
import type { ApiAnswer, KubernetesClient } from "../../kubernetes/client.ts";
import type { ServeOptions } from "../../options.ts";
import { type Finding, unchecked } from "../../shared/finding.ts";
import { textAt } from "./json-fields.ts";

/** The claims of the own token that are looked at. None of them is confidential. */
export interface OwnClaims {
	readonly subject: string | undefined;
	readonly issuer: string | undefined;
	/** Seconds since 1970. */
	readonly issuedAt: number | undefined;
	readonly expiresAt: number | undefined;
	/** The pod that the token is bound to. */
	readonly pod: { readonly namespace: string; readonly name: string } | undefined;
	readonly nodeName: string | undefined;
}

export interface Right {
	readonly verb: string;
	/** Plural, with its group behind a dot where it has one, such as `csidrivers.storage.k8s.io`. */
	readonly resource: string;
	readonly namespace?: string;
	readonly name?: string;
}

/** Who the API server takes this process for, and what it may do. */
export class Account {
	readonly #client: KubernetesClient | undefined;
	readonly #tokenFile: string;
	readonly #signal: AbortSignal;

	constructor(client: KubernetesClient | undefined, serve: ServeOptions, signal: AbortSignal) {
		this.#client = client;
		this.#tokenFile = serve.kubernetesTokenFile;
		this.#signal = signal;
	}

	/** Of the token's file; undefined when there is none, or it is no JWT. */
	claims(): OwnClaims | undefined {
		try {
			const claims = decodeJwt(readFileSync(this.#tokenFile, "utf8").trim());
			const bound: unknown = claims["kubernetes.io"];
			const [namespace, name] = [textAt(bound, "namespace"), textAt(bound, "pod", "name")];
			return {
				subject: claims.sub,
				issuer: claims.iss,
				issuedAt: claims.iat,
				expiresAt: claims.exp,
				pod: namespace === undefined || name === undefined ? undefined : { namespace, name },
				nodeName: textAt(bound, "node", "name"),
			};
		} catch {
			return undefined;
		}
	}

	/**
	 * Asks by SelfSubjectAccessReview, which every account may. Undefined when the API server does not say.
	 *
	 * @throws ProviderError `unreachable`
	 */
	async may({ verb, resource, namespace, name }: Right): Promise<boolean | undefined> {
		const [plural = "", ...group] = resource.split(".");
		const [main, subresource] = plural.split("/");
		const resourceAttributes = { verb, group: group.join("."), resource: main, subresource, namespace, name };
		const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
		const answer = await this.#client?.call("POST", path, this.#signal, { spec: { resourceAttributes } });
		if (answer?.status !== 201) return undefined;
		return (answer.body as { status?: { allowed?: unknown } } | undefined)?.status?.allowed === true;
	}

	/** What may not be looked at, with the command that allows it. */
	notAllowed(check: string, { status }: ApiAnswer, right: Right): Finding {
		const what = `${right.verb} on ${right.resource}`;
		if (status === 401) return unchecked(check, `The API server does not know this token (401), so ${what} is not possible.`);
		return unchecked(check, `This account may not ask for it: it lacks ${what}.`, `Run: ${this.grant(right)}`);
	}

	/** The commands that give this account a right. */
	grant({ verb, resource, namespace, name }: Right): string {
		const role = `claviger-${verb}-${resource.split(/[./]/)[0]}`;
		const where = namespace === undefined ? "" : ` --namespace ${namespace}`;
		const kind = namespace === undefined ? "clusterrole" : "role";
		const only = name === undefined ? "" : ` --resource-name=${name}`;
		const create = `kubectl create ${kind} ${role} --verb=${verb} --resource=${resource}${only}${where}`;
		return `${create} && kubectl create ${kind}binding ${role} --${kind}=${role} ${this.subjectFlag()}${where}`;
	}

	/** A command about the provider's DaemonSet: its own where the token names its pod, else that of manifests/deploy. */
	kubectl(command: string): string {
		const pod = this.claims()?.pod;
		const name = pod?.name.replace(/-[a-z0-9]{5}$/, "") ?? "claviger";
		return `kubectl --namespace ${pod?.namespace ?? "claviger-system"} ${command} daemonset/${name}`;
	}

	/** The account as kubectl's `create …binding` takes it. */
	subjectFlag(): string {
		const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(this.claims()?.subject ?? "") ?? [];
		return name === undefined ? "--serviceaccount=claviger-system:claviger" : `--serviceaccount=${namespace}:${name}`;
	}
}
