import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test, { type ExecutionContext } from "ava";
import { chainProblem, listActs } from "../../provider/strongroom/audit.ts";
import type { Location } from "../../provider/strongroom/location.ts";
import { readWithoutKeys } from "../../provider/strongroom/open-store.ts";
import { command, connectedReader, makeStrongroom, openStore, put, read, summary } from "./support.ts";

const script = join(import.meta.dirname, "writer-process.ts");

function startWriter(t: ExecutionContext, location: Location, ...args: readonly (string | number)[]): ChildProcess {
	const child = spawn(process.execPath, [script, location.directory, ...args.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
	t.teardown(() => child.kill("SIGKILL"));
	return child;
}

/** Reads acknowledgements until `enough`, kills, and tells the last one that arrived. */
async function killAfter(child: ChildProcess, enough: number): Promise<number> {
	if (child.stdout === null) throw new Error("no output");
	let acknowledged = 0;
	let lines = 0;
	for await (const line of createInterface(child.stdout)) {
		acknowledged = Number(line);
		lines += 1;
		if (lines === enough) child.kill("SIGKILL");
	}
	return acknowledged;
}

async function chainIsWhole(t: ExecutionContext, location: Location): Promise<void> {
	t.is(chainProblem(await readWithoutKeys(location, listActs)), undefined);
}

test("a writer that is killed 50 times loses no acknowledged value and leaves no half one", async (t) => {
	t.timeout(170_000);
	const location = await makeStrongroom(t);
	let written = 0;
	for (let round = 0; round < 50; round += 1) {
		const child = startWriter(t, location, "db", written + 1);
		const acknowledged = await killAfter(child, 1 + (round % 5));
		const seen = Number(/^value-(\d+)-x+$/.exec(summary(await read(location, "db")))?.[1]);
		t.true(seen === acknowledged || seen === acknowledged + 1, `acknowledged ${acknowledged}, found ${seen}`);
		const versions = await command(location, ["versions", "db", "--namespace", "shop", "--json"]);
		t.is(JSON.parse(versions.stdout)[0].version, seen, "one version a write");
		await chainIsWhole(t, location);
		written = seen;
	}
});

test("two processes write and one reads at the same time, and each sees whole values only", async (t) => {
	const location = await makeStrongroom(t);
	await put(await openStore(t, location), "db", `value-0-${"x".repeat(100)}`);
	const writers = [startWriter(t, location, "db", 1, 60), startWriter(t, location, "db", 1001, 1060)];
	const exits = writers.map((child) => once(child, "exit"));
	for (const child of writers) child.stdout?.resume();
	let running = writers.length;
	for (const exit of exits) exit.then(() => (running -= 1));
	const reader = connectedReader(location);
	let reads = 0;
	while (running > 0) {
		t.regex(summary(await reader("db")), /^value-\d+-x+$/);
		reads += 1;
		await new Promise((resolve) => setImmediate(resolve));
	}
	t.deepEqual(
		(await Promise.all(exits)).map(([code]) => code),
		[0, 0],
	);
	t.true(reads > 10);
	const versions = await command(location, ["versions", "db", "--namespace", "shop", "--json"]);
	t.is(JSON.parse(versions.stdout)[0].version, 121, "no write was lost");
	await chainIsWhole(t, location);
});
