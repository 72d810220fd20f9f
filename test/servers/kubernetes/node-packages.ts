import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const packages = ["containerd", "runc", "containernetworking-plugins", "busybox-static"];

/** The image of test pods: busybox, with all its programs in `/bin`. */
export const busyboxImage = "localhost/busybox:test";
export const pauseImage = "localhost/pause:test";

/**
 * Installs what runs containers, from Debian's packages, unless it is there.
 *
 * @throws Error when apt cannot
 */
export function installContainerRuntime(): void {
	if (spawnSync("dpkg", ["--status", ...packages], { stdio: "ignore" }).status === 0) return;
	console.error(`installing ${packages.join(", ")} …`);
	apt(["update"]);
	apt(["install", "--yes", "--no-install-recommends", ...packages]);
}

function apt(parameters: readonly string[]): void {
	const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
	execFileSync("apt-get", ["-qq", ...parameters], { stdio: ["ignore", "ignore", "pipe"], env });
}

/** Makes an archive of both images out of Debian's static busybox, in the format of `docker save`. Nothing is pulled. */
export function writeImages(directory: string): string {
	const layer = join(directory, "layer.tar");
	writeLayer(join(directory, "root"), layer);
	const identity = createHash("sha256").update(readFileSync(layer)).digest("hex");
	const images = [
		{ tag: busyboxImage, command: ["/bin/sh"] },
		{ tag: pauseImage, command: ["/bin/busybox", "sleep", "2147483647"] },
	];
	const manifest = images.map(({ tag, command }, index) => {
		const configuration = {
			architecture: process.arch === "arm64" ? "arm64" : "amd64",
			os: "linux",
			config: { Env: ["PATH=/bin"], Cmd: command },
			rootfs: { type: "layers", diff_ids: [`sha256:${identity}`] },
		};
		const name = `config-${index}.json`;
		writeFileSync(join(directory, name), JSON.stringify(configuration));
		return { Config: name, RepoTags: [tag], Layers: ["layer.tar"] };
	});
	writeFileSync(join(directory, "manifest.json"), JSON.stringify(manifest));
	const archive = join(directory, "images.tar");
	const members = ["manifest.json", "layer.tar", ...manifest.map(({ Config }) => Config)];
	execFileSync("tar", ["--create", "--file", archive, "--directory", directory, ...members]);
	return archive;
}

function writeLayer(root: string, archive: string): void {
	for (const folder of ["bin", "etc", "tmp", "mnt", "proc", "sys", "dev"]) mkdirSync(join(root, folder), { recursive: true });
	writeFileSync(join(root, "bin/busybox"), readFileSync("/bin/busybox"), { mode: 0o755 });
	const programs = execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" }).trim().split("\n");
	for (const program of programs) if (program !== "busybox") symlinkSync("busybox", join(root, "bin", program));
	writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n");
	execFileSync("tar", ["--create", "--file", archive, "--owner=0", "--group=0", "--directory", root, "."]);
}
