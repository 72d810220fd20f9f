import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildLock, cacheDirectory, tail, tellingProgress } from "./build-cache.ts";

interface GoProgram {
	/** The folder of its Go module, from the top of the checkout. */
	readonly folder: string;
	/** What is built there: a published program that the module names as its tool. Default: the module itself. */
	readonly tool?: string;
	readonly linkerFlags: string;
	/** How long a first build takes on two free cores, for people who wait. */
	readonly firstBuild: string;
}

// Kubernetes derives what it emulates from its version, which only its own build sets.
const kubernetesVersion = ["gitVersion=v1.34.4", "gitMajor=1", "gitMinor=34"].reduce(
	(flags, value) => `${flags} -X k8s.io/component-base/version.${value}`,
	"-s -w",
);

// Without them Helm believes to render for Kubernetes 1.20.
const helmVersion = ["internal/version.version=v3.22.0", "pkg/chartutil.k8sVersionMajor=1", "pkg/chartutil.k8sVersionMinor=34"].reduce(
	(flags, value) => `${flags} -X helm.sh/helm/v3/${value}`,
	"-s -w",
);

/** The programs in Go that tests and benchmarks start. */
const programs = {
	"vault-server": { folder: "test/servers/vault", linkerFlags: "-s -w", firstBuild: "about 3 minutes" },
	kube: { folder: "test/servers/kubernetes", linkerFlags: kubernetesVersion, firstBuild: "about 5 minutes" },
	"kube-node": { folder: "test/servers/kubernetes/node", linkerFlags: kubernetesVersion, firstBuild: "about 8 minutes" },
	helm: {
		folder: "test/servers/tools/helm",
		tool: "helm.sh/helm/v3/cmd/helm",
		linkerFlags: helmVersion,
		firstBuild: "about 3 minutes",
	},
	kubeconform: {
		folder: "test/servers/tools/kubeconform",
		tool: "github.com/yannh/kubeconform/cmd/kubeconform",
		linkerFlags: "-s -w",
		firstBuild: "about 20 seconds",
	},
	"rule-judge": { folder: "test/servers/prometheus", linkerFlags: "-s -w", firstBuild: "about 2 minutes" },
	mountload: { folder: "test/bench/mountload", linkerFlags: "-s -w", firstBuild: "about 30 seconds" },
} as const satisfies Readonly<Record<string, GoProgram>>;

export type GoProgramName = keyof typeof programs;

export const goProgramNames: readonly GoProgramName[] = Object.keys(programs).filter(isProgramName);

const checkout = join(import.meta.dirname, "../..");
const builds = new Map<GoProgramName, Promise<string>>();

/**
 * The path of a program, built unless a build of the same sources by the same Go is there already.
 * Builds lie outside the checkout, in `${CLAVIGER_CACHE:-${XDG_CACHE_HOME:-~/.cache}/claviger}/bin`,
 * and one is made once however many processes ask for it at the same time.
 *
 * @throws Error when Go is missing or the build fails
 */
export function goBinary(name: GoProgramName): Promise<string> {
	const known = builds.get(name);
	if (known !== undefined) return known;
	const build = findOrBuild(name);
	builds.set(name, build);
	return build;
}

async function findOrBuild(name: GoProgramName): Promise<string> {
	const program = programs[name];
	const directory = join(cacheDirectory(), "bin");
	const binary = join(directory, `${name}-${fingerprint(program)}`);
	if (existsSync(binary)) return binary;
	mkdirSync(directory, { recursive: true });
	using _lock = await buildLock(join(directory, `${name}.lock`));
	if (existsSync(binary)) return binary;
	const unfinished = `${binary}.${process.pid}`;
	try {
		await tellingProgress(name, program.firstBuild, () => build(program, unfinished));
		renameSync(unfinished, binary);
	} finally {
		rmSync(unfinished, { force: true });
	}
	return binary;
}

function fingerprint(program: GoProgram): string {
	const version = spawnSync("go", ["version"], { encoding: "utf8", cwd: join(checkout, program.folder) });
	if (version.error !== undefined || version.status !== 0)
		throw new Error(
			`Go is needed to build ${program.folder} and was not found. Install Go 1.26 or newer, or run scripts/test --without-servers.`,
		);
	const hash = createHash("sha256").update(version.stdout).update(program.linkerFlags);
	for (const file of readdirSync(join(checkout, program.folder)).sort()) {
		if (!file.endsWith(".go") && file !== "go.mod" && file !== "go.sum") continue;
		hash.update(`\0${file}\0`).update(readFileSync(join(checkout, program.folder, file)));
	}
	return hash.digest("hex").slice(0, 16);
}

async function build(program: GoProgram, output: string): Promise<void> {
	// Nice, so that what else runs beside the build keeps its time limits.
	const parameters = ["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", program.linkerFlags, "-o", output, program.tool ?? "."];
	const compiler = spawn("nice", ["go", "build", ...parameters], {
		cwd: join(checkout, program.folder),
		stdio: ["ignore", "inherit", "pipe"],
	});
	const problems: Buffer[] = [];
	compiler.stderr.on("data", (chunk: Buffer) => problems.push(chunk));
	const status = await new Promise<number | null>((resolve, reject) => {
		compiler.once("error", reject);
		compiler.once("close", resolve);
	});
	if (status !== 0) throw new Error(`go build of ${program.folder} failed:\n${tail(Buffer.concat(problems).toString())}`);
}

function isProgramName(name: string): name is GoProgramName {
	return Object.hasOwn(programs, name);
}

// On the command line: `node test/servers/go-binary.ts NAME…` builds each and prints its path.
if (import.meta.main) {
	for (const name of process.argv.slice(2)) {
		if (!isProgramName(name)) throw new Error(`no program ${name}; there are ${goProgramNames.join(", ")}`);
		console.log(await goBinary(name));
	}
}
