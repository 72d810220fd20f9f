import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { AuditRecord } from "../../provider/audit/record.ts";
import { openAuditSink } from "../../provider/audit/sink.ts";
import { ProviderError } from "../../provider/errors.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const record: AuditRecord = {
	time: "2026-01-01T00:00:00.000Z",
	decision: "deliver",
	provider: "claviger",
	namespace: "shop",
	pod: 'web\n{"decision":"forged"}\u001b[31m\u0000',
	podUid: "u",
	serviceAccount: "web",
	objects: [{ name: "db", store: "main", version: "v" }],
};

test("one record is one line of JSON, whatever names hold", (t) => {
	const file = join(temporaryDirectory(t), "audit.jsonl");
	const sink = openAuditSink(file);
	sink.record(() => record);
	sink.record(() => ({ ...record, decision: "deny" }));
	sink.close();
	const lines = readFileSync(file, "utf8").trimEnd().split("\n");
	t.deepEqual(
		lines.map((line) => JSON.parse(line)),
		[record, { ...record, decision: "deny" }],
	);
	t.is(statSync(file).mode & 0o777, 0o600);
});

test("records are appended to those of an earlier process", (t) => {
	const file = join(temporaryDirectory(t), "audit.jsonl");
	for (let start = 0; start < 3; start += 1) {
		const sink = openAuditSink(file);
		sink.record(() => record);
		sink.close();
	}
	t.is(readFileSync(file, "utf8").trimEnd().split("\n").length, 3);
});

test("a target that cannot be opened ends the start, and a record that cannot be written is an error", (t) => {
	t.throws(() => openAuditSink(join(temporaryDirectory(t), "none", "audit.jsonl")), { instanceOf: ProviderError, message: /--audit/ });
	const sink = openAuditSink("/dev/full");
	t.throws(() => sink.record(() => record), { instanceOf: ProviderError, message: /nothing is delivered/ });
	sink.close();
});
