import test from "ava";
import { makePod } from "../../support/pods.ts";
import { startTestProvider } from "../../support/provider.ts";
import { Installation } from "./support.ts";

test("a hundred replicas have each value opened once, and once more when the keys have changed", async (t) => {
	const installation = new Installation(t);
	installation.addKey("usual");
	const provider = await startTestProvider(t, { policy: installation.policy(), providers: "claviger", ages: "default" });
	const objects = await Promise.all(
		Array.from({ length: 10 }, async (_, index) => {
			const object = `o${index}`;
			const sealed = await installation.seal("usual", object, { kind: "object", namespace: "shop", serviceAccount: "web", object });
			return { name: object, store: "main", sealed };
		}),
	);
	const pods = Array.from({ length: 100 }, () => makePod());
	const mountAll = async () => {
		const parameters = { objects: JSON.stringify(objects) };
		const answers = await Promise.all(pods.map((pod) => provider.mount("claviger", pod, parameters, { audience: "claviger" })));
		t.true(answers.every(({ files }) => files.size === 10 && files.get("o7")?.contents.toString() === "o7"));
	};
	let opened = 0;
	const { subtle } = globalThis.crypto;
	const decrypt = subtle.decrypt.bind(subtle);
	subtle.decrypt = (...parameters) => {
		opened += 1;
		return decrypt(...parameters);
	};
	t.teardown(() => Reflect.deleteProperty(subtle, "decrypt"));
	for (let round = 0; round < 3; round += 1) await mountAll();
	t.is(opened, 10);
	installation.addKey("newer");
	await mountAll();
	t.is(opened, 20);
});
