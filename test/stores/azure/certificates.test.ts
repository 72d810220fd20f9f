import { createHash, createHmac, createPrivateKey, X509Certificate } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { leafFirst } from "../../../provider/stores/azure/certificate-chain.ts";
import { splitPem } from "../../../provider/stores/azure/pem.ts";
import { Der } from "../../../provider/stores/azure/pkcs12-der.ts";
import { ConversionError, pkcs12ToPem } from "../../../provider/stores/azure/pkcs12-to-pem.ts";
import { CertificateFactory, type Chain, type KeyType } from "./certificate-support.ts";

const factory = new CertificateFactory();
const chains: Readonly<Record<KeyType, Chain>> = {
	rsa: factory.chain("rsa"),
	"ec-256": factory.chain("ec-256"),
	"ec-384": factory.chain("ec-384"),
	"ec-521": factory.chain("ec-521"),
};
const chain = chains["ec-256"];
const modern = factory.pkcs12(chain);

test.after.always(() => factory.remove());

/** The blocks of a PEM text, each as written. */
function blocksOf(pem: string): readonly string[] {
	return [...pem.matchAll(/-----BEGIN [A-Z ]+-----\n[^-]+-----END [A-Z ]+-----\n/g)].map(([block]) => block);
}

function isSameKey(one: string, other: string): boolean {
	return createPrivateKey(one).equals(createPrivateKey(other));
}

function derOf(certificate: string): Buffer {
	return new X509Certificate(certificate).raw;
}

async function refusal(t: ExecutionContext<unknown>, container: Buffer): Promise<ConversionError> {
	const error = await t.throwsAsync(pkcs12ToPem(container, "leaf-first"), { instanceOf: ConversionError });
	if (error === undefined) throw new Error("no refusal");
	return error;
}

