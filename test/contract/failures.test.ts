import test from "ava";
import fc from "fast-check";
import { toDetails, toRefusal } from "../../provider/contract/status.ts";
import { type ErrorCode, errorCodes, ProviderError } from "../../provider/errors.ts";
import { CallFailure } from "../support/mount-client.ts";
import { attributes, connect, serve, silent } from "./harness.ts";

/** What a driver of version 1.6 takes as "perhaps it is mounted", so that the pod starts without its files. */
const forbidden = new Set(["CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED"]);

const statuses: Readonly<Record<ErrorCode, string>> = {
	invalid: "INVALID_ARGUMENT",
	absent: "NOT_FOUND",
	denied: "PERMISSION_DENIED",
	refused: "PERMISSION_DENIED",
	unidentified: "UNAUTHENTICATED",
	"too-large": "FAILED_PRECONDITION",
	unreachable: "INTERNAL",
	stopped: "INTERNAL",
	internal: "INTERNAL",
};

for (const code of errorCodes) {
	test(`the error code ${code} becomes ${statuses[code]}, or UNKNOWN where the provider stood for says so`, async (t) => {
		t.false(forbidden.has(statuses[code]));
		const { server, client } = await serve(t, {
			providers: ["claviger", "vault"],
			plainStatus: (provider) => provider === "vault",
			handler: async () => {
				throw new ProviderError(code, `object "db": ${code}`, { remedy: "Do this." });
			},
		});
		const failure = await t.throwsAsync(client.mount(attributes()), { instanceOf: CallFailure });
		t.is(failure?.code, statuses[code]);
		t.is(failure?.details, `object "db": ${code} Do this.`);
		t.is(failure?.errorCode, code);
		const plain = await t.throwsAsync(connect(t, server.sockets[1] ?? "").mount(attributes()), { instanceOf: CallFailure });
		t.is(plain?.code, "UNKNOWN");
		t.is(plain?.details, failure?.details);
		t.is(plain?.errorCode, code);
	});
}

const trapped = () => {
	throw new Error("s3cret");
};
const proxy = new Proxy(new Error("s3cret"), { get: trapped, has: trapped, getPrototypeOf: trapped, ownKeys: trapped });
const evilError = new ProviderError("absent", "x");
Object.defineProperty(evilError, "message", { get: trapped });
const strangeCode = new ProviderError("absent", "x");
Object.defineProperty(strangeCode, "code", { value: 8 });
const grpcError = Object.assign(new Error("s3cret"), { code: 14, details: "s3cret" });

const odd: readonly (readonly [string, () => unknown])[] = [
	["an error", () => new Error("s3cret")],
	["nothing", () => undefined],
	["null", () => null],
	["a text", () => "s3cret"],
	["a number", () => 4],
	["a symbol", () => Symbol("s3cret")],
	["an object without a prototype", () => Object.create(null)],
	["a proxy that throws on every look", () => proxy],
	["an error whose message throws", () => evilError],
	["an error with an unknown code", () => strangeCode],
	["an error shaped for gRPC", () => grpcError],
	["a rejected promise", () => Promise.reject(new Error("s3cret")).catch((error) => error)],
];

const throwers = {
	"before its promise": (thrown: unknown) => {
		throw thrown;
	},
	"by its promise": (thrown: unknown) => Promise.reject(thrown),
	"by what looks like a promise": (thrown: unknown) =>
		new Proxy(
			{},
			{
				get() {
					throw thrown;
				},
			},
		),
};

for (const [title, make] of odd) {
	for (const [how, thrower] of Object.entries(throwers)) {
		test(`a handler that throws ${title} ${how} is answered as a defect, without the text`, async (t) => {
			const { client } = await serve(t, { handler: (() => thrower(make())) as never });
			const failure = await t.throwsAsync(client.mount(attributes()), { instanceOf: CallFailure });
			t.is(failure?.code, "INTERNAL");
			t.regex(failure?.details ?? "", /unexpected error inside Claviger/);
			t.notRegex(failure?.details ?? "", /s3cret/);
			t.is(failure?.errorCode, "internal");
		});
	}
}

