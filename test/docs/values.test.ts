import test from "ava";
import { parse } from "yaml";
import { chartFolder, runHelm, type Values } from "../manifests/helm.ts";
import { guides } from "./markdown.ts";
import { blocksOfKind } from "./yaml-kinds.ts";

const blocks = guides.flatMap((document) =>
	blocksOfKind(document, "values").map(({ text, line }) => ({ place: `${document.path}:${line}`, text })),
);

test("there are values in the documents", (t) => {
	t.true(blocks.length > 4);
});

for (const { place, text } of blocks) {
	test(`the chart takes the values at ${place}`, async (t) => {
		const written = text.replace("sha256:…", `sha256:${"0".repeat(64)}`).replace("REGISTRY", "registry.example");
		const values = parse(written) as Values;
		const { succeeded, problems } = await runHelm(["template", "claviger", chartFolder], values);
		t.true(succeeded, problems);
	});
}
