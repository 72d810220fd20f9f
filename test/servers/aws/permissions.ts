import { AwsError } from "./aws-error.ts";
import type { AwsSession } from "./sessions.ts";

/** One statement of a role's policy. Texts may hold `*` and `?`. */
export interface Rule {
	/** Such as `secretsmanager:GetSecretValue`. */
	readonly actions: readonly string[];
	/** ARNs or bare names, a secret's without its random ending; everything unless given. */
	readonly resources?: readonly string[];
	/** Pairs that a KMS call's encryption context must have, as `kms:EncryptionContext:…` conditions say. */
	readonly encryptionContext?: Readonly<Record<string, string>>;
}

export interface RolePermissions {
	readonly allow: readonly Rule[];
	/** Beats every allowance. */
	readonly deny?: readonly Rule[];
}

/** What somebody wants to do. */
export interface Intent {
	readonly action: string;
	/** The thing by its bare name and by its ARN. */
	readonly name: string;
	readonly arn: string;
	readonly encryptionContext?: Readonly<Record<string, string>>;
}

/** What each role may do; a role without an entry may do nothing. */
export class Permissions {
	readonly #byRole = new Map<string, RolePermissions>();

	set(role: string, permissions: RolePermissions): void {
		this.#byRole.set(role, permissions);
	}

	allows(role: string, intent: Intent): boolean {
		const { allow = [], deny = [] } = this.#byRole.get(role) ?? {};
		return allow.some((rule) => fits(rule, intent)) && !deny.some((rule) => fits(rule, intent));
	}

	/** @throws AwsError `AccessDeniedException` */
	require(session: AwsSession, intent: Intent): void {
		if (!this.allows(session.role, intent)) throw new AwsError("AccessDeniedException", refusal(session, intent));
	}
}

/** The words of the real services, which name the session, the action and the resource. */
export function refusal({ role, name }: AwsSession, { action, arn }: Intent): string {
	const [, , , , account = "", resource = ""] = role.split(":");
	const user = `arn:aws:sts::${account}:assumed-role/${resource.replace(/^role\//, "")}/${name}`;
	return `User: ${user} is not authorized to perform: ${action} on resource: ${arn} because no identity-based policy allows the ${action} action`;
}

function fits({ actions, resources = ["*"], encryptionContext = {} }: Rule, intent: Intent): boolean {
	if (!actions.some((pattern) => fitsPattern(pattern, intent.action))) return false;
	if (!resources.some((pattern) => fitsPattern(pattern, intent.name) || fitsPattern(pattern, intent.arn))) return false;
	return Object.entries(encryptionContext).every(([key, value]) => fitsPattern(value, intent.encryptionContext?.[key] ?? ""));
}

/** Whether a text fits a pattern of IAM, in which `*` stands for any text and `?` for one character. */
export function fitsPattern(pattern: string, text: string): boolean {
	const source = pattern
		.replaceAll(/[\\^$.|+()[\]{}]/g, "\\$&")
		.replaceAll("*", "[^]*")
		.replaceAll("?", "[^]");
	return new RegExp(`^${source}$`, "su").test(text);
}
