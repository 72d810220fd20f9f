import { type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from "@grpc/grpc-js";
import { grpc } from "./generated/codec.js";

type CheckRequest = grpc.health.v1.HealthCheckRequest;
type CheckResponse = grpc.health.v1.HealthCheckResponse.$Properties;
type ListResponse = grpc.health.v1.HealthListResponse.$Properties;
type Watcher = ServerWritableStream<CheckRequest, CheckResponse>;

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = grpc.health.v1.HealthCheckResponse.ServingStatus;

/** The empty name stands for the whole server. */
const services: readonly string[] = ["", "v1alpha1.CSIDriverProvider"];

/** The standard gRPC health service. All services have one status, because they have one fate. */
export class Health {
	#serving = true;
	readonly #watchers = new Set<Watcher>();

	setServing(serving: boolean): void {
		if (serving === this.#serving) return;
		this.#serving = serving;
		for (const watcher of this.#watchers) {
			if (services.includes(watcher.request.service)) watcher.write(this.#status());
		}
	}

	/** Tells the watchers that nothing is served any more, and ends their calls. */
	stop(): void {
		this.setServing(false);
		for (const watcher of this.#watchers) watcher.end();
		this.#watchers.clear();
	}

	check(call: ServerUnaryCall<CheckRequest, CheckResponse>, callback: sendUnaryData<CheckResponse>): void {
		if (services.includes(call.request.service)) callback(null, this.#status());
		else callback({ code: status.NOT_FOUND, details: "unknown service" });
	}

	watch(call: Watcher): void {
		const forget = () => this.#watchers.delete(call);
		call.on("cancelled", forget);
		// A write to a call that broke meanwhile is an error event, which without a listener would end the process.
		call.on("error", forget);
		this.#watchers.add(call);
		call.write(services.includes(call.request.service) ? this.#status() : { status: SERVICE_UNKNOWN });
	}

	list(_call: unknown, callback: sendUnaryData<ListResponse>): void {
		callback(null, { statuses: Object.fromEntries(services.map((service) => [service, this.#status()])) });
	}

	#status(): CheckResponse {
		return { status: this.#serving ? SERVING : NOT_SERVING };
	}
}
