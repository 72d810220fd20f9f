import test from "ava";
import fc from "fast-check";
import { readAccount, readErrorCode } from "../../../provider/stores/cyberark-epv/answer.ts";
import { openBench, textOf } from "./harness.ts";

const at = { safe: "DB", name: "pg-prod" };
const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\r\n".repeat(80)}-----END OPENSSH PRIVATE KEY-----\n`;

const contents: Readonly<Record<string, string>> = {
	"a quotation mark": 'a"b',
	"a backslash": "a\\b\\u0041",
	"line breaks of all kinds": "a\nb\r\nc\rd\u2028e\n",
	"what URLs and HTML reserve": "a&b<c>d%e+f;g#h?i=j'k",
	"what templates reserve": "{{pg.UserName}} $HOME $(id)",
	"control characters": [...Array(32).keys()].map((code) => String.fromCharCode(code)).join(""),
	"other scripts, and what lies beyond 16 bits": "pässwörd 密码 🔑",
	"a byte order mark": "\ufeffpassword",
	"a number that JavaScript would change": "12345678901234567890.10",
	nothing: "",
	"a private key of thousands of characters": key,
	"JSON of its own": '{"Content": "inner", "n": 1.0}',
};

test.serial("content arrives byte for byte, whatever it holds", async (t) => {
	const { ccp, mount } = await openBench(t);
	for (const [title, content] of Object.entries(contents)) {
		ccp.accounts.change(at, { content });
		t.is(textOf(await mount()), content, title);
	}
});

test.serial("the parts of content that is JSON are selected from it", async (t) => {
	const { ccp, mount } = await openBench(t);
	ccp.accounts.change(at, { content: '{"inner": {"n": 1.0}}' });
	const object = { name: "pg", safe: "DB", object: "pg-prod" };
	const files = [
		{ path: "n", template: "{{pg.Content.inner.n}}" },
		{ path: "all", from: "pg", jmespath: "@" },
	];
	const answer = await mount({ objects: [object], files });
	t.is(textOf(answer, "n"), "1.0");
	t.is((JSON.parse(textOf(answer, "all") ?? "") as { UserName: string }).UserName, "app");
	ccp.accounts.change(at, { content: Buffer.from([0, 255, 128]).toString("base64") });
	const decoded = await mount({ objects: [{ ...object, decode: "base64" }] });
	t.deepEqual(decoded.files.get("pg")?.contents, Buffer.from([0, 255, 128]));
});

test.serial("properties of the platform come along, and each is a file where all are expanded", async (t) => {
	const { ccp, mount } = await openBench(t);
	ccp.accounts.change(at, { properties: { Port: "5432", LogonDomain: "corp", LastSuccessChange: "1700000000", CPMStatus: "success" } });
	const { files } = await mount({ objects: [{ name: "pg", safe: "DB", object: "pg-prod", expand: "true" }] });
	t.deepEqual(
		[...files.keys()].sort(),
		["Address", "Content", "Folder", "LogonDomain", "Name", "PolicyID", "Port", "Safe", "UserName"],
		"without what the password manager notes of its own work",
	);
});

test.serial("a verified or scheduled password is no new version; a changed property is", async (t) => {
	const { ccp, mount } = await openBench(t);
	const files = [{ path: "url", template: "{{pg.UserName}}:{{pg}}" }];
	const versionOf = async () => (await mount({ files })).versions.get("pg");
	const first = await versionOf();
	for (const properties of [
		{ LastSuccessVerification: "1700000001", LastTask: "VerifyTask" },
		{ LastSuccessChange: "1700000002", RetriesCount: "3", SequenceID: "7", CPMStatus: "failure" },
	]) {
		ccp.accounts.change(at, { properties });
		t.is(await versionOf(), first, JSON.stringify(properties));
	}
	ccp.accounts.change(at, { userName: "other" });
	t.not(await versionOf(), first);
});

test("an account is the same however its members are ordered, and other answers are none", (t) => {
	const members = fc.uniqueArray(fc.tuple(fc.string(), fc.string()), { selector: ([name]) => name, maxLength: 6 });
	fc.assert(
		fc.property(members, fc.string({ unit: "binary" }), (pairs, content) => {
			const all = [...pairs.filter(([name]) => name !== "Content"), ["Content", content] as const];
			const bodyOf = (list: typeof all) =>
				Buffer.from(`{${list.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`);
			const [one, other] = [readAccount(bodyOf(all)), readAccount(bodyOf(all.toReversed()))];
			t.deepEqual(one?.reveal(), other?.reveal());
			t.is((JSON.parse(one?.reveal().toString() ?? "") as { Content: string }).Content, content);
		}),
	);
	for (const body of ["", "{}", "[]", "null", '"x"', "<html>", '{"Content": 1}', '{"Content": null}', '{"Content": "x"'])
		t.is(readAccount(Buffer.from(body)), undefined, body);
	t.is(readAccount(Buffer.from([...Buffer.from('{"Content": "'), 0xff, ...Buffer.from('"}')])), undefined, "not UTF-8");
	t.is(readAccount(Buffer.from('\ufeff{"Content": "x"}'))?.reveal().toString(), '{"Content":"x"}', "behind a byte order mark");
});

test("only what looks like a code is one", (t) => {
	const codeOf = (body: string) => readErrorCode(Buffer.from(body));
	t.is(codeOf('{"ErrorCode": "APPAP004E", "ErrorMsg": "x"}'), "APPAP004E");
	for (const body of ['{"ErrorCode": "hunter2 leaks"}', '{"ErrorCode": 404}', '{"code": "APPAP004E"}', "APPAP004E", "<html>", ""])
		t.is(codeOf(body), undefined, body);
});
