import type { ObjectFindings } from "../findings.ts";
import type { ManifestNode } from "../read/manifest-node.ts";
import { embeddedIn } from "../read/parse.ts";
import { findSecrets, isSecretByName, maskSecrets } from "../read/secret-patterns.ts";
import type { Position } from "../read/source.ts";

const remedy =
	"Remove it here and revoke it: whoever may read the object has it. A pod logs in with its own service account token; other credentials belong into a Secret that nodePublishSecretRef names.";

/**
 * Notes credentials that stand in the parameters of a class or the attributes of a volume. The value itself goes
 * nowhere but through the patterns.
 *
 * @param unmasked as written; its paths and places are those of the masked text
 */
export function checkInlineSecrets(findings: ObjectFindings, unmasked: ManifestNode | undefined): void {
	if (unmasked === undefined) return;
	for (const [name, node] of unmasked.entries) {
		if (!checkScalar(findings, node) && isSecretByName(name, node.scalar ?? "")) report(findings, node, "is a credential by its name");
		const inner = embeddedIn(node);
		if (inner !== undefined) checkNamed(findings, inner, credentialPlaces.has(name));
	}
}

/** Every pattern in a scalar, each at its own place. */
function checkScalar(findings: ObjectFindings, node: ManifestNode): boolean {
	const source = node.embeddedSource;
	if (source === undefined) return false;
	const found = findSecrets(source.text);
	for (const { kind, index } of found) {
		report(findings, node, `holds what looks like ${kind}`, source.position(index));
	}
	return found.length > 0;
}

/** Fields below these are what a store is sent or opened with; elsewhere a field called `token` names a key. */
const credentialPlaces: ReadonlySet<string> = new Set(["args", "secretArgs", "stores", "auth", "credentials"]);

function checkNamed(findings: ObjectFindings, node: ManifestNode, isCredentialPlace: boolean): void {
	if (isCredentialPlace) {
		for (const [name, { scalar = "" }] of node.entries) {
			const isNew = isSecretByName(name, scalar) && findSecrets(scalar).length === 0;
			if (isNew) report(findings, node.at(name) ?? node, "is a credential by its name");
		}
	}
	for (const child of node.children) {
		const name = /[^.]*$/.exec(child.path)?.[0] ?? "";
		checkNamed(findings, child, isCredentialPlace || credentialPlaces.has(name));
	}
}

/** The path is of the unmasked text, and a key may be a credential too. */
function report(findings: ObjectFindings, { path, position }: ManifestNode, cause: string, place: Position = position): void {
	findings.at(undefined, { rule: "inline-secret", cause, remedy, path: maskSecrets(path), position: place });
}
