import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";

/** A directory of the test's own, removed when the test ends. Short, because unix socket paths are. */
export function temporaryDirectory(t: ExecutionContext<unknown>): string {
	const directory = mkdtempSync(join(tmpdir(), "clv-"));
	t.teardown(() => rmSync(directory, { recursive: true, force: true }));
	return directory;
}
