import type { Rule } from "../servers/aws/permissions.ts";

/** Whom a role lets in: the tokens of a provider of identities under conditions, or the Pod Identity agent. */
export type Trust =
	| { readonly kind: "web"; readonly provider: string; readonly conditions: Readonly<Record<string, string>> }
	| { readonly kind: "pod" };

interface Statement {
	readonly Effect: string;
	readonly Action: string | readonly string[];
	readonly Resource?: string | readonly string[];
	readonly Principal?: { readonly Federated?: string; readonly Service?: string };
	readonly Condition?: { readonly StringEquals?: Readonly<Record<string, string>> };
}

/** Reads a trust policy of one statement. @throws Error when nobody could act as the role */
export function readTrust(document: string): Trust {
	const [statement, ...others] = statements(document);
	if (statement === undefined || others.length > 0) throw new Error("a trust policy of one statement is expected");
	const { Principal: { Federated: provider, Service: service } = {}, Condition: { StringEquals: conditions = {} } = {} } = statement;
	const actions = [statement.Action].flat();
	if (provider !== undefined && actions.join() === "sts:AssumeRoleWithWebIdentity") return { kind: "web", provider, conditions };
	// Source: Amazon EKS User Guide, "Assign an IAM role to a Kubernetes service account".
	if (service === "pods.eks.amazonaws.com" && actions.toSorted().join() === "sts:AssumeRole,sts:TagSession") return { kind: "pod" };
	throw new Error("nobody can act as a role of this trust policy");
}

const contextKey = "kms:EncryptionContext:";

/** What the statements of a role's policy allow. */
export function allowances(document: string): readonly Rule[] {
	return statements(document).map(({ Action, Resource, Condition: { StringEquals: conditions = {} } = {} }) => {
		if (Resource === undefined) throw new Error("a statement has no Resource");
		const pairs = Object.entries(conditions).map(([key, value]) => {
			if (!key.startsWith(contextKey)) throw new Error(`the condition ${key} is not known`);
			return [key.slice(contextKey.length), value] as const;
		});
		return { actions: [Action].flat(), resources: [Resource].flat(), encryptionContext: Object.fromEntries(pairs) };
	});
}

function statements(document: string): readonly Statement[] {
	const { Version, Statement: list } = JSON.parse(document) as { readonly Version?: string; readonly Statement?: readonly Statement[] };
	if (Version !== "2012-10-17" || list?.some(({ Effect }) => Effect !== "Allow") !== false)
		throw new Error("the policy is none of this version, or denies");
	return list;
}
