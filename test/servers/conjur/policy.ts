export type Privilege = "read" | "execute" | "update" | "authenticate";

interface Role {
	readonly annotations: Readonly<Record<string, string>>;
	/** Privileges by resource. */
	readonly grants: Map<string, Set<Privilege>>;
}

/** Hosts and users, and what they may do. Roles bear their logins: `host/apps/web`, `alice`. */
export class Policy {
	readonly #roles = new Map<string, Role>();

	/**
	 * @param login begins with `host/`, unless it is a user's
	 * @param annotations such as `{"authn-jwt/kube/kubernetes.io/namespace": "shop"}`
	 */
	addHost(login: string, annotations: Readonly<Record<string, string>> = {}): void {
		this.#roles.set(login, { annotations, grants: this.#roles.get(login)?.grants ?? new Map() });
	}

	removeHost(login: string): void {
		this.#roles.delete(login);
	}

	/** @param resource such as `variable:db/password` or `webservice:conjur/authn-jwt/kube`; it need not be there yet */
	permit(login: string, privileges: readonly Privilege[], resource: string): void {
		const role = this.#roles.get(login);
		if (role === undefined) throw new Error(`there is no role ${login}`);
		role.grants.set(resource, new Set([...(role.grants.get(resource) ?? []), ...privileges]));
	}

	/** Takes privileges from a role: of one resource, or of all. */
	revoke(login: string, resource?: string): void {
		const grants = this.#roles.get(login)?.grants;
		if (resource === undefined) grants?.clear();
		else grants?.delete(resource);
	}

	has(login: string): boolean {
		return this.#roles.has(login);
	}

	annotations(login: string): Readonly<Record<string, string>> {
		return this.#roles.get(login)?.annotations ?? {};
	}

	permits(login: string, privilege: Privilege, resource: string): boolean {
		return this.#roles.get(login)?.grants.get(resource)?.has(privilege) ?? false;
	}

	/** Whether a role knows that a resource is there, for which any privilege will do. */
	sees(login: string, resource: string): boolean {
		return (this.#roles.get(login)?.grants.get(resource)?.size ?? 0) > 0;
	}
}
