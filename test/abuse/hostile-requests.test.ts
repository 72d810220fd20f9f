import { join } from "node:path";
import test from "ava";
import { attack } from "../support/hostile-requests.ts";
import { makePod, mountAttributes } from "../support/pods.ts";
import { startTestProvider } from "../support/provider.ts";
import { startRecordingServer } from "../support/recording-server.ts";

const count = 15_000;
const pod = makePod();

for (const [dialect, parameters] of [
	[
		"claviger",
		(address: string) => ({
			stores: JSON.stringify({ main: { type: "vault", address, role: "shop" } }),
			objects: "- {name: db, path: secret/data/db, key: k}",
		}),
	],
	[
		"vault",
		(address: string) => ({
			vaultAddress: address,
			roleName: "shop",
			objects: "- {objectName: db, secretPath: secret/data/db, secretKey: k}",
		}),
	],
] as const) {
	test(`${dialect}: ${count} hostile requests to the whole provider each get a clear answer, and it goes on`, async (t) => {
		t.timeout(180_000, "The requests are not all answered.");
		const store = await startRecordingServer(t);
		const provider = await startTestProvider(t, { policy: `endpoints: ["${store.address}"]` });
		const token = await provider.issuer.token(pod);
		const good = mountAttributes(pod, parameters(store.address), { vault: token });
		const socket = join(provider.directory, "sockets", `${dialect}.sock`);
		const { statuses, violations } = await attack({ socket, good, count, seed: 7, deadline: 20_000 });
		t.log(Object.fromEntries(statuses));
		t.deepEqual(violations, []);
		t.deepEqual(
			provider.logs.filter((line) => line.includes('"level":"error"')),
			[],
			"no defect came to light",
		);
		t.false(provider.logs.some((line) => line.includes(token.slice(-40))));
		t.is((await provider.client(dialect).version()).runtimeName, "claviger");
	});
}
