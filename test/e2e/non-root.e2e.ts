import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { createClass } from "./classes.ts";
import { runPod, volumeContent } from "./pods.ts";
import { type Site, startSite } from "./site.ts";
import { offers } from "./store-case.ts";
import { settled, timeUntil } from "./timing.ts";

// A provider that is not root, on a node where the socket directory is its own. The strongroom's folder here is root's.

const namespace = "default";
const store = "vault";
const names = offers.filter((offer) => offer.name === store).flatMap(({ cases }) => cases);
let site: Site;

test.before(async () => {
	site = await startSite({ stores: [store], runAs: "nonRoot", pollInterval: "1s", push: true });
});
test.after.always(() => site?.stop());

test.serial("the sockets are of the image's user, and nobody else's", (t) => {
	const sockets = readdirSync(site.node.providers);
	t.deepEqual(sockets.toSorted(), ["claviger.sock", "openbao.sock", "vault.sock"]);
	for (const socket of sockets) {
		const { uid, gid, mode } = statSync(join(site.node.providers, socket));
		t.deepEqual([uid, gid, mode & 0o777], [65532, 65532, 0o600], socket);
	}
});

for (const name of names) {
	test.serial(`${name}: a pod is Ready with its files, and a change reaches it`, async (t) => {
		const storeCase = site.storeCase(name);
		await createClass(site, storeCase, { namespace, name });
		const pod = await runPod(site, { namespace, name: `${name}-0`, classes: [name] });
		for (const [path, content] of storeCase.files) t.is(volumeContent(site, pod, path), content, path);
		await settled();
		const value = await storeCase.change();
		await timeUntil(site, "the new value", () => volumeContent(site, pod, storeCase.changing) === value, 10_000);
	});
}
