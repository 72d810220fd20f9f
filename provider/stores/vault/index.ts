import type { Fields } from "../../plan/fields.ts";
import type { Identity, Session, Store, StoreContext, StoreModule } from "../store.ts";
import { makeDialect } from "./dialect.ts";
import { readInstance, type VaultInstance } from "./instance.ts";
import { readRef, type VaultRef } from "./ref.ts";
import { openSession } from "./session.ts";

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
};

export const module: StoreModule = { store, dialect: makeDialect };
