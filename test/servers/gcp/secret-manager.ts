import type { AccessTokens, JudgeForeignBearer } from "./access-tokens.ts";
import { type Answer, type Call, json, type Route, statusError } from "./answers.ts";
import { crc32c } from "./crc32c.ts";
import type { Iam, Permission } from "./iam.ts";
import type { Projects } from "./projects.ts";

export interface ApiParts {
	readonly tokens: AccessTokens;
	readonly judgeForeign: JudgeForeignBearer;
	readonly iam: Iam;
	readonly projects: Projects;
}

export type SecretState = "ENABLED" | "DISABLED" | "DESTROYED";

interface Version {
	readonly name: string;
	readonly createTime: string;
	data: Buffer;
	state: SecretState;
}

interface SecretRecord {
	readonly versions: Version[];
	readonly aliases: Map<string, number>;
}

const largestPayload = 64 * 1024;
const secretName = String.raw`projects\/[^/]+(?:\/locations\/[^/]+)?\/secrets\/[\w-]{1,255}`;

/** Secrets, global and regional. Source: Secret Manager API v1. */
export class SecretManager {
	readonly #parts: ApiParts;
	readonly #secrets = new Map<string, SecretRecord>();

	constructor(parts: ApiParts) {
		this.#parts = parts;
	}

	get routes(): readonly Route[] {
		const route = (operation: string, path: string, handle: Route["handle"]): Route => {
			return { operation, service: "secretmanager", method: "GET", path: new RegExp(`^/v1/${path}$`), handle };
		};
		return [
			route("secrets.access", `(${secretName}/versions/[\\w-]{1,63}):access`, (call) => this.#access(call)),
			route("secrets.getVersion", `(${secretName}/versions/[\\w-]{1,63})`, (call) => this.#getVersion(call)),
			route("secrets.get", `(${secretName})`, (call) => this.#get(call)),
		];
	}

	/**
	 * Adds a version, and the secret when it is not there.
	 *
	 * @param secret such as `projects/my-proj/secrets/db` or `projects/my-proj/locations/us-central1/secrets/db`
	 * @returns the version's number
	 */
	add(secret: string, value: Buffer | string): number {
		const data = Buffer.from(value);
		if (data.length > largestPayload) throw new Error(`${secret}: a payload has at most ${largestPayload} bytes`);
		if (!new RegExp(`^${secretName}$`).test(secret)) throw new Error(`${secret} is no secret's name`);
		const name = this.#parts.projects.canonical(secret);
		const record = this.#secrets.get(name) ?? { versions: [], aliases: new Map<string, number>() };
		this.#secrets.set(name, record);
		const number = record.versions.length + 1;
		record.versions.push({ name: `${name}/versions/${number}`, createTime: new Date().toISOString(), data, state: "ENABLED" });
		return number;
	}

	/** Destroying a version destroys its data. */
	setState(secret: string, number: number, state: SecretState): void {
		const version = this.#record(secret)?.versions[number - 1];
		if (version === undefined) throw new Error(`${secret} has no version ${number}`);
		version.state = state;
		if (state === "DESTROYED") version.data = Buffer.alloc(0);
	}

	setAlias(secret: string, alias: string, number: number): void {
		this.#record(secret)?.aliases.set(alias, number);
	}

	delete(secret: string): void {
		this.#secrets.delete(this.#parts.projects.canonical(secret));
	}

	/** The payload of a version for whom it does not matter who asks, such as a parameter that refers to it. @throws Refusal */
	payload(name: string): Buffer {
		const version = this.#find(name);
		if (version.state === "ENABLED") return version.data;
		throw statusError("FAILED_PRECONDITION", `Secret Version [${version.name}] is in ${version.state} state.`);
	}

	async #access(call: Call): Promise<Answer> {
		await this.#judge(call, "secretmanager.versions.access");
		const data = this.payload(call.resource);
		const { name } = this.#find(call.resource);
		return json({ name, payload: { data: data.toString("base64"), dataCrc32c: crc32c(data) } });
	}

	async #getVersion(call: Call): Promise<Answer> {
		await this.#judge(call, "secretmanager.versions.get");
		const { name, createTime, state } = this.#find(call.resource);
		return json({ name, createTime, state, etag: `"${name.length}-${state}"` });
	}

	async #get(call: Call): Promise<Answer> {
		await this.#judge(call, "secretmanager.secrets.get");
		const name = this.#parts.projects.canonical(call.resource);
		const record = this.#secrets.get(name);
		if (record === undefined) throw statusError("NOT_FOUND", `Secret [${name}] not found.`);
		const versionAliases = Object.fromEntries([...record.aliases].map(([alias, number]) => [alias, String(number)]));
		return json({ name, createTime: record.versions[0]?.createTime, versionAliases, etag: `"${record.versions.length}"` });
	}

	async #judge(call: Call, permission: Permission): Promise<void> {
		const { tokens, judgeForeign, iam } = this.#parts;
		const principal = await tokens.authenticate(call, judgeForeign);
		call.principal = principal.name;
		requireLocation(call);
		iam.require(principal, permission, call.resource);
	}

	#record(secret: string): SecretRecord | undefined {
		return this.#secrets.get(this.#parts.projects.canonical(secret));
	}

	#find(name: string): Version {
		const [secret = "", selector = ""] = this.#parts.projects.canonical(name).split("/versions/");
		const record = this.#secrets.get(secret);
		if (record === undefined) throw statusError("NOT_FOUND", `Secret [${secret}] not found or has no versions.`);
		// The newest one counts even when it is disabled.
		const number = selector === "latest" ? record.versions.length : (record.aliases.get(selector) ?? Number(selector));
		const version = record.versions[number - 1];
		if (version === undefined) throw statusError("NOT_FOUND", `Secret Version [${secret}/versions/${selector}] not found.`);
		return version;
	}
}

/** A resource with a location is served by that location's endpoint alone, one without by the global one. @throws Refusal */
export function requireLocation(call: Call): void {
	const location = /^projects\/[^/]+\/locations\/([^/]+)\//.exec(call.resource)?.[1] ?? "global";
	if (location === call.host.location) return;
	const { name } = call.host;
	throw statusError("INVALID_ARGUMENT", `The request was sent to ${name}, which does not serve the location of ${call.resource}.`);
}
