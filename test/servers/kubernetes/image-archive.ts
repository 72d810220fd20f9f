import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** An image of one layer, by what its configuration says beside its file system. */
export interface ArchivedImage {
	/** The name with the tag. */
	readonly tag: string;
	/** `config` of an image's configuration, such as `{Cmd: […]}`. */
	readonly config: object;
}

/** Makes an archive of images that share one file system, in the format of `docker save`. Nothing is pulled. */
export function writeImageArchive(directory: string, root: string, images: readonly ArchivedImage[]): string {
	const layer = join(directory, "layer.tar");
	execFileSync("tar", ["--create", "--file", layer, "--owner=0", "--group=0", "--directory", root, "."]);
	const identity = createHash("sha256").update(readFileSync(layer)).digest("hex");
	const manifest = images.map(({ tag, config }, index) => {
		const configuration = {
			architecture: process.arch === "arm64" ? "arm64" : "amd64",
			os: "linux",
			config,
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
