import test from "ava";
import { KeptAnswers } from "../provider/kept-answers.ts";
import type { MountPlan } from "../provider/plan/mount-plan.ts";
import { Secret } from "../provider/shared/secret.ts";
import type { Found } from "../provider/stores/store.ts";

const plan: MountPlan = { stores: [], objects: [], files: [] };
const found = (text: string): Found => ({ kind: "found", value: new Secret(text), structure: "bytes" });
const answerOf = (bytes: number) => ({
	files: [{ path: "a", mode: 0o400, contents: Buffer.alloc(bytes) }],
	versions: new Map([["a", "1"]]),
});

test("an answer is given again for the very same plan and values, and for no others", (t) => {
	const answers = new KeptAnswers();
	const [one, two] = [found("1"), found("2")];
	const answer = answerOf(10);
	t.true(answers.keep(plan, [one, two], answer));
	t.is(answers.get(plan, [one, two]), answer);
	t.is(answers.get(plan, [two, one]), undefined);
	t.is(answers.get(plan, [one, found("2")]), undefined, "equal content is not enough: the old value is about to be overwritten");
	t.is(answers.get({ ...plan }, [one, two]), undefined);
});

test("nothing made of a value is left when any value is overwritten", (t) => {
	const answers = new KeptAnswers();
	const values = [found("1")];
	answers.keep(plan, values, answerOf(10));
	answers.clear();
	t.is(answers.get(plan, values), undefined);
});

const unkept = [
	{
		title: "of one pod alone",
		values: [{ ...found("1"), lease: { id: "l", durationSeconds: 60, renewable: true, expiresAt: new Date() } }],
		bytes: 10,
	},
	{ title: "larger than what is set aside for its values", values: [found("1")], bytes: 4097 },
];

for (const { title, values, bytes } of unkept) {
	test(`an answer ${title} is not kept`, (t) => {
		const answers = new KeptAnswers();
		t.false(answers.keep(plan, values, answerOf(bytes)));
		t.is(answers.get(plan, values), undefined);
	});
}
