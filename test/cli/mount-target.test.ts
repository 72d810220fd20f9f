import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import test, { type ExecutionContext } from "ava";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { claviger, stage, without } from "./mount-support.ts";

test("a target with other people's files is left alone", async (t) => {
	const { provider, target, args } = await stage(t);
	mkdirSync(target);
	writeFileSync(join(target, "a"), "mine");
	symlinkSync("/etc/hostname", join(target, "b"));
	for (const options of [args, without(args, "--no-tmpfs"), ["--unmount", "--target", target]]) {
		const result = await claviger(options);
		t.is(result.code, 1, options.join(" "));
		t.regex(result.stderr, /holds "a", which is no part of a volume/);
	}
	t.is(readFileSync(join(target, "a"), "utf8"), "mine");
	t.is(provider.requests.length, 0, "no store is asked for a volume that cannot be had");
});

test("unmount removes a volume on a disk with its directory", async (t) => {
	const { target, args } = await stage(t);
	await claviger(args);
	const result = await claviger(["--unmount", "--target", target]);
	t.deepEqual([result.code, result.stdout], [0, `${target} is removed.\n`]);
	t.false(existsSync(target));
	t.is((await claviger(["--unmount", "--target", target])).code, 1);
});

test("the files go onto a tmpfs of their own where one may be mounted, and nowhere else unasked", async (t) => {
	const { provider, target, args } = await stage(t);
	const result = await claviger([...without(args, "--no-tmpfs"), "--json"]);
	if (!mayMountTmpfs(t)) {
		t.is(result.code, 1);
		t.regex(result.stdout, /A tmpfs cannot be mounted/);
		t.is(provider.requests.length, 0);
		return;
	}
	t.teardown(() => spawnQuietly("umount", target));
	t.is(JSON.parse(result.stdout).medium, "tmpfs", result.stdout);
	t.not(statSync(target).dev, statSync(join(target, "..")).dev);
	provider.answer = { files: { a: "2" }, versions: { a: "v2" } };
	t.is((await claviger(without(args, "--no-tmpfs"))).code, 0);
	t.is(readFileSync(join(target, "a"), "utf8"), "2");
	const unmount = await claviger(["--unmount", "--target", target]);
	t.is(unmount.code, 0, unmount.stderr);
	t.false(existsSync(target));
});

test("a first mount onto a tmpfs that fails is unmounted again", async (t) => {
	const { provider, target, directory, args } = await stage(t);
	provider.answer = { code: status.NOT_FOUND, text: "nothing there" };
	t.is((await claviger(without(args, "--no-tmpfs"))).code, 1);
	t.false(existsSync(target));
	t.deepEqual(readdirSync(directory).sort(), ["class.yaml", "pod.yaml"]);
});

test("a target that is in memory anyway needs no warning", async (t) => {
	const { args } = await stage(t);
	const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;
	const directory = mkdtempSync(join(memory ?? tmpdir(), "clv-"));
	t.teardown(() => rmSync(directory, { recursive: true }));
	const result = await claviger([...without(args, "--target"), "--target", directory, "--json"]);
	t.is(JSON.parse(result.stdout).medium, memory === undefined ? "disk" : "memory");
	t.is(result.stderr === "", memory !== undefined);
});

test("a volume on a disk is not hidden under a tmpfs", async (t) => {
	const { target, args } = await stage(t);
	await claviger(args);
	const result = await claviger(without(args, "--no-tmpfs"));
	t.is(result.code, 1);
	t.regex(result.stderr, /--no-tmpfs/);
	t.is(readFileSync(join(target, "a"), "utf8"), "1");
});

/** Whether this process may mount: root in a container may lack the capability. */
function mayMountTmpfs(t: ExecutionContext<unknown>): boolean {
	const directory = temporaryDirectory(t);
	return spawnQuietly("mount", "-t", "tmpfs", "claviger-test", directory) && spawnQuietly("umount", directory);
}

function spawnQuietly(command: string, ...args: readonly string[]): boolean {
	try {
		execFileSync(command, args, { stdio: "ignore" });
		return true;
	} catch {
		return false;
	}
}
