import type { Fields } from "../../plan/fields.ts";
import type { Secret } from "../../shared/secret.ts";
import type { DiagnosisContext, StoreModule } from "../module.ts";
import type { Identity, ResumeContext, Session, Store, StoreContext } from "../store.ts";
import { diagnose } from "./diagnosis.ts";
import { makeDialect } from "./dialect.ts";
import { readInstance, type VaultInstance } from "./instance.ts";
import { readRef, type VaultRef } from "./ref.ts";
import { openSession, resumeSession } from "./session.ts";

/** HashiCorp Vault and OpenBao. See README.md. */
const store: Store = {
	type: "vault",
	defaultAudience: "vault",
	// The server itself verifies the token at the login.
	needsVerifiedToken: false,
	instance: (name: string, fields: Fields): VaultInstance => readInstance(name, fields),
	role: (fields: Fields): string => fields.text("role") ?? "",
	ref: (fields: Fields): VaultRef => readRef(fields),
	connect: (instance: VaultInstance, identity: Identity, context: StoreContext): Promise<Session> =>
		openSession(instance, identity, context),
	resume: (instance: VaultInstance, state: Secret, context: ResumeContext): Promise<Session> => resumeSession(instance, state, context),
};

export const module: StoreModule = {
	store,
	dialect: makeDialect,
	diagnose: (instance: VaultInstance, context: DiagnosisContext) => diagnose(instance, context),
};
