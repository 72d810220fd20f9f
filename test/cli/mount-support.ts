import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { run } from "../../provider/cli/mount.ts";
import { type CommandResult, runInProcess } from "../support/command.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { type ProviderDouble, startProviderDouble } from "./provider-double.ts";

/** Two classes among other documents; the pod names the first. */
export const manifest = `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: shop}
spec:
  provider: claviger
  parameters:
    objects: |
      - {name: a}
    note: "<b> & c"
---
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: other}
spec:
  provider: vault
  parameters: {roleName: other}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: shop}
`;

export const podManifest = `apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, uid: 4f0b}
spec:
  serviceAccountName: web
  volumes:
    - name: scratch
      emptyDir: {}
    - name: secrets
      csi:
        driver: secrets-store.csi.k8s.io
        readOnly: true
        volumeAttributes:
          secretProviderClass: shop
          note: from the pod
          csi.storage.k8s.io/pod.namespace: forged
`;

/** Runs `claviger mount …` in this process. */
export function claviger(args: readonly string[], stdin = ""): Promise<CommandResult> {
	return runInProcess(run, args, { stdin });
}

interface Stage {
	readonly provider: ProviderDouble;
	readonly directory: string;
	readonly target: string;
	/** Options of a mount that succeeds. */
	readonly args: readonly string[];
}

/** A provider that answers as the test says, and files and options for a mount. */
export async function stage(t: ExecutionContext<unknown>): Promise<Stage> {
	const provider = await startProviderDouble(t);
	const directory = temporaryDirectory(t);
	const target = join(directory, "volume");
	const [classFile, podFile] = [join(directory, "class.yaml"), join(directory, "pod.yaml")];
	writeFileSync(classFile, manifest);
	writeFileSync(podFile, podManifest);
	const args = ["--spc", classFile, "--pod-file", podFile, "--socket", provider.socket, "--target", target, "--no-tmpfs"];
	return { provider, directory, target, args };
}

/** Options without one of them and its value. */
export function without(args: readonly string[], flag: string): readonly string[] {
	const index = args.indexOf(flag);
	return args.toSpliced(index, flag === "--no-tmpfs" ? 1 : 2);
}
