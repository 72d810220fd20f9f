import { audiences } from "../../aws/endpoints.ts";
import type { Fields } from "../../plan/fields.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import type { DiagnosisContext, StoreModule } from "../module.ts";
import type { Identity, Session, Store, StoreContext } from "../store.ts";
import { diagnose } from "./diagnosis.ts";
import { makeAwsDialect } from "./dialect.ts";
import { type AwsInstance, readInstance } from "./instance.ts";
import { readAwsRef } from "./native-ref.ts";
import type { AwsRef } from "./ref.ts";
import { readRole } from "./role.ts";
import { openSession } from "./session.ts";

/** AWS Secrets Manager, Systems Manager Parameter Store and KMS. See README.md. */
const store: Store = {
	type: "aws",
	defaultAudience: audiences.web,
	// STS, and the agent through EKS Auth, verify the token at the login.
	needsVerifiedToken: false,
	instance: (name: string, fields: Fields): AwsInstance => readInstance(name, fields),
	role: (fields: Fields): string => readRole(fields),
	ref: (fields: Fields, instance: AwsInstance, _request: MountRequest): AwsRef => readAwsRef(fields, instance),
	connect: (instance: AwsInstance, identity: Identity, context: StoreContext): Promise<Session> => openSession(instance, identity, context),
};

export const module: StoreModule = {
	store,
	dialect: makeAwsDialect,
	diagnose: (instance: AwsInstance, context: DiagnosisContext) => diagnose(instance, context),
};
