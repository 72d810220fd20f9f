import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { ProviderError } from "../../../errors.ts";
import type { InputFile } from "./objects.ts";

const manifestName = /\.(?:ya?ml|json)$/i;
/** Far more than a rendered chart of a whole platform. */
const maximumBytes = 64 * 1024 * 1024;

/**
 * Reads files, the manifests in folders at any depth, and standard input for `-`. Folders whose names begin with a
 * dot, node_modules, and a Helm chart's templates, which are no YAML before they are rendered, are passed over.
 *
 * @throws ProviderError `invalid` for a path that cannot be read, and when there is no file at all
 */
export async function readInputs(paths: readonly string[], stdin: Readable): Promise<readonly InputFile[]> {
	const files = await Promise.all(
		paths.map(async (path) => {
			if (path === "-") return [{ name: "<stdin>", text: (await buffer(stdin)).toString("utf8") }];
			return listFiles(path).map((name) => ({ name, text: readText(name) }));
		}),
	);
	const unique = new Map(files.flat().map((file) => [file.name, file]));
	if (unique.size > 0) return [...unique.values()];
	throw new ProviderError("invalid", `There is no manifest in ${paths.join(", ")}.`, {
		remedy: "Name files that end in .yaml, .yml or .json.",
	});
}

function listFiles(path: string): readonly string[] {
	const found = attempt(path, () => statSync(path));
	if (!found.isDirectory()) return [path];
	const entries = attempt(path, () => readdirSync(path, { withFileTypes: true })).toSorted((left, right) =>
		left.name < right.name ? -1 : 1,
	);
	const isChart = entries.some(({ name }) => name === "Chart.yaml");
	return entries.flatMap((entry) => {
		const inner = join(path, entry.name);
		if (entry.isDirectory()) return isPassedOver(entry.name, isChart) ? [] : listFiles(inner);
		return manifestName.test(entry.name) && statSync(inner, { throwIfNoEntry: false })?.isFile() ? [inner] : [];
	});
}

function isPassedOver(folder: string, isChart: boolean): boolean {
	return folder.startsWith(".") || folder === "node_modules" || (isChart && folder === "templates");
}

function readText(path: string): string {
	const bytes = attempt(path, () => readFileSync(path));
	if (bytes.length > maximumBytes)
		throw new ProviderError("invalid", `${path} is larger than ${maximumBytes} bytes.`, { remedy: "Divide it." });
	return bytes.toString("utf8");
}

function attempt<Result>(path: string, read: () => Result): Result {
	try {
		return read();
	} catch (cause) {
		throw new ProviderError("invalid", `${path} cannot be read.`, { remedy: "Check the path and its rights.", cause });
	}
}
