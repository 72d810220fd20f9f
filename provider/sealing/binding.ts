import { encodeFields } from "../shared/canonical.ts";

/**
 * How closely a sealed value belongs to its pods: to those of one service account, to those of one namespace,
 * or to whoever may use the key.
 */
export const bindings = ["serviceAccount", "namespace", "none"] as const;
export type BindingKind = (typeof bindings)[number];

/** What a sealed value belongs to. Whoever opens it takes namespace and service account from kubelet, never from the value's author. */
export interface Binding {
	readonly kind: BindingKind;
	readonly namespace: string;
	readonly serviceAccount: string;
	/** The name under which the value was sealed. */
	readonly object: string;
	/** Further pairs, which the value's author chose. */
	readonly pairs: ReadonlyMap<string, string>;
}

/** Keys that begin so are ours: an author who could set them could name another's namespace. */
export const ownPrefix = "csi:";
/** AWS Key Management Service developer guide, resource quotas: the context as JSON, in bytes. */
const maximumContextBytes = 8192;
const longestNamespace = 63;
const longestServiceAccount = 253;

/**
 * The pairs that a value is sealed with: version, namespace, service account and object under our prefix, then the
 * author's. An unbound value has the author's only, so that what other tools sealed can be opened too.
 */
export function contextOf({ kind, namespace, serviceAccount, object, pairs }: Binding): ReadonlyMap<string, string> {
	if (kind === "none") return new Map(pairs);
	const account: [string, string][] = kind === "serviceAccount" ? [["csi:sa", serviceAccount]] : [];
	return new Map([["csi:v", "1"], ["csi:ns", namespace], ...account, ["csi:object", object], ...pairs]);
}

/** A context as bytes that no other context has: a label, then keys and values in the order of the keys' UTF-8 bytes. */
export function canonicalContext(context: ReadonlyMap<string, string>): Buffer {
	const sorted = [...context].sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
	return encodeFields(["claviger sealed value 1", ...sorted.flat()]);
}

/** A context for messages, such as `csi:ns=shop, app="a b"`. It is no secret: a cloud's audit log shows it too. */
export function describeContext(context: ReadonlyMap<string, string>): string {
	const shown = [...context].map(([key, value]) => `${plainly(key)}=${plainly(value)}`).join(", ");
	return shown.length > 500 ? `${shown.slice(0, 499)}…` : shown;
}

/** What is wrong with one of the author's pairs, as a clause; undefined when nothing is. */
export function pairProblem(key: string, value: string): string | undefined {
	if (key === "") return "has no key";
	if (key.startsWith(ownPrefix)) return `begins with ${ownPrefix}, which only Claviger sets`;
	// Half of a surrogate pair has no bytes of its own, so two different texts would bind alike.
	if (!key.isWellFormed() || !value.isWellFormed()) return "holds half of a surrogate pair";
	if (/\p{Cc}/u.test(key)) return "holds a control character";
	return undefined;
}

/** What is wrong with the pairs together, as a clause: whichever pod opens the value, the whole context must fit. */
export function pairsProblem(object: string, pairs: ReadonlyMap<string, string>): string | undefined {
	const [namespace, serviceAccount] = ["n".repeat(longestNamespace), "s".repeat(longestServiceAccount)];
	const context = contextOf({ kind: "serviceAccount", namespace, serviceAccount, object, pairs });
	const length = Buffer.byteLength(JSON.stringify(Object.fromEntries(context)));
	return length > maximumContextBytes ? `makes a context of ${length} bytes; ${maximumContextBytes} are allowed` : undefined;
}

function plainly(text: string): string {
	return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}
