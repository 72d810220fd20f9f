import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { listen, portOf, stopListening } from "../../support/loopback.ts";
import { misbehave } from "../latency-proxy.ts";
import { AwsError, accepted, writeError } from "./aws-error.ts";
import type { AwsCall } from "./calls.ts";
import { type FaultEffect, Faults } from "./faults.ts";
import { type AwsEndpoint, type GateRequest, readGateRequest, readScope } from "./gate-request.ts";
import { answerKeyService } from "./key-service.ts";
import { answerParameterStore } from "./parameter-store.ts";
import { Permissions } from "./permissions.ts";
import { PodIdentityAssociations, podCredentials, writeCredentials } from "./pod-identity-agent.ts";
import { answerSecretsManager } from "./secrets-manager.ts";
import type { ServiceDesk } from "./service-desk.ts";
import { Sessions } from "./sessions.ts";
import { authenticate } from "./signature.ts";
import { assumeRole, writeSession } from "./token-service.ts";
import { RoleTrusts } from "./trust.ts";
import type { JsonService, Upstream } from "./upstream.ts";

const services = { secretsmanager: answerSecretsManager, ssm: answerParameterStore, kms: answerKeyService } as const;

/**
 * Stands before the emulator and checks what the real services check and it does not: tokens, signatures, sessions,
 * rights, limits. It answers for STS and the Pod Identity agent itself, counts calls, and fails as it is told to.
 */
export class Gate {
	readonly calls: AwsCall[] = [];
	readonly faults = new Faults();
	readonly permissions = new Permissions();
	readonly trusts = new RoleTrusts();
	readonly associations = new PodIdentityAssociations();
	readonly sessions = new Sessions();
	readonly account: string;
	/** Added to each answer. */
	delayMilliseconds = 0;
	/** How long sessions last, whatever is asked for. */
	sessionSeconds: number | undefined;
	/** The most secrets in one answer of a batch; the rest follows by its `NextToken`. */
	batchPage = 20;
	connections = 0;
	openRequests = 0;
	peakOpenRequests = 0;
	readonly #upstream: Upstream;
	readonly #server = createServer((incoming, outgoing) => void this.#serve(incoming, outgoing));

	constructor(account: string, upstream: Upstream) {
		this.account = account;
		this.#upstream = upstream;
		this.#server.on("connection", () => {
			this.connections += 1;
		});
	}

	get address(): string {
		return `http://127.0.0.1:${portOf(this.#server)}`;
	}

	async listen(): Promise<void> {
		await listen(this.#server);
	}

	stop(): Promise<void> {
		return stopListening(this.#server);
	}

	async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
		this.openRequests += 1;
		this.peakOpenRequests = Math.max(this.peakOpenRequests, this.openRequests);
		outgoing.once("close", () => {
			this.openRequests -= 1;
		});
		let service: AwsEndpoint = "secretsmanager";
		try {
			const request = await readGateRequest(incoming);
			service = request.service;
			const call = this.#record(request);
			if (!(await this.#fails(call, incoming, outgoing))) await this.#answer(request, call, outgoing);
		} catch (error) {
			if (!outgoing.destroyed) writeError(outgoing, service, asAwsError(error));
		}
	}

	#record({ service, operation, region, names, headers }: GateRequest): AwsCall {
		const accessKeyId = readScope(headers.authorization)?.accessKeyId ?? "";
		const [name = ""] = names;
		const roles = {
			sts: () => name,
			agent: () => this.associations.roleOf(name),
			signed: () => this.sessions.find(accessKeyId)?.role,
		};
		const role = roles[service === "sts" || service === "agent" ? service : "signed"]() ?? "";
		const call = { service, operation, region, role, names, accessKeyId };
		this.calls.push(call);
		return call;
	}

	/** True when nothing is left to answer. @throws AwsError when the fault is an error */
	async #fails(call: AwsCall, incoming: IncomingMessage, outgoing: ServerResponse): Promise<boolean> {
		const effect = this.faults.take(call);
		const milliseconds = this.delayMilliseconds + (effect?.kind === "delay" ? effect.milliseconds : 0);
		if (milliseconds > 0) await delay(milliseconds);
		if (outgoing.destroyed) return true;
		if (effect === undefined || effect.kind === "delay") return false;
		if (effect.kind === "error") throw errorOf(effect);
		if (effect.kind === "garbage") outgoing.writeHead(200, { "content-type": "application/json" }).end('<html>{"garbage":');
		else misbehave(effect, incoming, outgoing);
		return true;
	}

	async #answer(request: GateRequest, call: AwsCall, outgoing: ServerResponse): Promise<void> {
		const { sessions, trusts, associations, account } = this;
		if (request.service === "sts")
			return writeSession(outgoing, await assumeRole(request, { sessions, trusts, sessionSeconds: () => this.sessionSeconds }));
		if (request.service === "agent")
			return writeCredentials(outgoing, await podCredentials(request, associations, sessions, this.sessionSeconds ?? 3600), account);
		const { service, operation, region, parameters: body } = request;
		const session = authenticate(request, sessions);
		const answer = await services[service]({ service, operation, region, account, body, session }, this.#desk(call));
		outgoing.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(answer));
	}

	#desk(call: AwsCall): ServiceDesk {
		return {
			permissions: this.permissions,
			batchPage: this.batchPage,
			ask: async (upstreamCall) => accepted(await this.#upstream(upstreamCall)),
			faultOfSecret: (secret) => {
				const effect = this.faults.takeOfSecret(call, secret);
				return effect?.kind === "error" ? errorOf(effect) : undefined;
			},
		};
	}

	/** Asks the emulator without any check, as the owner of the account. @throws AwsError what it refused */
	async ask(service: JsonService, operation: string, body: object, region: string): Promise<Readonly<Record<string, unknown>>> {
		return accepted(await this.#upstream({ service, operation, region, account: this.account, body: { ...body } }));
	}
}

function errorOf({ code, message = "This is a fault of the test.", status, headers }: FaultEffect & { kind: "error" }): AwsError {
	return new AwsError(code, message, status, headers);
}

function asAwsError(error: unknown): AwsError {
	if (error instanceof AwsError) return error;
	return new AwsError("InternalServiceError", error instanceof Error ? error.message : String(error), 500);
}
