import fc from "fast-check";
import { asBuffer } from "../../provider/contract/codec.ts";
import { v1alpha1 } from "../../provider/contract/generated/codec.js";
import { mountMessage } from "./mount-client.ts";
import { connectRaw, type RawConnection } from "./raw-connection.ts";

type Texts = Readonly<Record<string, string>>;

const podKeys = ["pod.name", "pod.namespace", "pod.uid", "serviceAccount.name", "serviceAccount.tokens"].map(
	(key) => `csi.storage.k8s.io/${key}`,
);
const prototypeKeys = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];
const permissions = ["420", "abc", "-1", "1e9", "512", "", "null", "[]", "0644", "4.20", "99999999999999999999", '"420"'];
const paths = ["", "/", "../x", "a/../b", "..data", "a//b", "./a", "/etc/passwd", "x".repeat(5000), "a\u0000b", "a\nb"];
const jsonTexts = [
	"",
	"null",
	"{}",
	"[]",
	"1",
	'"x"',
	"{",
	'{"a":1}',
	'{"a":{"b":{"c":null}}}',
	"[".repeat(10_000),
	'{"__proto__":{"polluted":"yes"}}',
];

/** Half a surrogate pair, control characters and the like are as probable as letters. */
const rawText = fc.oneof(
	fc.string({ maxLength: 30 }),
	fc.string({ unit: "binary", maxLength: 30 }),
	fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 10 }).map((codes) => String.fromCharCode(...codes)),
	fc.constantFrom(
		...paths,
		...jsonTexts,
		...prototypeKeys,
		"\u001b[31m",
		"{{a}}",
		"&a [*a]",
		"- ".repeat(500),
		"%s%n",
		"'; drop table secrets; --",
	),
);

const jsonText = fc.oneof(
	{ weight: 3, arbitrary: fc.constantFrom(...jsonTexts) },
	{ weight: 2, arbitrary: fc.json({ maxDepth: 3 }) },
	{ weight: 1, arbitrary: rawText },
	{
		weight: 2,
		arbitrary: fc
			.array(fc.tuple(fc.oneof(fc.constantFrom(...prototypeKeys), rawText), fc.oneof(rawText, fc.constant(null))), { maxLength: 4 })
			.map(
				// By hand, because an object literal would swallow `__proto__` and keys given twice.
				(entries) => `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`,
			),
	},
);

/** A token text of the kind that kubelet writes, and whatever else. */
const tokens = fc.oneof(
	jsonText,
	fc
		.dictionary(rawText, fc.oneof(fc.record({ token: rawText }), fc.constant(null), rawText), { maxKeys: 3 })
		.map((value) => JSON.stringify(value)),
);

