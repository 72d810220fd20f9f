import test from "ava";
import { waitFor } from "../servers/kubernetes/wait-for.ts";
import { createClass } from "./classes.ts";
import type { InstallationOptions } from "./installation.ts";
import { annotate, deletePod, type MadePod, podEvents, runPod, volumeContent } from "./pods.ts";
import { type Site, startSite } from "./site.ts";
import { caseNames } from "./store-case.ts";
import { figures } from "./timing.ts";

// The DaemonSet is changed while pods come and go, and while kubelet asks for the volumes of others all the time.

const namespace = "default";
let site: Site;
let pods: readonly MadePod[];

test.before(async () => {
	site = await startSite();
	for (const name of caseNames) await createClass(site, site.storeCase(name), { namespace, name });
	pods = await Promise.all(caseNames.map((name) => runPod(site, { namespace, name: `standing-${name}`, classes: [name] })));
});
test.after.always(() => site?.stop());

function caseOf(index: number): string {
	return caseNames[index % caseNames.length] ?? "";
}

/** What goes on until it is told to stop. */
class Traffic {
	#stopped = false;
	/** Milliseconds from the making of each pod to its readiness. */
	readonly readiness: number[] = [];
	/** The most pods of the provider that were there at one time. */
	mostProviders = 0;

	/** Has kubelet look after every standing pod, again and again. */
	async republish(): Promise<void> {
		for (let round = 0; !this.#stopped; round += 1) {
			for (const pod of pods) await annotate(site, pod, { round: String(round) });
			this.mostProviders = Math.max(this.mostProviders, (await site.provider.pods()).length);
		}
	}

	/** Makes pods, reads their files, and deletes them. */
	async create(worker: string): Promise<void> {
		for (let round = 0; !this.#stopped; round += 1) {
			const name = caseOf(round);
			const began = performance.now();
			const pod = await runPod(site, { namespace, name: `passing-${worker}-${round}`, classes: [name] });
			this.readiness.push(performance.now() - began);
			for (const [path, content] of site.storeCase(name).files)
				if (volumeContent(site, pod, path) !== content) throw new Error(`${pod.name} has not the content of ${path}`);
			await deletePod(site, pod);
		}
	}

	stop(): void {
		this.#stopped = true;
	}
}

/** Applies changes of the installation one after the other under traffic, and returns how long each took to roll out, in milliseconds. */
async function rollOut(traffic: Traffic, changes: readonly Partial<InstallationOptions>[]): Promise<readonly number[]> {
	const running = Promise.all([traffic.republish(), traffic.create("a"), traffic.create("b")]);
	const times: number[] = [];
	try {
		for (const change of changes) {
			const began = performance.now();
			await Promise.race([running, site.provider.apply({ ...site.installed, ...change })]);
			times.push(performance.now() - began);
		}
		// Whoever is alone now must be found by who comes anew.
		const made = traffic.readiness.length;
		const others = async () => traffic.readiness.length >= made + 2;
		await Promise.race([running, waitFor("pods that were made after the change", [], others)]);
	} finally {
		traffic.stop();
	}
	await running;
	return times;
}

test.serial("no mount fails while the DaemonSet takes another image and another environment, and goes back", async (t) => {
	const image = site.installed.image.replace(":e2e", ":e2e-next");
	site.node.tagImage(site.installed.image, image);
	const before = site.node.publishes().length;
	const traffic = new Traffic();
	const times = await rollOut(traffic, [{ image }, { image, pollInterval: "30s" }, {}]);
	const publishes = site.node.publishes().slice(before);
	const told = (await podEvents(site, { namespace })).filter((text) => text.startsWith("FailedMount"));
	t.deepEqual([...publishes.flatMap(({ failure }) => failure ?? []), ...told], []);
	t.true(publishes.length > 10 * times.length, `${publishes.length} publishes`);
	t.true(traffic.readiness.length >= times.length, `${traffic.readiness.length} pods`);
	t.true(traffic.mostProviders > 1, "the new one is there before the old one goes");
	t.is(await site.provider.restarts(), 0);
	t.log(`${publishes.length} publishes, none failed, in ${times.map((time) => `${(time / 1000).toFixed(1)} s`).join(" + ")} of change`);
	figures(t, "pod made → Ready meanwhile", traffic.readiness);
});

test.serial("what was mounted before is as it was", async (t) => {
	for (const [index, pod] of pods.entries())
		for (const [path, content] of site.storeCase(caseOf(index)).files) t.is(volumeContent(site, pod, path), content, `${pod.name} ${path}`);
});
