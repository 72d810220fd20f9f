import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeImageArchive } from "./image-archive.ts";

const packages = ["containerd", "runc", "containernetworking-plugins", "busybox-static", "iproute2"];

/** The image of test pods: busybox, with all its programs in `/bin`. */
export const busyboxImage = "localhost/busybox:test";
export const pauseImage = "localhost/pause:test";

/** What stands in the way of a node with containers, each as a sentence. */
export function missingForContainers(): readonly string[] {
	const sentences: string[] = [];
	if (process.getuid?.() !== 0) sentences.push("This is not root, which a node with containers needs.");
	if (!isInstalled() && spawnSync("apt-get", ["--version"]).status !== 0)
		sentences.push(`A node with containers needs ${packages.join(", ")}, and there is no apt-get to install them.`);
	return sentences;
}

function isInstalled(): boolean {
	return spawnSync("dpkg", ["--status", ...packages], { stdio: "ignore" }).status === 0;
}

/**
 * Installs what runs containers, from Debian's packages, unless it is there.
 *
 * @throws Error when apt cannot
 */
export function installContainerRuntime(): void {
	if (isInstalled()) return;
	console.error(`installing ${packages.join(", ")} …`);
	apt(["update"]);
	apt(["install", "--yes", "--no-install-recommends", ...packages]);
}

function apt(parameters: readonly string[]): void {
	const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
	execFileSync("apt-get", ["-qq", ...parameters], { stdio: ["ignore", "ignore", "pipe"], env });
}

/** Makes an archive of both images out of Debian's static busybox. */
export function writeImages(directory: string): string {
	const root = join(directory, "root");
	for (const folder of ["bin", "etc", "tmp", "mnt", "proc", "sys", "dev"]) mkdirSync(join(root, folder), { recursive: true });
	writeFileSync(join(root, "bin/busybox"), readFileSync("/bin/busybox"), { mode: 0o755 });
	const programs = execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" }).trim().split("\n");
	for (const program of programs) if (program !== "busybox") symlinkSync("busybox", join(root, "bin", program));
	writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n");
	return writeImageArchive(directory, root, [
		{ tag: busyboxImage, config: { Env: ["PATH=/bin"], Cmd: ["/bin/sh"] } },
		{ tag: pauseImage, config: { Env: ["PATH=/bin"], Cmd: ["/bin/busybox", "sleep", "2147483647"] } },
	]);
}
