import { type StatusOptions, statusError } from "./answers.ts";
import type { Projects } from "./projects.ts";

/** Who asks. */
export interface Principal {
	/** What counters call it: the first of its members. */
	readonly name: string;
	/** The names by which bindings mean it, such as `serviceAccount:app@my-proj.iam.gserviceaccount.com`. */
	readonly members: readonly string[];
}

/** The permissions of the roles that matter here. Source: IAM, "Basic and predefined roles reference". */
const roles = {
	"roles/secretmanager.secretAccessor": ["secretmanager.versions.access"],
	"roles/secretmanager.viewer": ["secretmanager.secrets.get", "secretmanager.versions.get"],
	"roles/parametermanager.parameterAccessor": ["parametermanager.parameterVersions.get", "parametermanager.parameterVersions.render"],
	"roles/cloudkms.cryptoKeyDecrypter": ["cloudkms.cryptoKeyVersions.useToDecrypt"],
	"roles/cloudkms.cryptoKeyEncrypter": ["cloudkms.cryptoKeyVersions.useToEncrypt"],
	"roles/iam.workloadIdentityUser": ["iam.serviceAccounts.getAccessToken"],
	"roles/iam.serviceAccountTokenCreator": ["iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.implicitDelegation"],
} as const;

export type Role = keyof typeof roles;
export type Permission = (typeof roles)[Role][number];

interface Binding {
	readonly member: string;
	readonly role: Role;
	readonly resource: string;
}

/** Who may do what. A binding on a project or key ring holds for all below it. */
export class Iam {
	readonly #projects: Projects;
	#bindings: readonly Binding[] = [];

	constructor(projects: Projects) {
		this.#projects = projects;
	}

	/** @param resource such as `projects/my-proj`, `projects/my-proj/secrets/db` or `projects/-/serviceAccounts/<email>` */
	allow(member: string, role: Role, resource: string): void {
		this.#bindings = [...this.#bindings, { member, role, resource: this.#projects.canonical(resource) }];
	}

	/** Takes every right from a member. */
	revoke(member: string): void {
		this.#bindings = this.#bindings.filter((binding) => binding.member !== member);
	}

	permits(principal: Principal, permission: Permission, resource: string): boolean {
		const name = this.#projects.canonical(resource);
		return this.#bindings.some((binding) => {
			const covers = name === binding.resource || name.startsWith(`${binding.resource}/`);
			const grants: readonly string[] = roles[binding.role];
			return covers && grants.includes(permission) && principal.members.includes(binding.member);
		});
	}

	/** @throws Refusal PERMISSION_DENIED, which does not tell whether the resource exists */
	require(principal: Principal, permission: Permission, resource: string): void {
		if (this.permits(principal, permission, resource)) return;
		const options: StatusOptions = { reason: "IAM_PERMISSION_DENIED" };
		throw statusError("PERMISSION_DENIED", `Permission '${permission}' denied for resource '${resource}' (or it may not exist).`, options);
	}
}

/** Source: IAM, "Principal identifiers". */
export function serviceAccount(email: string): Principal {
	return principalOf([`serviceAccount:${email}`]);
}

/** A Kubernetes service account of a cluster, by its pool such as `my-proj.svc.id.goog`. Source: GKE, "About Workload Identity Federation for GKE". */
export function clusterAccount(projectNumber: string, pool: string, namespace: string, account: string): Principal {
	const { members } = poolSubject(projectNumber, pool, `ns/${namespace}/sa/${account}`);
	const ofNamespace = `principalSet:${poolName(projectNumber, pool)}/namespace/${namespace}`;
	return principalOf([`serviceAccount:${pool}[${namespace}/${account}]`, ...members, ofNamespace]);
}

export function poolSubject(projectNumber: string, pool: string, subject: string): Principal {
	const name = poolName(projectNumber, pool);
	return principalOf([`principal:${name}/subject/${subject}`, `principalSet:${name}/*`]);
}

/** A principal by the names that bindings may have for it. */
export function principalOf(members: readonly [string, ...string[]]): Principal {
	return { name: members[0], members };
}

function poolName(projectNumber: string, pool: string): string {
	return `//iam.googleapis.com/projects/${projectNumber}/locations/global/workloadIdentityPools/${pool}`;
}
