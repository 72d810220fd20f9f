import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { checkout, guide, guides, parse } from "./markdown.ts";
import { follow } from "./workbench.ts";
import { blocksOfKind, workflowCommands } from "./yaml-kinds.ts";

test("every block of commands is sh, and every other block is YAML, a picture or plain output", (t) => {
	const strange = guides.flatMap(({ path, blocks }) =>
		blocks
			.filter(({ language }) => !/^(?:sh|yaml|text|mermaid)$/.test(language))
			.map(({ line, language }) => `${path}:${line} ${language}`),
	);
	t.deepEqual(strange, []);
});

test("the pages whose commands need no cluster are those that are followed here", (t) => {
	const alone = guides.filter(({ path, blocks }) => {
		if (path.startsWith("docs/runbooks/")) return false;
		const commands = blocks.filter(({ language }) => language === "sh").map(({ text }) => text);
		return commands.length > 0 && !/\b(?:kubectl|helm)\b/.test(commands.join("\n"));
	});
	t.deepEqual(
		alone.map(({ path }) => path),
		["docs/stores/strongroom.md"],
	);
});

test("whoever follows the guide of the strongroom mounts a secret, and loses it with the binding", async (t) => {
	const { output, status, failures } = await follow(t, guide("docs/stores/strongroom.md"));
	t.is(status, 0, output);
	t.deepEqual(failures, [], output);
	t.regex(output, /^DB_USER=shop$/m);
	t.regex(output, /^DB_PASSWORD=made-up$/m);
	t.regex(output, /^\.revoked$/m);
});

test("a page whose command fails is found out", async (t) => {
	const missing = await follow(t, parse("page.md", "```sh\nclaviger strongroom list --directory nowhere\n```\n"));
	t.not(missing.status, 0);
	const script = await follow(t, parse("page.md", "```sh\nscripts/bench --minutes 3 || true\n```\n"));
	t.deepEqual(script.failures, ["bench --minutes 3: --minutes is not among its options"]);
	const unknown = await follow(t, parse("page.md", "```sh\nno-such-program || true\n```\n"));
	t.is(unknown.failures.length, 1);
});

test("the steps of workflows run", async (t) => {
	const workflows = guides.flatMap((document) => blocksOfKind(document, "workflow").map(({ text }) => ({ path: document.path, text })));
	t.true(workflows.length > 0);
	const policy = "profile: strict\nstores:\n  strongroom: {type: strongroom, directory: /nowhere}\n";
	for (const { path, text } of workflows) {
		const place = temporaryDirectory(t);
		mkdirSync(join(place, "manifests"));
		symlinkSync(join(checkout, "manifests/examples/strongroom/pod.yaml"), join(place, "manifests/pod.yaml"));
		symlinkSync(join(checkout, "manifests/examples/strongroom/secret-provider-class.yaml"), join(place, "manifests/class.yaml"));
		writeFileSync(join(place, "policy.yaml"), policy);
		const commands = `cd ${place}\n${workflowCommands(text).join("\n")}`;
		const { status, output, failures } = await follow(t, parse(path, `\`\`\`sh\n${commands}\n\`\`\`\n`));
		t.is(status, 0, output);
		t.deepEqual(failures, []);
	}
});
