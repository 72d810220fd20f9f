export type Severity = "error" | "warning";

interface Rule {
	readonly severity: Severity;
	/** What it is about, for the list in the help. */
	readonly summary: string;
}

function error(summary: string): Rule {
	return { severity: "error", summary };
}

function warning(summary: string): Rule {
	return { severity: "warning", summary };
}

/** Every rule by its id. Ids are stable: programs filter by them. An error makes a mount or the apply fail; a warning does not. */
export const rules = {
	"not-yaml": error("a manifest that names the driver is not YAML"),
	"duplicate-key": error("a key is there twice"),
	"api-version": error("a class has a version that the driver does not serve"),
	"unknown-kind": error("a kind of the driver's group that does not exist"),
	"unknown-field": error("a field that the API does not have"),
	"name-missing": error("an object has no name, or one that the API server refuses"),
	"duplicate-class": error("two classes have one name"),
	"provider-missing": error("a class names no provider"),
	"unknown-provider": error("a class names a provider that is not served"),
	"parameters-missing": error("a class has no parameters"),
	"not-text": error("a value that must be a string is none"),
	"parameters-invalid": error("the provider refuses the parameters"),
	"object-withheld": error("an object that none of the pods concerned can have"),
	"policy-refused": error("the policy refuses an address or an audience"),
	"inline-secret": error("a credential stands in the manifest itself"),
	"secret-object-incomplete": error("secretObjects lacks a field that the sync needs"),
	"secret-object-file": error("secretObjects names a file that the class does not make"),
	"secret-object-tls-keys": error("a Secret of type kubernetes.io/tls has other keys than tls.crt and tls.key"),
	"secret-object-duplicate": error("secretObjects has a Secret or a key twice"),
	"driver-name": error("a volume names a driver that does not exist"),
	"volume-read-only": error("a volume is not read-only"),
	"class-not-named": error("a volume names no class"),
	"unknown-class": error("a volume names a class that its namespace does not have"),
	"mount-path-duplicate": error("a container mounts two volumes at one path"),
	"env-secret-key": error("an environment variable names a key that the synced Secret does not have"),
	"driver-object": error("the CSIDriver object lacks what every mount needs"),
	"audience-not-requested": error("the CSIDriver object asks for no token that a class needs"),
	"api-version-deprecated": warning("a class has a version that is going away"),
	"parameter-unused": warning("a parameter that the provider passes over"),
	"field-unused": warning("a field of an object that the provider passes over"),
	"mode-decimal": warning("a file mode looks octal and is decimal"),
	"object-advice": warning("an object that works still, and should be mended"),
	"policy-warning": warning("the policy lets something pass that it would rather not"),
	"secret-object-may-vanish": warning("a synced Secret keeps its old content when its file goes"),
	"secret-object-conflict": warning("two classes of a namespace sync one Secret"),
	"class-elsewhere": warning("a volume names a class that is not among the manifests"),
	"attribute-overrides-parameter": warning("a pod overrides a parameter of its class"),
	"attribute-reserved": warning("a pod sets an attribute that kubelet sets itself"),
	"publish-secret-missing": warning("nodePublishSecretRef names a Secret that is not among the others"),
	"publish-secret-unlabelled": warning("the Secret of nodePublishSecretRef lacks the driver's label"),
	"volume-unused": warning("no container mounts a volume"),
	"mount-sub-path": warning("a subPath mount never sees a change"),
	"mount-nested": warning("another volume is mounted inside a read-only one"),
	"mode-unreadable": warning("a container's user cannot read a file"),
	"env-secret-order": warning("an environment variable needs a Secret that may not be there yet"),
	"driver-object-advice": warning("the CSIDriver object lacks what rotation and logins need"),
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleId = keyof typeof rules;
