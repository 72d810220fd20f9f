import type { Manifest } from "../../manifests/read-manifests.ts";
import { type ApiAnswer, field } from "./api-client.ts";
import type { Cluster } from "./cluster.ts";

/** Names an object, or with no name all of its kind. */
export interface Reference {
	readonly apiVersion: string;
	readonly kind: string;
	readonly namespace?: string;
	readonly name?: string;
}

/** Objects of any kind, as kubectl handles them: where a kind is served is asked from the API server. */
export class Objects {
	readonly #cluster: Pick<Cluster, "request">;
	readonly #groups = new Map<string, Promise<readonly unknown[]>>();

	constructor(cluster: Pick<Cluster, "request">) {
		this.#cluster = cluster;
	}

	/** Makes an object, with every field known to the API server, and returns what is stored. */
	async create(object: Manifest): Promise<unknown> {
		const answer = await this.#cluster.request("POST", `${await this.#path(collectionOf(object))}?fieldValidation=Strict`, object);
		return expected(answer, `${object.kind} ${object.metadata.name}`, 201);
	}

	/** Makes an object, or changes what it says in the one that is there. */
	async apply(object: Manifest): Promise<unknown> {
		const path = `${await this.#path({ ...collectionOf(object), name: object.metadata.name })}?fieldValidation=Strict`;
		const answer = await this.#cluster.request("PATCH", path, object);
		if (answer.status === 404) return this.create(object);
		return expected(answer, `${object.kind} ${object.metadata.name}`, 200);
	}

	/** Changes parts of an object that is there, by a merge patch. */
	async change(reference: Reference, patch: object): Promise<void> {
		const answer = await this.#cluster.request("PATCH", await this.#path(reference), patch);
		expected(answer, `${reference.kind} ${reference.name}`, 200);
	}

	/** The object, or undefined when there is none. */
	async find(reference: Reference): Promise<unknown> {
		const answer = await this.#cluster.request("GET", await this.#path(reference));
		return answer.status === 404 ? undefined : expected(answer, `${reference.kind} ${reference.name}`, 200);
	}

	/** All objects of a kind in a namespace, that have a label (`name=value`) if one is given. */
	async list(reference: Reference, label?: string): Promise<readonly unknown[]> {
		const query = label === undefined ? "" : `?labelSelector=${encodeURIComponent(label)}`;
		const answer = await this.#cluster.request("GET", `${await this.#path(reference)}${query}`);
		const items = field(expected(answer, reference.kind, 200), "items");
		return Array.isArray(items) ? items : [];
	}

	/** Asks for an object's end, which is not waited for. */
	async delete(reference: Reference): Promise<void> {
		const answer = await this.#cluster.request("DELETE", await this.#path(reference), { propagationPolicy: "Background" });
		if (answer.status !== 404) expected(answer, `${reference.kind} ${reference.name}`, 200, 202);
	}

	async #path({ apiVersion, kind, namespace, name }: Reference): Promise<string> {
		const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
		const resources = this.#groups.get(group) ?? this.#discover(group);
		this.#groups.set(group, resources);
		const resource = (await resources).find(
			(candidate) => field(candidate, "kind") === kind && !String(field(candidate, "name")).includes("/"),
		);
		if (resource === undefined) throw new Error(`the API server has no ${kind} in ${apiVersion}`);
		const place = field(resource, "namespaced") === true ? `/namespaces/${namespace ?? "default"}` : "";
		return `${group}${place}/${String(field(resource, "name"))}${name === undefined ? "" : `/${name}`}`;
	}

	async #discover(group: string): Promise<readonly unknown[]> {
		const answer = await this.#cluster.request("GET", group);
		const resources = field(expected(answer, group, 200), "resources");
		return Array.isArray(resources) ? resources : [];
	}
}

function collectionOf({ apiVersion, kind, metadata }: Manifest): Reference {
	return { apiVersion, kind, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }) };
}

function expected({ status, body }: ApiAnswer, what: string, ...statuses: readonly number[]): unknown {
	if (!statuses.includes(status)) throw new Error(`${what}: the API server answered ${status}: ${JSON.stringify(body)}`);
	return body;
}
