import { join } from "node:path";
import test from "ava";
import { attack } from "../support/hostile-requests.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { attributes, connect } from "./harness.ts";
import { startProcess } from "./processes.ts";

const count = 100_000;
const seed = 20_240_501;

test("a hundred thousand hostile requests are each answered, and the process lives", async (t) => {
	t.timeout(180_000, "The requests are not all answered.");
	const socketDirectory = temporaryDirectory(t);
	const child = await startProcess(t, { socketDirectory, runtimeVersion: "1", handler: "erratic" });
	const socket = join(socketDirectory, "claviger.sock");
	const good = attributes({ role: "shop", objects: "- {name: db, path: kv/data/db}" }, { vault: "a.b.c" });
	const { statuses, violations } = await attack({ socket, good, count, seed, deadline: 20_000 });
	t.log(Object.fromEntries(statuses));
	t.deepEqual(violations, []);
	t.is(
		statuses.values().reduce((sum, number) => sum + number, 0),
		count,
	);
	// Without these the attack would have missed its target.
	for (const status of ["OK", "INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED", "FAILED_PRECONDITION", "INTERNAL"]) {
		t.true((statuses.get(status) ?? 0) > 100, status);
	}
	t.is((await connect(t, socket).version()).runtimeName, "claviger");
	t.is(await child.end("SIGTERM"), 0);
	t.is(child.complaints(), "");
});
