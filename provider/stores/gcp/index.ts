import type { Fields } from "../../plan/fields.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import type { DiagnosisContext, StoreModule } from "../module.ts";
import type { Identity, Session, Store, StoreContext } from "../store.ts";
import { diagnose } from "./diagnosis.ts";
import { makeGcpDialect } from "./dialect.ts";
import { type GcpInstance, readInstance } from "./instance.ts";
import { readGcpRef } from "./native-ref.ts";
import type { GcpRef } from "./ref.ts";
import { readRole } from "./role.ts";
import { openSession } from "./session.ts";

/** Google Secret Manager, Parameter Manager and Cloud KMS. See README.md. */
const store: Store = {
	type: "gcp",
	// Each cluster's pool has an audience of its own; the instance knows it.
	defaultAudience: "",
	// Google's token service verifies the token at the login.
	needsVerifiedToken: false,
	instance: (name: string, fields: Fields): GcpInstance => readInstance(name, fields),
	role: (fields: Fields): string => readRole(fields),
	ref: (fields: Fields, instance: GcpInstance, _request: MountRequest): GcpRef => readGcpRef(fields, instance),
	connect: (instance: GcpInstance, identity: Identity, context: StoreContext): Promise<Session> => openSession(instance, identity, context),
};

export const module: StoreModule = {
	store,
	dialect: makeGcpDialect,
	diagnose: (instance: GcpInstance, context: DiagnosisContext) => diagnose(instance, context),
};