test("neither a log nor a rule on statuses that throws keeps a mount from its answer", async (t) => {
	const handler = async () => {
		throw new ProviderError("absent", "x");
	};
	const broken = await serve(t, { handler, log: { ...silent, warn: trapped, error: trapped } });
	t.is((await t.throwsAsync(broken.client.mount(attributes()), { instanceOf: CallFailure }))?.code, "NOT_FOUND");
	const strange = await serve(t, { handler, plainStatus: trapped });
	t.is((await t.throwsAsync(strange.client.mount(attributes()), { instanceOf: CallFailure }))?.code, "NOT_FOUND");
});

test("a defect is logged by its name and place, without its text", async (t) => {
	const lines: [string, object, string][] = [];
	const keep = (level: string) => (fields: object, message: string) => lines.push([level, fields, message]);
	const log = { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
	const { client } = await serve(t, { log, handler: () => Promise.reject(new TypeError("s3cret")) });
	await t.throwsAsync(client.mount(attributes()));
	const [[level, fields, message] = ["", {}, ""]] = lines;
	t.deepEqual([level, message], ["error", "mount failed by a defect"]);
	t.like(fields, { provider: "claviger", namespace: "shop", pod: "web-0", code: "internal", cause: "TypeError" });
	t.regex(JSON.stringify(fields), /failures\.test\.ts/);
	t.notRegex(JSON.stringify(lines), /s3cret/);
});

test("a failure of the handler's own is left to the handler's log, a refused request is not", async (t) => {
	const warnings: object[] = [];
	const { client } = await serve(t, {
		log: { ...silent, warn: (fields) => warnings.push(fields) },
		handler: () => Promise.reject(new ProviderError("absent", "x")),
	});
	await t.throwsAsync(client.mount(attributes()));
	t.deepEqual(warnings, []);
	await t.throwsAsync(client.mount("[]"));
	t.like(warnings[0], { provider: "claviger", code: "invalid", reason: "attributes is not a JSON object of strings." });
});

test("details are printable: control characters are escaped, line breaks kept, halves of characters replaced", async (t) => {
	const message = "a\u0000b\u001b[31mc\r\nd\te\u007f\u0085 \ud800 é 日本 % 🔑";
	const { client } = await serve(t, { handler: () => Promise.reject(new ProviderError("absent", message)) });
	const failure = await t.throwsAsync(client.mount(attributes()), { instanceOf: CallFailure });
	t.is(failure?.details, "a\\x00b\\x1b[31mc\\x0d\nd\\x09e\\x7f\\x85 \ufffd é 日本 % 🔑");
});

for (const [title, unit] of Object.entries({
	letters: "x",
	spaces: " ",
	"Chinese characters": "密",
	keys: "🔑",
	"control characters": "\u0000",
})) {
	test(`a megabyte of ${title} as message is cut to what clients take`, async (t) => {
		const { client } = await serve(t, { handler: () => Promise.reject(new ProviderError("denied", unit.repeat(1_000_000))) });
		const failure = await t.throwsAsync(client.mount(attributes()), { instanceOf: CallFailure });
		t.is(failure?.code, "PERMISSION_DENIED");
		t.regex(failure?.details ?? "", /…$/u);
		t.true((failure?.details.length ?? 0) <= 4000);
		t.true(encodeURI(failure?.details ?? "").length <= 7000);
	});
}

test("an error without a text gets one", (t) => {
	t.is(toRefusal(new ProviderError("absent", ""), false).details, "The mount failed: absent.");
});

test("any text makes details that can be sent", (t) => {
	const text = fc.oneof(
		fc.string({ unit: "binary", maxLength: 9000, size: "max" }),
		fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
	);
	fc.assert(
		fc.property(text, (message) => {
			const details = toDetails(message);
			t.true(details.isWellFormed() && details.length <= 4000 && encodeURI(details).length <= 7000);
			t.notRegex(details, /(?!\n)\p{Cc}/u);
		}),
		{ numRuns: 300 },
	);
});
