import { audiences } from "../../aws/endpoints.ts";
import type { Fields } from "../../plan/fields.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import type { DiagnosisContext, StoreModule } from "../module.ts";
import type { Identity, Session, Store, StoreContext, StoreInstance } from "../store.ts";
import { diagnose } from "./diagnosis.ts";
import { type ConfidantInstance, readInstance } from "./instance.ts";
import { readRole } from "./names.ts";
import { type ConfidantRef, readRef } from "./ref.ts";
import { openSession } from "./session.ts";

/** Lyft's Confidant, as the service that the pod's AWS role stands for. See README.md. */
const store: Store = {
	type: "confidant",
	defaultAudience: audiences.web,
	// STS verifies the token at the login.
	needsVerifiedToken: false,
	instance: (name: string, fields: Fields): ConfidantInstance => readInstance(name, fields),
	role: (fields: Fields): string => readRole(fields),
	ref: (fields: Fields, _instance: StoreInstance, _request: MountRequest): ConfidantRef => readRef(fields),
	connect: (instance: ConfidantInstance, identity: Identity, context: StoreContext): Promise<Session> =>
		openSession(instance, identity, context),
};

export const module: StoreModule = {
	store,
	diagnose: (instance: ConfidantInstance, context: DiagnosisContext) => diagnose(instance, context),
};
