// Writes `value-1`, `value-2`, … padded to some pages, as fast as it can, and tells on standard output each write that was acknowledged.
import { locate } from "../../provider/strongroom/location.ts";
import { OpenStore } from "../../provider/strongroom/open-store.ts";
import { putSecret } from "../../provider/strongroom/write.ts";

const [directory = "", name = "", from = "1", until = "Infinity"] = process.argv.slice(2);
const store = await OpenStore.open(locate({ directory }, {}), { access: "write", busyTimeout: 10_000 });
for (let number = Number(from); number <= Number(until); number += 1) {
	const value = Buffer.from(`value-${number}-`.padEnd(20_000, "x"));
	await putSecret(store, { namespace: "shop", name }, value, undefined, { actor: "tester" });
	process.stdout.write(`${number}\n`);
}
await store.close();
