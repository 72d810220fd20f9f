import type { Fields } from "../../plan/fields.ts";
import type { DiagnosisContext, Identity, Session, Store, StoreContext, StoreModule } from "../store.ts";
import { diagnose } from "./diagnosis.ts";
import { makeConjurDialect } from "./dialect.ts";
import { type ConjurInstance, readInstance } from "./instance.ts";
import { type ConjurRef, readRef } from "./ref.ts";
import { openSession } from "./session.ts";

/** CyberArk Conjur: open source, Enterprise and Cloud. See README.md. */
const store: Store = {
	type: "conjur",
	defaultAudience: "conjur",
	// The server itself verifies the token at the login.
	needsVerifiedToken: false,
	instance: (name: string, fields: Fields): ConjurInstance => readInstance(name, fields),
	role: (fields: Fields): string => fields.text("identity") ?? "",
	ref: (fields: Fields, instance: ConjurInstance): ConjurRef => readRef(fields, instance),
	connect: (instance: ConjurInstance, identity: Identity, context: StoreContext): Promise<Session> =>
		openSession(instance, identity, context),
};

export const module: StoreModule = {
	store,
	dialect: makeConjurDialect,
	diagnose: (instance: ConjurInstance, context: DiagnosisContext) => diagnose(instance, context),
};
