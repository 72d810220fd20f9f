import type { Fields } from "../../plan/fields.ts";
import type { DiagnosisContext, StoreModule } from "../module.ts";
import type { Identity, Session, Store, StoreContext } from "../store.ts";
import { diagnose } from "./diagnosis.ts";
import { makeConjurDialect } from "./dialect.ts";
import { type ConjurInstance, readInstance } from "./instance.ts";
import { identityProblem, identityRemedy } from "./login.ts";
import { type ConjurRef, readRef } from "./ref.ts";
import { openSession } from "./session.ts";

/** CyberArk Conjur: open source, Enterprise and Cloud. See README.md. */
const store: Store = {
	type: "conjur",
	defaultAudience: "conjur",
	// The server itself verifies the token at the login.
	needsVerifiedToken: false,
	instance: (name: string, fields: Fields): ConjurInstance => readInstance(name, fields),
	role: readIdentity,
	ref: (fields: Fields, instance: ConjurInstance): ConjurRef => readRef(fields, instance),
	connect: (instance: ConjurInstance, identity: Identity, context: StoreContext): Promise<Session> =>
		openSession(instance, identity, context),
};

function readIdentity(fields: Fields): string {
	const identity = fields.text("identity") ?? "";
	const problem = identityProblem(identity);
	if (problem !== undefined) fields.reject("identity", problem, identityRemedy);
	return identity;
}

export const module: StoreModule = {
	store,
	dialect: makeConjurDialect,
	diagnose: (instance: ConjurInstance, context: DiagnosisContext) => diagnose(instance, context),
};