/** Every way of encryption that tools make containers in, by what OpenSSL is told. */
const kinds: readonly (readonly [title: string, ...parameters: readonly string[]])[] = [
	["AES-256 and SHA-256, as OpenSSL 3, Java and Windows make them now"],
	["3DES for the key and RC2-40 for certificates, with SHA-1, as they made them before", "-legacy"],
	["3DES", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
	["3DES with two keys", "-keypbe", "PBE-SHA1-2DES", "-certpbe", "PBE-SHA1-2DES", "-macalg", "sha1"],
	["RC2-128 and RC2-40", "-legacy", "-keypbe", "PBE-SHA1-RC2-128", "-certpbe", "PBE-SHA1-RC2-40"],
	["AES-128", "-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC", "-macalg", "sha384"],
	["AES-192", "-keypbe", "AES-192-CBC", "-certpbe", "AES-192-CBC", "-macalg", "sha512"],
	["3DES with a modern key", "-keypbe", "DES-EDE3-CBC", "-certpbe", "DES-EDE3-CBC", "-macalg", "sha224"],
	["nothing encrypted", "-keypbe", "NONE", "-certpbe", "NONE"],
	["nothing encrypted and no check", "-keypbe", "NONE", "-certpbe", "NONE", "-nomac"],
	["no check of the whole", "-nomac"],
	["no check of the whole, 3DES", "-legacy", "-nomac"],
	["many rounds", "-iter", "60000"],
	["one round", "-iter", "1", "-nomaciter"],
];

for (const [title, ...parameters] of kinds) {
	test(`a container is opened: ${title}`, async (t) => {
		const pem = await pkcs12ToPem(factory.pkcs12(chains.rsa, { arguments: parameters }), "leaf-first");
		const [key = "", ...certificates] = blocksOf(pem);
		t.true(isSameKey(key, chains.rsa.key));
		t.deepEqual(certificates, [chains.rsa.leaf, chains.rsa.intermediate, chains.rsa.root]);
		t.is(blocksOf(pem).join(""), pem);
	});
}

for (const [keyType, made] of Object.entries(chains)) {
	test(`a private key comes back as PKCS#8: ${keyType}`, async (t) => {
		for (const parameters of [[], ["-legacy"]]) {
			const [key = ""] = blocksOf(await pkcs12ToPem(factory.pkcs12(made, { arguments: parameters }), "leaf-first"));
			t.true(key.startsWith("-----BEGIN PRIVATE KEY-----\n"), key.slice(0, 40));
			t.true(isSameKey(key, made.key));
			t.true(new X509Certificate(made.leaf).checkPrivateKey(createPrivateKey(key)));
		}
	});
}

test("a container whose check was made with no password at all is opened, too", async (t) => {
	const container = factory.pkcs12(chain, { arguments: ["-keypbe", "NONE", "-certpbe", "NONE", "-nomaciter"] });
	const [, authenticated, mac] = Der.parse(container).elements;
	const [digestInfo, salt] = mac?.elements ?? [];
	const [safe, digest] = [authenticated?.at(1).at(0).bytes, digestInfo?.at(1).bytes];
	if (safe === undefined || digest === undefined || salt === undefined) throw new Error("not a container as expected");
	// One round of RFC 7292, appendix B.2, in which the password has no part.
	const key = createHash("sha256").update(Buffer.alloc(64, 3)).update(Buffer.alloc(64, salt.bytes)).digest();
	createHmac("sha256", key).update(safe).digest().copy(container, container.indexOf(digest));
	t.is(blocksOf(await pkcs12ToPem(container, "leaf-first")).length, 4);
});

test("without the order of a chain, certificates come as the container has them", async (t) => {
	const [, ...certificates] = blocksOf(await pkcs12ToPem(modern, "stored"));
	t.deepEqual(certificates, [chain.leaf, chain.root, chain.intermediate]);
});

test("a container whose key may not leave Key Vault holds certificates alone", async (t) => {
	const pem = await pkcs12ToPem(factory.pkcs12OfCertificates([chain.root, chain.leaf, chain.intermediate]), "leaf-first");
	t.deepEqual(blocksOf(pem), [chain.leaf, chain.intermediate, chain.root]);
});

test("the same container makes the same PEM, so that nothing moves when it is read again", async (t) => {
	t.is(await pkcs12ToPem(modern, "leaf-first"), await pkcs12ToPem(modern, "leaf-first"));
});

test("a password, damage and what is no container are told apart from each other, without its contents", async (t) => {
	const flipped = Buffer.from(modern);
	flipped[200] = (flipped[200] ?? 0) ^ 1;
	t.is((await refusal(t, factory.pkcs12(chain, { password: "open sesame" }))).message, "has a password, or is damaged");
	t.is((await refusal(t, flipped)).message, "has a password, or is damaged");
	t.is((await refusal(t, Buffer.from("-----BEGIN CERTIFICATE-----"))).message, "is not DER");
	t.is((await refusal(t, derOf(chain.leaf))).message, "is no PKCS#12 container, or a signed one");
});

test("a container cannot ask for more work than a second's", async (t) => {
	const costly = factory.pkcs12(chain, { arguments: ["-iter", "600000"] });
	const began = performance.now();
	t.regex((await refusal(t, costly)).message, /in more than 1000000 rounds/);
	t.true(performance.now() - began < 5000);
});

test("any bytes, and any change of a container, are opened or refused, and nothing else", async (t) => {
	const opens = async (container: Buffer) => {
		try {
			await pkcs12ToPem(container, "leaf-first");
		} catch (error) {
			if (!(error instanceof ConversionError)) throw error;
		}
	};
	const plain = factory.pkcs12(chain, { arguments: ["-keypbe", "NONE", "-certpbe", "NONE", "-nomac"] });
	const changes = fc.array(fc.tuple(fc.nat(plain.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
	await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), (bytes) => opens(Buffer.from(bytes))));
	await fc.assert(
		fc.asyncProperty(changes, async (list) => {
			const changed = Buffer.from(plain);
			for (const [index, byte] of list) changed[index] = byte;
			await opens(changed);
		}),
		{ numRuns: 1000 },
	);
	t.pass();
});

const [rootDer, intermediateDer, leafDer] = [derOf(chain.root), derOf(chain.intermediate), derOf(chain.leaf)];
const strangerDer = derOf(chains.rsa.root);
const link = (name: string, subject: string, authority: string) => derOf(factory.withKeyIdentifiers(name, subject, authority));
const selfNamed = link("root", "05", "05");
const loop = [link("one", "01", "02"), link("two", "02", "01")];

const orders: readonly (readonly [title: string, given: readonly Buffer[], expected: readonly Buffer[]])[] = [
	["nothing", [], []],
	["a certificate that signed itself", [rootDer], [rootDer]],
	["a root that names itself as its signer", [selfNamed], [selfNamed]],
	["a leaf alone", [leafDer], [leafDer]],
	["a chain upside down", [rootDer, intermediateDer, leafDer], [leafDer, intermediateDer, rootDer]],
	["a chain without its root", [intermediateDer, leafDer], [leafDer, intermediateDer]],
	["certificates of which one belongs elsewhere stay in their order", [rootDer, strangerDer, leafDer], [rootDer, strangerDer, leafDer]],
	["a chain with a gap stays in its order", [rootDer, leafDer], [rootDer, leafDer]],
];

for (const [title, given, expected] of orders) {
	test(`the order of a chain: ${title}`, (t) => t.deepEqual(leafFirst(given), expected));
}

test("any order of a chain's certificates becomes the one", (t) => {
	const shuffled = fc.shuffledSubarray([rootDer, intermediateDer, leafDer], { minLength: 3 });
	fc.assert(fc.property(shuffled, (given) => t.deepEqual(leafFirst(given), [leafDer, intermediateDer, rootDer])));
});

test("certificates above each other make no chain, and are told in today's words, too", async (t) => {
	t.throws(() => leafFirst(loop), { message: "no leaf found" });
	t.throws(() => leafFirst([link("leaf", "03", "01"), ...loop]), { message: "constructing chain resulted in cycle" });
	const pems = [factory.withKeyIdentifiers("one", "01", "02"), factory.withKeyIdentifiers("two", "02", "01")];
	const error = await refusal(t, factory.pkcs12OfCertificates(pems));
	t.is(error.legacyText, "no leaf found");
	t.regex(error.message, /no chain can be made/);
});

test("a PEM text is divided into certificates and keys, whatever lies between", (t) => {
	const text = `Bag Attributes\n  localKeyID: 01\n${chain.leaf}\r\n${chain.key}subject=CN=root\n${chain.root}-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n`;
	t.deepEqual(splitPem(text), { certificates: `${chain.leaf}${chain.root}`, keys: chain.key });
	t.deepEqual(splitPem("hunter2"), { certificates: "", keys: "" });
});
