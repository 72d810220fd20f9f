import type { Fields } from "../../plan/fields.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import type { DiagnosisContext, StoreModule } from "../module.ts";
import type { Identity, Session, Store, StoreContext } from "../store.ts";
import { contentKey } from "./answer.ts";
import { diagnose } from "./diagnosis.ts";
import { type CyberArkInstance, readInstance } from "./instance.ts";
import { type AccountRef, readRef } from "./ref.ts";
import { openSession } from "./session.ts";

/** CyberArk's vault (Enterprise Password Vault), by way of its Central Credential Provider. See README.md. */
const store: Store = {
	type: "cyberark-epv",
	// The Central Credential Provider knows nothing of tokens.
	defaultAudience: "",
	needsVerifiedToken: false,
	mainKey: contentKey,
	instance: (name: string, fields: Fields): CyberArkInstance => readInstance(name, fields),
	role: (_fields: Fields): string => "",
	ref: (fields: Fields, _instance: CyberArkInstance, _request: MountRequest): AccountRef => readRef(fields),
	connect: (instance: CyberArkInstance, identity: Identity, context: StoreContext): Promise<Session> =>
		openSession(instance, identity, context),
};

export const module: StoreModule = {
	store,
	diagnose: (instance: CyberArkInstance, context: DiagnosisContext) => diagnose(instance, context),
};
