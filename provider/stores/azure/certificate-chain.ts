import { Der, Pkcs12Error } from "./pkcs12-der.ts";

/** Certificates do not form a chain. The message is what today's provider says. */
export class ChainError extends Error {
	override readonly name = "ChainError";
}

interface Link {
	/** X.509, DER. */
	readonly certificate: Buffer;
	/** Empty where the certificate does not say. */
	readonly subjectKey: string;
	readonly authorityKey: string;
}

/**
 * The certificates from the leaf to the root, as servers send them. Where not all of them are of one chain, they stay
 * in their order. A parent is told by the key that signed, not by its name.
 *
 * @param certificates X.509, DER
 * @throws ChainError when there is no leaf, or a certificate is above itself
 */
export function leafFirst(certificates: readonly Buffer[]): readonly Buffer[] {
	const links = certificates.map(linkOf);
	const parents = new Map(links.map((link) => [link, parentOf(link, links)] as const));
	const above = new Set(parents.values());
	const leaf = links.find((link) => !above.has(link));
	if (links.length === 0) return [];
	if (leaf === undefined) throw new ChainError("no leaf found");
	const chain = new Set<Link>();
	for (let link: Link | undefined = leaf; link !== undefined; link = parents.get(link)) {
		if (chain.has(link)) throw new ChainError("constructing chain resulted in cycle");
		chain.add(link);
	}
	return chain.size === links.length ? [...chain].map(({ certificate }) => certificate) : certificates;
}

function parentOf(link: Link, links: readonly Link[]): Link | undefined {
	if (link.authorityKey === "") return undefined;
	return links.find((other) => other !== link && other.subjectKey === link.authorityKey);
}

/** Source: RFC 5280 §4.2.1.1 and §4.2.1.2. */
const [authorityKeyIdentifier, subjectKeyIdentifier] = ["2.5.29.35", "2.5.29.14"];
const extensionsTag = 3;
const keyIdentifierTag = 0;

function linkOf(certificate: Buffer): Link {
	const extensions = extensionsOf(certificate);
	const authority = extensions.get(authorityKeyIdentifier)?.elements.find(({ tag }) => tag === keyIdentifierTag);
	return { certificate, subjectKey: hex(extensions.get(subjectKeyIdentifier)), authorityKey: hex(authority) };
}

function extensionsOf(certificate: Buffer): ReadonlyMap<string, Der> {
	try {
		const extensions = Der.parse(certificate)
			.at(0)
			.elements.find(({ tag }) => tag === extensionsTag);
		const listed = extensions?.at(0).elements ?? [];
		const wanted = listed.filter((extension) => [authorityKeyIdentifier, subjectKeyIdentifier].includes(extension.at(0).oid));
		return new Map(wanted.map((extension) => [extension.at(0).oid, Der.parse(extension.elements.at(-1)?.bytes ?? Buffer.alloc(0))]));
	} catch (error) {
		// It says nothing of its keys then, and OpenSSL judges elsewhere whether it is a certificate.
		if (error instanceof Pkcs12Error) return new Map();
		throw error;
	}
}

function hex(bytes: Der | undefined): string {
	return bytes?.bytes.toString("hex") ?? "";
}
