// Stands in for `docker`, which would pull: `build` wants the Dockerfile, `push` a name that was built before. The
// Dockerfile itself is built by scripts/image.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { noteFailure, variable } from "./call.ts";

const parameters = process.argv.slice(2);
const built = join(variable("HOME"), "built-images");
if (!works()) {
	noteFailure(["docker", ...parameters], "it is neither a build of a folder with a Dockerfile nor a push of what was built");
	process.exitCode = 1;
}

function works(): boolean {
	const [command, ...rest] = parameters;
	if (command === "push")
		return (
			rest.length === 1 &&
			existsSync(built) &&
			readFileSync(built, "utf8")
				.split("\n")
				.includes(rest[0] ?? "")
		);
	const [flag, name = "", folder = ""] = rest;
	if (command !== "build" || !(flag === "--tag" || flag === "-t") || !existsSync(join(folder, "Dockerfile"))) return false;
	appendFileSync(built, `${name}\n`);
	return true;
}