/** Good attributes with something missing, replaced or added; or no attributes at all. */
function attributesText(good: Texts): fc.Arbitrary<string> {
	const parameters = Object.keys(good).filter((key) => !key.includes("/"));
	const key = fc.oneof(
		{ weight: 6, arbitrary: fc.constantFrom(...parameters, ...prototypeKeys) },
		{ weight: 2, arbitrary: rawText },
		{ weight: 1, arbitrary: fc.constantFrom(...podKeys) },
	);
	const change = fc.tuple(key, fc.oneof(rawText, tokens, fc.constant(undefined)));
	const changed = fc.array(change, { maxLength: 3 }).map((changes) => {
		const attributes = new Map(Object.entries(good));
		for (const [key, value] of changes) {
			if (value === undefined) attributes.delete(key);
			else attributes.set(key, value);
		}
		return `{${Array.from(attributes, ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
	});
	const cut = fc.nat({ max: 400 }).map((length) => JSON.stringify(good).slice(0, length));
	return fc.oneof({ weight: 10, arbitrary: changed }, { weight: 1, arbitrary: cut }, { weight: 1, arbitrary: jsonText });
}

/**
 * Encoded Mount requests that nobody should send: bad JSON, bad types, prototype keys, bad modes and
 * paths, broken protobuf, 5 MiB. Some are good, so that the rest of the provider is reached as well.
 *
 * @param good attributes of a request that would be served
 */
export function hostileMessages(good: Texts): fc.Arbitrary<Buffer> {
	const often = <Value>(usual: Value, hostile: fc.Arbitrary<Value>) =>
		fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: hostile });
	const request = fc
		.record({
			attributes: attributesText(good),
			secrets: often("null", jsonText),
			permission: often("420", fc.oneof(fc.constantFrom(...permissions), rawText)),
			targetPath: often("/mnt/secrets-store", fc.oneof(fc.constantFrom(...paths), rawText)),
			currentObjectVersion: often([], fc.array(fc.record({ id: rawText, version: rawText }), { maxLength: 5 })),
		})
		.map(encode);
	const damaged = fc
		.tuple(request, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }))
		.map(([bytes, damages]) => {
			const copy = Buffer.from(bytes);
			for (const [position, value] of damages) if (copy.length > 0) copy[position % copy.length] = value;
			return copy;
		});
	const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
	const huge = encode({ ...mountMessage(good), attributes: JSON.stringify({ ...good, huge: "x".repeat(5 * 1024 * 1024) }) });
	return fc.oneof(
		{ weight: 14_000, arbitrary: request },
		{ weight: 4000, arbitrary: damaged },
		{ weight: 2000, arbitrary: noise },
		{ weight: 10, arbitrary: fc.constant(huge) },
	);
}

function encode(message: v1alpha1.MountRequest.$Properties): Buffer {
	return asBuffer(v1alpha1.MountRequest.encode(message).finish());
}

export interface AttackReport {
	/** How many calls ended with each status, by name. */
	readonly statuses: ReadonlyMap<string, number>;
	/** Refusals that say nothing, or bear a status that must not leave Mount; the first hundred. */
	readonly violations: readonly string[];
}

export interface AttackOptions {
	readonly socket: string;
	/** Attributes of a request that would be served. */
	readonly good: Texts;
	readonly count: number;
	readonly seed: number;
	/** Milliseconds within which each call must be answered. */
	readonly deadline: number;
}

const inFlight = 200;
const batchSize = 1000;

/** Every status with which a Mount may end; all others mean that a request got past what should have caught it. */
const allowed = new Set([
	"OK",
	"INVALID_ARGUMENT",
	"NOT_FOUND",
	"PERMISSION_DENIED",
	"UNAUTHENTICATED",
	"FAILED_PRECONDITION",
	"INTERNAL",
	"UNKNOWN",
]);

/** Sends hostile requests, many at a time, until all are answered. */
export async function attack({ socket, good, count, seed, deadline }: AttackOptions): Promise<AttackReport> {
	const statuses = new Map<string, number>();
	const violations: string[] = [];
	const messages = samples(hostileMessages(good), count, seed);
	const connections = [1, 2].map(() => connectRaw(socket));
	const worker = async (connection: RawConnection) => {
		for (const message of messages) {
			const { code, details } = await connection.mount(message, deadline);
			statuses.set(code, (statuses.get(code) ?? 0) + 1);
			const answered = allowed.has(code) && (code === "OK" || details !== "");
			if (!answered && violations.length < 100) violations.push(`${code} "${details}" for ${message.subarray(0, 500).toString("base64")}`);
		}
	};
	await Promise.all(connections.flatMap((connection) => Array.from({ length: inFlight / connections.length }, () => worker(connection))));
	for (const connection of connections) connection.close();
	return { statuses, violations };
}

/** Samples in batches, so that they need not be in memory all at once; one iterator for many workers. */
function* samples(messages: fc.Arbitrary<Buffer>, count: number, seed: number): Generator<Buffer> {
	for (let sent = 0; sent < count; sent += batchSize) {
		yield* fc.sample(messages, { numRuns: Math.min(batchSize, count - sent), seed: seed + sent });
	}
}
