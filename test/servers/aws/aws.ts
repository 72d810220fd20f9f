import { randomInt } from "node:crypto";
import type { ExecutionContext } from "ava";
import { AwsError } from "./aws-error.ts";
import { type AwsCall, type CallFilter, fitsFilter } from "./calls.ts";
import { cannedAnswers } from "./canned.ts";
import type { Fault } from "./faults.ts";
import { Gate } from "./gate.ts";
import type { AwsEndpoint } from "./gate-request.ts";
import { type Moto, sharedMoto } from "./moto.ts";
import type { RolePermissions } from "./permissions.ts";
import type { PodIdentityAssociation } from "./pod-identity-agent.ts";
import { members, readArn } from "./service-desk.ts";
import type { AwsCredentials } from "./sessions.ts";
import type { RoleTrust } from "./trust.ts";
import type { JsonService } from "./upstream.ts";

export interface AwsServersOptions {
	/** Answers at once from memory, for load: every secret and parameter is there, with the value `value of NAME` unless put. */
	readonly fast?: boolean;
	/** Twelve digits; a new account unless given, so that nothing of another test is in it. */
	readonly account?: string;
}

export interface InRegion {
	/** Default `us-east-1`. */
	readonly region?: string;
}

const usualRegion = "us-east-1";

/**
 * Starts an AWS of its own on loopback: Secrets Manager, Parameter Store, KMS, STS and the Pod Identity agent.
 * It stops with the test, or by `stop()` where `t` is undefined because many tests share it.
 */
export async function startAws(t: ExecutionContext<unknown> | undefined, options: AwsServersOptions = {}): Promise<AwsServers> {
	const moto = options.fast === true ? undefined : await sharedMoto();
	const gate = new Gate(options.account ?? String(randomInt(100_000_000_000, 999_999_999_999)), moto?.ask ?? cannedAnswers());
	await gate.listen();
	t?.teardown(() => gate.stop());
	return new AwsServers(gate, moto);
}

/** An AWS account, empty, and the levers of its servers. */
export class AwsServers {
	readonly account: string;
	/**
	 * Where to ask, one address for all. With a region as the first element of the path, it
	 * is the service of that region only, as each of the real addresses is.
	 */
	readonly endpoints: Readonly<Record<AwsEndpoint, string>>;
	/** `host:port` of each server: the gate, and the emulator that it asks in the name of everybody. */
	readonly hosts: readonly string[];
	/** Keys of a person who may do everything. */
	readonly operator: AwsCredentials;
	readonly #gate: Gate;

	constructor(gate: Gate, moto: Moto | undefined) {
		this.#gate = gate;
		this.account = gate.account;
		const { address } = gate;
		this.endpoints = { secretsmanager: address, ssm: address, sts: address, kms: address, agent: address };
		this.hosts = [new URL(address).host, ...(moto === undefined ? [] : [moto.host])];
		const user = `arn:aws:iam::${gate.account}:user/operator`;
		this.operator = gate.sessions.issueWithoutEnd(user);
		gate.permissions.set(user, { allow: [{ actions: ["*"] }] });
	}

	roleArn(name: string): string {
		return `arn:aws:iam::${this.account}:role/${name}`;
	}

	/** Lets the tokens of a subject act as a role at STS; may be called again for more subjects. */
	trust(role: string, trust: RoleTrust): void {
		this.#gate.trusts.add(role, trust);
	}

	distrust(role: string): void {
		this.#gate.trusts.remove(role);
	}

	/** Gives the pods of a service account a role at the Pod Identity agent. */
	associate(role: string, association: PodIdentityAssociation): void {
		this.#gate.associations.add(role, association);
	}

	/** Sets what a role may do, which is nothing before. */
	permit(role: string, permissions: RolePermissions): void {
		this.#gate.permissions.set(role, permissions);
	}

	/** Keys of a session of a role, without STS. */
	session(role: string, seconds = 3600): Required<AwsCredentials> {
		return this.#gate.sessions.issue(role, "test", seconds);
	}

	/** Ends the sessions of a role now, or all. */
	endSessions(role?: string): void {
		this.#gate.sessions.end(role);
	}

	/** @returns what ends the fault */
	fail(fault: Fault): () => void {
		return this.#gate.faults.add(fault);
	}

	/** Settings that take effect from the next request on. */
	get settings(): Pick<Gate, "delayMilliseconds" | "sessionSeconds" | "batchPage"> {
		return this.#gate;
	}

	/** The calls so far, in the order of their arrival. */
	calls(filter: CallFilter = {}): readonly AwsCall[] {
		return this.#gate.calls.filter((call) => fitsFilter(filter, call));
	}

