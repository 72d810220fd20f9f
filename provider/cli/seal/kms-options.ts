import type { ParseArgsOptionsConfig } from "node:util";
import { type Binding, type BindingKind, bindings, pairProblem, pairsProblem } from "../../sealing/binding.ts";
import { readKmsKeyName } from "../../sealing/kms-key.ts";
import { checkedEndpoint, choice, parseSealOptions, SealUsageError } from "./options.ts";
import { checkWorkload, type PrintOptions, readPrintOptions, workloadFlags } from "./workload-options.ts";

export interface KmsSealOptions extends PrintOptions<"aws"> {
	readonly keyId: string;
	/** Undefined: the one of the environment or profile. */
	readonly region: string | undefined;
	readonly endpoint: string | undefined;
	readonly binding: Binding;
}

export const kmsUsage = `claviger seal kms: encrypt a value with a key of AWS KMS, and print the entry for a SecretProviderClass

Usage: claviger seal kms --key-id KEY --namespace NS --service-account SA --object NAME [OPTIONS] < VALUE

The value comes from standard input, byte for byte, or from --file. Up to 4096 bytes KMS encrypts itself; a longer or
an empty value is encrypted here, with a data key that KMS makes for it. Only pods of that namespace and service
account can have it decrypted, and only under that object name.

  --key-id KEY             ARN, id or alias of a symmetric key
  --region REGION          default: the region of the key's ARN, else that of the environment or profile
  --namespace NS           the pods' namespace
  --service-account SA     the pods' service account
  --object NAME            objectName of the entry
  --bind KIND              serviceAccount; namespace: any service account of it; none: any pod whose role may use the
                           key, where the administrator allows such values (serviceAccount)
  --context KEY=VALUE      one more pair of the encryption context; repeat it for more
  --file FILE              read the value from a file
  --trim-newline           drop one newline at the value's end
  --dialect NAME           aws or claviger: whose entry to print (aws)
  --store NAME             the store's name, for --dialect claviger (main)
  --endpoint URL           another address of KMS; https, or http on this machine

AWS credentials are your own, from where the AWS command line takes them: environment, profile, single sign-on.
They need kms:Encrypt, or kms:GenerateDataKey for a long value. NODE_USE_ENV_PROXY=1 honours HTTPS_PROXY.
Nothing shows the value. Exit code: 0 done, 1 failed, 2 wrong usage.
`;

const flags = {
	"key-id": { type: "string" },
	region: { type: "string" },
	context: { type: "string", multiple: true },
	endpoint: { type: "string" },
	...workloadFlags,
} as const satisfies ParseArgsOptionsConfig;

type Values = ReturnType<typeof parseSealOptions<typeof flags>>;

/**
 * Reads the command line; undefined when it asks for help.
 *
 * @throws SealUsageError
 */
export function parseKmsOptions(args: readonly string[]): KmsSealOptions | undefined {
	const values = parseSealOptions(args, flags);
	if (values.help) return undefined;
	const { keyId, region } = keyOptions(values);
	return {
		...readPrintOptions(values, "aws"),
		keyId,
		region,
		endpoint: values.endpoint === undefined ? undefined : checkedEndpoint(values.endpoint),
		binding: readBinding(values),
	};
}

function keyOptions({ "key-id": keyId, region }: Values): { readonly keyId: string; readonly region: string | undefined } {
	if (keyId === undefined) throw new SealUsageError("--key-id is missing: say which key encrypts.");
	const name = readKmsKeyName(keyId);
	if (name === undefined) throw new SealUsageError("--key-id names no key: write its ARN, its id, or alias/NAME.");
	if (region !== undefined && !/^[a-z]{2}[a-z-]*-\d{1,2}$/.test(region))
		throw new SealUsageError("--region is no region, such as eu-west-1.");
	if (region !== undefined && name.region !== undefined && region !== name.region)
		throw new SealUsageError(`--region is ${region}, and the key is one of ${name.region}.`);
	return { keyId, region: region ?? name.region };
}

function readBinding(values: Values): Binding {
	const { namespace = "", "service-account": serviceAccount = "", object = "" } = values;
	const kind = choice<BindingKind>("--bind", values.bind, bindings, "serviceAccount");
	if (object === "") throw new SealUsageError("--object is missing: say what the entry is called.");
	checkWorkload(kind, namespace, serviceAccount);
	const pairs = readPairs(values.context ?? []);
	const problem = pairsProblem(object, pairs);
	if (problem !== undefined) throw new SealUsageError(`--context ${problem}.`);
	return { kind, namespace, serviceAccount, object, pairs };
}

function readPairs(texts: readonly string[]): ReadonlyMap<string, string> {
	const pairs = new Map<string, string>();
	for (const text of texts) {
		const end = text.indexOf("=");
		if (end === -1) throw new SealUsageError("--context is written KEY=VALUE.");
		const [key, value] = [text.slice(0, end), text.slice(end + 1)];
		const problem = pairs.has(key) ? "is given twice" : pairProblem(key, value);
		if (problem !== undefined) throw new SealUsageError(`A pair of --context ${problem}.`);
		pairs.set(key, value);
	}
	return pairs;
}
