import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeImageArchive } from "../servers/kubernetes/image-archive.ts";

/** An image of the provider that the node can be given. */
export interface ProviderImage {
	/** The name with the tag. */
	readonly name: string;
	readonly archive: string;
}

const name = "docker.io/library/claviger:e2e";
const top = join(import.meta.dirname, "../..");

/**
 * The image that `scripts/e2e` has built by the Dockerfile, or in its place one that takes seconds: the bundle and Node, started
 * with the Dockerfile's own flags.
 */
export function providerImage(directory: string): ProviderImage {
	const built = process.env["CLAVIGER_E2E_IMAGE"];
	return { name, archive: built ?? writeQuickImage(join(directory, "provider-image")) };
}

function writeQuickImage(directory: string): string {
	const root = join(directory, "root");
	const program = "/usr/share/claviger/claviger.cjs";
	mkdirSync(join(root, "usr/local/bin"), { recursive: true });
	writeBundle(join(root, "usr/share/claviger"));
	const libraries = execFileSync("ldd", [process.execPath], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
	for (const library of libraries) {
		mkdirSync(join(root, dirname(library)), { recursive: true });
		copyFileSync(library, join(root, library));
	}
	copyFileSync(process.execPath, join(root, "usr/local/bin/node"));
	mkdirSync(join(root, "etc"));
	writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:\nclaviger:x:65532:65532::/:\n");
	return writeImageArchive(directory, root, [
		{ tag: name, config: { Entrypoint: [...nodeFlags(), program], Cmd: ["serve"], User: "65532:65532" } },
	]);
}

function writeBundle(folder: string): void {
	const { status, stderr } = spawnSync(process.execPath, [join(top, "scripts/bundle.ts"), "--directory", folder], { encoding: "utf8" });
	if (status !== 0) throw new Error(`the bundle could not be made:\n${stderr}`);
}

/** Node and its flags, as the Dockerfile has them in front of the program. */
function nodeFlags(): readonly string[] {
	const [, entryPoint = "[]"] = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(join(top, "Dockerfile"), "utf8")) ?? [];
	const words: unknown = JSON.parse(entryPoint);
	return Array.isArray(words) ? words.slice(0, -1).map(String) : [];
}