	count(filter: CallFilter = {}): number {
		return this.calls(filter).length;
	}

	/** How many calls of each operation there were. */
	counts(filter: CallFilter = {}): Readonly<Record<string, number>> {
		const groups = Object.groupBy(this.calls(filter), ({ operation }) => operation);
		return Object.fromEntries(Object.entries(groups).map(([operation, calls]) => [operation, calls?.length ?? 0]));
	}

	forgetCalls(): void {
		this.#gate.calls.length = 0;
		this.#gate.peakOpenRequests = this.#gate.openRequests;
		this.#gate.connections = 0;
	}

	/** Connections, open requests and the most of them at one time, since the start or {@link forgetCalls}. */
	get traffic(): Readonly<Pick<Gate, "connections" | "openRequests" | "peakOpenRequests">> {
		return this.#gate;
	}

	/** Any operation, done by the owner of the account without checks. @throws AwsError what the emulator refused */
	admin(service: JsonService, operation: string, body: object, { region = usualRegion }: InRegion = {}): Promise<Record<string, unknown>> {
		return this.#gate.ask(service, operation, body, region);
	}

	/** Writes a secret, or its next version with the stages given (default `AWSCURRENT`). A Buffer becomes a SecretBinary. */
	async putSecret(
		name: string,
		value: string | Buffer,
		options: InRegion & { readonly stages?: readonly string[] } = {},
	): Promise<SecretVersion> {
		const content = typeof value === "string" ? { SecretString: value } : { SecretBinary: value.toString("base64") };
		const stages = options.stages === undefined ? {} : { VersionStages: options.stages };
		const made = await this.admin("secretsmanager", "CreateSecret", { Name: name, ...content }, options).catch((error: unknown) => {
			if (!(error instanceof AwsError) || error.code !== "ResourceExistsException") throw error;
			return this.admin("secretsmanager", "PutSecretValue", { SecretId: name, ...content, ...stages }, options);
		});
		return { arn: String(made["ARN"]), versionId: String(made["VersionId"]) };
	}

	/** Deletes a secret at once, or schedules that. */
	async deleteSecret(name: string, options: InRegion & { readonly recoveryDays?: number } = {}): Promise<void> {
		const { recoveryDays } = options;
		const when = recoveryDays === undefined ? { ForceDeleteWithoutRecovery: true } : { RecoveryWindowInDays: recoveryDays };
		await this.admin("secretsmanager", "DeleteSecret", { SecretId: name, ...when }, options);
	}

	/** Writes a parameter (default a SecureString), or its next version, and returns the version's number. */
	async putParameter(name: string, value: string, options: ParameterOptions = {}): Promise<number> {
		const { type = "SecureString", labels = [] } = options;
		const { Version } = await this.admin("ssm", "PutParameter", { Name: name, Value: value, Type: type, Overwrite: true }, options);
		if (labels.length > 0)
			await this.admin("ssm", "LabelParameterVersion", { Name: name, ParameterVersion: Version, Labels: labels }, options);
		return Number(Version);
	}

	async deleteParameter(name: string, options: InRegion = {}): Promise<void> {
		await this.admin("ssm", "DeleteParameter", { Name: name }, options);
	}

	/** Makes a symmetric key, and an alias of it (`alias/…`) if wanted. @returns its ARN */
	async createKey(options: InRegion & { readonly alias?: string } = {}): Promise<string> {
		const { KeyMetadata } = await this.admin("kms", "CreateKey", {}, options);
		const arn = String(members(KeyMetadata)["Arn"]);
		if (options.alias !== undefined) await this.admin("kms", "CreateAlias", { AliasName: options.alias, TargetKeyId: arn }, options);
		return arn;
	}

	async setKeyState(arn: string, state: "Enabled" | "Disabled" | "PendingDeletion"): Promise<void> {
		const operation = { Enabled: "EnableKey", Disabled: "DisableKey", PendingDeletion: "ScheduleKeyDeletion" }[state];
		const { region = usualRegion, resource = arn } = readArn(arn) ?? {};
		// Moto does not know a key by its ARN here.
		await this.admin("kms", operation, { KeyId: resource.replace(/^key\//, "") }, { region });
	}

	stop(): Promise<void> {
		return this.#gate.stop();
	}
}

export interface SecretVersion {
	readonly arn: string;
	readonly versionId: string;
}

export interface ParameterOptions extends InRegion {
	readonly type?: "String" | "StringList" | "SecureString";
	/** Labels that move to the new version. */
	readonly labels?: readonly string[];
}
