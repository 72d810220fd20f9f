import type { Fields } from "../../plan/fields.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import type { DiagnosisContext, StoreModule } from "../module.ts";
import type { Identity, Session, Store, StoreContext } from "../store.ts";
import { readClientId } from "./client-id.ts";
import { diagnose } from "./diagnosis.ts";
import { makeAzureDialect } from "./dialect.ts";
import { type AzureInstance, audiences, readInstance } from "./instance.ts";
import { readAzureRef } from "./native-ref.ts";
import type { AzureRef } from "./ref.ts";
import { openSession } from "./session.ts";

/** Azure Key Vault: secrets, keys and certificates. See README.md. */
const store: Store = {
	type: "azure",
	defaultAudience: audiences.exchange,
	// Entra verifies the token at the login. The node's identities, which it never sees, are given by namespace.
	needsVerifiedToken: false,
	instance: (name: string, fields: Fields): AzureInstance => readInstance(name, fields),
	role: (fields: Fields): string => readClientId(fields),
	ref: (fields: Fields, instance: AzureInstance, _request: MountRequest): AzureRef => readAzureRef(fields, instance),
	connect: (instance: AzureInstance, identity: Identity, context: StoreContext): Promise<Session> =>
		openSession(instance, identity, context),
};

export const module: StoreModule = {
	store,
	dialect: makeAzureDialect,
	diagnose: (instance: AzureInstance, context: DiagnosisContext) => diagnose(instance, context),
};
