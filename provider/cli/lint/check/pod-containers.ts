import { quote } from "../../../plan/fields.ts";
import type { ObjectFindings } from "../findings.ts";
import { classesIn, type Inventory, type PodEntry, type PodVolume } from "../inventory.ts";
import type { ManifestNode } from "../read/manifest-node.ts";

/** How the containers of a pod mount its volumes. */
export function checkPodContainers(findings: ObjectFindings, pod: PodEntry, inventory: Inventory): void {
	const containers = containersOf(pod);
	const mounted = new Set(containers.flatMap(mountsOf).map((mount) => mount.textAt("name")));
	const ours = new Map(pod.volumes.map((volume) => [volume.name, volume]));
	for (const { node, name } of pod.volumes) {
		if (mounted.has(name)) continue;
		const remedy = "Add it to volumeMounts, or remove it: kubelet does not mount it, so no Secret is synced from it either.";
		findings.at(node, { rule: "volume-unused", cause: "is mounted by no container", remedy });
	}
	for (const container of containers) {
		checkPaths(findings, container, ours);
		for (const mount of mountsOf(container)) {
			const volume = ours.get(mount.textAt("name") ?? "");
			if (volume === undefined) continue;
			noteSubPath(findings, mount);
			noteUnreadable(findings, { pod, container, mount, volume, inventory });
		}
	}
}

export function containersOf({ template }: PodEntry): readonly ManifestNode[] {
	return ["initContainers", "containers", "ephemeralContainers"].flatMap((field) => template.itemsAt("spec", field));
}

function mountsOf(container: ManifestNode): readonly ManifestNode[] {
	return container.itemsAt("volumeMounts");
}

/** Two mounts at one path, and mounts below a read-only one, where the runtime cannot make the directory. */
function checkPaths(findings: ObjectFindings, container: ManifestNode, ours: ReadonlyMap<string, PodVolume>): void {
	const seen = new Map<string, string>();
	const mounts = mountsOf(container).map((mount) => ({
		mount,
		name: mount.textAt("name") ?? "",
		path: cleanPath(mount.textAt("mountPath") ?? ""),
	}));
	for (const { mount, name, path } of mounts) {
		const place = mount.at("mountPath");
		const before = seen.get(path);
		if (before !== undefined && (ours.has(name) || ours.has(before))) {
			const cause = `is ${quote(path)}, where the volume ${quote(before)} is mounted already`;
			findings.at(place, {
				rule: "mount-path-duplicate",
				cause,
				remedy: "Give each volume a path of its own; two classes cannot share one.",
			});
		}
		seen.set(path, before ?? name);
		const outer = mounts.find((other) => ours.has(other.name) && other.path !== path && path.startsWith(`${other.path}/`));
		if (outer === undefined) continue;
		const cause = `lies inside ${quote(outer.path)}, where the read-only volume ${quote(outer.name)} is`;
		findings.at(place, {
			rule: "mount-nested",
			cause,
			remedy: "Mount both beside each other: nothing can make a directory in the outer one.",
		});
	}
}

function cleanPath(path: string): string {
	return path.replace(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
}

function noteSubPath(findings: ObjectFindings, mount: ManifestNode): void {
	const node = mount.at("subPath") ?? mount.at("subPathExpr");
	if (node === undefined) return;
	const cause = "binds one file as it is when the container starts, so that it never changes";
	findings.at(node, { rule: "mount-sub-path", cause, remedy: "Mount the whole volume, and name the file by its path in it." });
}

interface MountedVolume {
	readonly pod: PodEntry;
	readonly container: ManifestNode;
	readonly mount: ManifestNode;
	readonly volume: PodVolume;
	readonly inventory: Inventory;
}

/** Files belong to root whatever the pod's fsGroup is: the driver's volumes take no ownership from it. */
function noteUnreadable(findings: ObjectFindings, { pod, container, mount, volume, inventory }: MountedVolume): void {
	const user = securityOf(pod, container, "runAsUser")?.number;
	const isRoot = user === undefined ? securityOf(pod, container, "runAsNonRoot")?.boolean !== true : user === 0;
	if (isRoot) return;
	const needed = isInRootGroup(pod, container) ? 0o044 : 0o004;
	const plan = classesIn(inventory, findings.object.namespace).get(volume.className ?? "")?.planned?.plan;
	const unreadable = (plan?.files ?? []).flatMap(({ file }) => (file === undefined || (file.mode & needed) !== 0 ? [] : [file]));
	const [file, ...others] = unreadable;
	if (file === undefined) return;
	const also = others.length === 0 ? "" : ` (and ${others.length} more)`;
	const shown = `${quote(file.path)}${also} of ${quote(volume.className ?? "")} with mode 0${file.mode.toString(8).padStart(3, "0")}`;
	const cause = `mounts the file ${shown}, which this container's user cannot read: it belongs to root, and fsGroup does not reach it`;
	findings.at(mount, { rule: "mode-unreadable", cause, remedy: "Give it the mode 0444: nobody outside the pod sees the volume." });
}

/** A container's setting wins over its pod's. */
function securityOf({ template }: PodEntry, container: ManifestNode, field: string): ManifestNode | undefined {
	return container.at("securityContext", field) ?? template.at("spec", "securityContext", field);
}

/** Without runAsGroup a runtime starts processes in group 0. */
function isInRootGroup(pod: PodEntry, container: ManifestNode): boolean {
	const group = securityOf(pod, container, "runAsGroup")?.number ?? 0;
	const context = pod.template.at("spec", "securityContext");
	const supplemental = [...(context?.itemsAt("supplementalGroups") ?? []), context?.at("fsGroup")].map((node) => node?.number);
	return group === 0 || supplemental.includes(0);
}
