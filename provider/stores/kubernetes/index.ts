import type { Fields } from "../../plan/fields.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import type { DiagnosisContext, StoreModule } from "../module.ts";
import type { Identity, Session, Store, StoreContext } from "../store.ts";
import { diagnose } from "./diagnosis.ts";
import { type KubernetesInstance, readInstance } from "./instance.ts";
import { type KubernetesRef, readRef } from "./ref.ts";
import { openSession } from "./session.ts";

/** Secrets of Kubernetes, read with the pod's own token. See README.md. */
const store: Store = {
	type: "kubernetes",
	// Kubelet's name for the API server's own audience.
	defaultAudience: "",
	// The API server itself looks at the token with each request.
	needsVerifiedToken: false,
	instance: (name: string, fields: Fields): KubernetesInstance => readInstance(name, fields),
	role: () => "",
	ref: (fields: Fields, instance: KubernetesInstance, request: MountRequest): KubernetesRef => readRef(fields, instance, request),
	connect: (instance: KubernetesInstance, identity: Identity, context: StoreContext): Promise<Session> =>
		openSession(instance, identity, context),
};

export const module: StoreModule = {
	store,
	diagnose: (instance: KubernetesInstance, context: DiagnosisContext) => diagnose(instance, context),
};
