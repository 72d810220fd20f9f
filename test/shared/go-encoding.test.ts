import test from "ava";
import fc from "fast-check";
import { GoDecodeError, goDecode, readEncoding } from "../../provider/shared/go-encoding.ts";

/** Recorded with Go 1.26: encoding/base64 StdEncoding and encoding/hex. */
const refused: readonly (readonly [encoding: "base64" | "hex", text: string, problem: string])[] = [
	["base64", "AQI", "illegal base64 data at input byte 0"],
	["base64", "AQIDA", "illegal base64 data at input byte 4"],
	["base64", "AQIDAA", "illegal base64 data at input byte 4"],
	["base64", "A", "illegal base64 data at input byte 0"],
	["base64", "AQ=", "illegal base64 data at input byte 3"],
	["base64", "AQ=A", "illegal base64 data at input byte 2"],
	["base64", "=", "illegal base64 data at input byte 0"],
	["base64", "AQ==AQ==", "illegal base64 data at input byte 4"],
	["base64", "AQI=A", "illegal base64 data at input byte 4"],
	["base64", "AQ-_", "illegal base64 data at input byte 2"],
	["base64", " AQID", "illegal base64 data at input byte 0"],
	["base64", "AQ\nI", "illegal base64 data at input byte 1"],
	["base64", "AQ=\n", "illegal base64 data at input byte 4"],
	["base64", "ä", "illegal base64 data at input byte 0"],
	["hex", "abc", "encoding/hex: odd length hex string"],
	["hex", "ag", "encoding/hex: invalid byte: U+0067 'g'"],
	["hex", "0x12", "encoding/hex: invalid byte: U+0078 'x'"],
	["hex", "a\n", "encoding/hex: invalid byte: U+000A"],
	["hex", "ä", "encoding/hex: invalid byte: U+00C3 'Ã'"],
];

for (const [encoding, text, problem] of refused) {
	test(`${encoding} ${JSON.stringify(text)}: ${problem}`, (t) => {
		t.throws(() => goDecode(text, encoding), { instanceOf: GoDecodeError, message: problem });
	});
}

test("bytes come back as they were, line breaks in base64 or not", (t) => {
	fc.assert(
		fc.property(fc.uint8Array(), fc.nat(8), (array, width) => {
			const bytes = Buffer.from(array);
			const base64 = bytes.toString("base64").replace(new RegExp(`.{${width + 1}}`, "g"), "$&\r\n");
			t.deepEqual(goDecode(base64, "base64"), bytes);
			t.deepEqual(goDecode(bytes.toString("hex").toUpperCase(), "hex"), bytes);
		}),
	);
	t.deepEqual(goDecode("\ufeffä\r\n\u0000", "utf-8"), Buffer.from("\ufeffä\r\n\u0000"));
});

test("encodings are named in any case", (t) => {
	t.deepEqual(["", "UTF-8", "Base64", "HEX", "utf8", "rot13"].map(readEncoding), ["utf-8", "utf-8", "base64", "hex", undefined, undefined]);
});
