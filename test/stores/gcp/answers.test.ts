import test from "ava";
import fc from "fast-check";
import { crc32c } from "../../../provider/shared/crc32c.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import { issuerOf } from "../../../provider/shared/token-issuer.ts";
import { kindOf } from "../../../provider/stores/gcp/failures.ts";
import { askedPause, googleErrorOf, goText } from "../../../provider/stores/gcp/google-error.ts";
import { readTokenAnswer, readTokenError } from "../../../provider/stores/gcp/token-answer.ts";
import { showable } from "../../../provider/stores/gcp/words.ts";
import { crc32c as servers } from "../../servers/gcp/crc32c.ts";

test("checksums are those of RFC 3720 and of the stand-ins", (t) => {
	t.is(crc32c(Buffer.from("123456789")), String(0xe3069283));
	t.is(crc32c(Buffer.alloc(32)), String(0x8a9136aa));
	t.is(crc32c(Buffer.alloc(0)), "0");
	fc.assert(fc.property(fc.uint8Array(), (bytes) => t.is(crc32c(bytes), servers(Buffer.from(bytes)))));
});

test("no body makes a reader of answers fail, and none but Google's error is one", (t) => {
	const bodies = fc.oneof(
		fc.json(),
		fc.string(),
		fc.json().map((inner) => `{"error": ${inner}}`),
	);
	fc.assert(
		fc.property(bodies, (text) => {
			const body = Buffer.from(text);
			for (const read of [googleErrorOf, askedPause, readTokenError, (bytes: Buffer) => readTokenAnswer(bytes, 0)]) read(body);
			const error = googleErrorOf(body);
			if (error !== undefined) t.regex(error.status, /^[A-Z_]+$/);
		}),
	);
	for (const status of [403, 404]) t.is(kindOf(status, googleErrorOf(Buffer.from("<html>not here</html>"))), "nonsense");
	t.is(goText({ status: "NOT_FOUND", message: "m" }), "rpc error: code = NotFound desc = m");
});

for (const [title, body] of [
	["no token", { expires_in: 3600 }],
	["no end", { access_token: "a" }],
	["an end in the past", { access_token: "a", expires_in: -1 }],
	["an end that is a text", { access_token: "a", expires_in: "3600" }],
	["a token that would break a header", { access_token: "a\r\nb: c", expires_in: 3600 }],
] as const) {
	test(`an answer with ${title} is no login`, (t) => {
		t.is(readTokenAnswer(Buffer.from(JSON.stringify(body)), 0), undefined);
	});
}

test("a token lives as long as the answer says from when it was asked for, and no longer than half a day", (t) => {
	const end = (seconds: number) =>
		readTokenAnswer(Buffer.from(JSON.stringify({ access_token: "a", expires_in: seconds })), 1000)?.expiresAt.getTime();
	t.is(end(60), 61_000);
	t.is(end(1e9), 1000 + 12 * 3600 * 1000);
});

test("what Google says is shown without tokens, keys and line breaks, and in short", (t) => {
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
	t.is(
		showable(`the token ${token}, or ya29.a0AfB_by-C, or ${"k".repeat(120)} is\nbad`, []),
		"the token [redacted], or [redacted], or [redacted] is bad",
	);
	t.is(showable("it was opensesame", [new Secret("opensesame")]), "it was [redacted]");
	t.true(showable("word ".repeat(200), []).length <= 301);
});

test("the issuer that a message names is the token's own, or none, whatever the token is", (t) => {
	const tokenWith = (payload: string) => new Secret(`e30.${Buffer.from(payload).toString("base64url")}.`);
	t.is(issuerOf(tokenWith('{"iss": "https://container.googleapis.com/v1/x"}')), "https://container.googleapis.com/v1/x");
	for (const payload of ["", "null", "[]", "{}", '{"iss": 1}', '{"iss": "http://a"}', '{"iss": "https://a b"}', '{"iss": "https://a\\nb"}'])
		t.is(issuerOf(tokenWith(payload)), "https://ISSUER", payload);
	fc.assert(fc.property(fc.string(), (text) => t.is(issuerOf(new Secret(text)), "https://ISSUER")));
});
