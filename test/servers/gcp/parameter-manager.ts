import { type Answer, type Call, json, type Route, statusError } from "./answers.ts";
import { type Permission, type Principal, principalOf } from "./iam.ts";
import { type ApiParts, requireLocation, type SecretManager } from "./secret-manager.ts";

interface ParameterVersion {
	readonly data: Buffer;
	disabled: boolean;
}

const parameterName = String.raw`projects\/[^/]+\/locations\/[^/]+\/parameters\/[\w-]{1,63}`;
const reference = /__REF__\("\/\/secretmanager\.googleapis\.com\/([^"]+)"\)/g;

/** Parameters, global and regional, whose versions may refer to secrets. Source: Parameter Manager API v1. */
export class ParameterManager {
	readonly #parts: ApiParts;
	readonly #secrets: SecretManager;
	readonly #versions = new Map<string, ParameterVersion>();

	constructor(parts: ApiParts, secrets: SecretManager) {
		this.#parts = parts;
		this.#secrets = secrets;
	}

	get routes(): readonly Route[] {
		const version = `(${parameterName}/versions/[\\w-]{1,63})`;
		const route = (operation: string, path: string, handle: Route["handle"]): Route => {
			return { operation, service: "parametermanager", method: "GET", path: new RegExp(`^/v1/${path}$`), handle };
		};
		return [
			route("parameters.render", `${version}:render`, (call) => this.#render(call)),
			route("parameters.getVersion", version, (call) => this.#get(call)),
		];
	}

	/**
	 * Adds a version, or replaces it.
	 *
	 * @param name such as `projects/my-proj/locations/global/parameters/app/versions/v1`
	 */
	add(name: string, value: Buffer | string): void {
		if (!new RegExp(`^${parameterName}/versions/[\\w-]{1,63}$`).test(name)) throw new Error(`${name} is no parameter version's name`);
		this.#versions.set(this.#parts.projects.canonical(name), { data: Buffer.from(value), disabled: false });
	}

	setDisabled(name: string, disabled: boolean): void {
		const version = this.#versions.get(this.#parts.projects.canonical(name));
		if (version === undefined) throw new Error(`there is no ${name}`);
		version.disabled = disabled;
	}

	delete(name: string): void {
		this.#versions.delete(this.#parts.projects.canonical(name));
	}

	/** Who a parameter is towards the secrets that it refers to; a binding's member. */
	member(parameter: string): string {
		return this.#principal(parameter).name;
	}

	async #render(call: Call): Promise<Answer> {
		const { version, name } = await this.#find(call, "parametermanager.parameterVersions.render");
		const parameter = this.#principal(name.replace(/\/versions\/.*$/, ""));
		const rendered = this.#resolve(version.data, parameter);
		return json({
			parameterVersion: name,
			payload: { data: version.data.toString("base64") },
			renderedPayload: rendered.toString("base64"),
		});
	}

	async #get(call: Call): Promise<Answer> {
		const { version, name } = await this.#find(call, "parametermanager.parameterVersions.get");
		return json({ name, disabled: version.disabled, payload: { data: version.data.toString("base64") } });
	}

	/** References are read with the parameter's own rights, not with those of who asks. */
	#resolve(data: Buffer, parameter: Principal): Buffer {
		const text = data.toString("latin1");
		const resolved = text.replace(reference, (_match, secret: string) => {
			this.#parts.iam.require(parameter, "secretmanager.versions.access", secret);
			return this.#secrets.payload(secret).toString("latin1");
		});
		return Buffer.from(resolved, "latin1");
	}

	async #find(call: Call, permission: Permission): Promise<{ readonly version: ParameterVersion; readonly name: string }> {
		const { tokens, judgeForeign, iam, projects } = this.#parts;
		const principal = await tokens.authenticate(call, judgeForeign);
		call.principal = principal.name;
		requireLocation(call);
		iam.require(principal, permission, call.resource);
		const name = projects.canonical(call.resource);
		const version = this.#versions.get(name);
		if (version === undefined) throw statusError("NOT_FOUND", `Resource '${name}' was not found`);
		if (version.disabled && permission === "parametermanager.parameterVersions.render")
			throw statusError("FAILED_PRECONDITION", `Parameter Version [${name}] is disabled.`);
		return { version, name };
	}

	#principal(parameter: string): Principal {
		return principalOf([`principal://parametermanager.googleapis.com/${this.#parts.projects.canonical(parameter)}`]);
	}
}
