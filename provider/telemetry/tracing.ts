import type { MountStage, StoreLabels, StoreOperation } from "./metrics.ts";

/** Which Mount a trace is about. Names of secrets are no attributes. */
export interface TracedMount {
	readonly provider: string;
	readonly namespace: string;
	readonly pod: string;
	readonly podUid: string;
	readonly serviceAccount: string;
}

/**
 * Spans of OpenTelemetry: one for each Mount; below it one for each stage, for each login and read at a store, and
 * for each HTTP exchange of these. What is shared by several Mounts belongs to the trace of the one that began it.
 */
export interface Tracing {
	/**
	 * Runs a Mount within its span.
	 * @param parent a `traceparent` header (W3C Trace Context); undefined begins a trace
	 */
	mount<T>(mount: TracedMount, parent: string | undefined, run: () => Promise<T>): Promise<T>;
	/** Notes a stage of the Mount that is running, by `performance.now()`. */
	stage(stage: MountStage, began: number, ended: number): void;
	/** Runs a call to a store within a span, where a Mount waits for it. */
	storeCall<T>(operation: StoreOperation, labels: StoreLabels, run: () => Promise<T>): Promise<T>;
	/** Sends what is left, for two seconds at most. */
	stop(): Promise<void>;
}

export interface TracingOptions {
	/** An OTLP/HTTP endpoint of traces, whole. */
	readonly url: string;
	/** The node, as an attribute of everything sent. */
	readonly nodeName: string | undefined;
	/** Hears of a batch that no collector took. */
	exportFailed(): void;
}

/** Loads the OpenTelemetry SDK, which only a provider that sends traces pays for. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
	const { OpenTelemetryTracing } = await import("./opentelemetry-tracing.ts");
	return new OpenTelemetryTracing(options);
}

/** The endpoint that a flag names: with the path of traces unless it has one. Undefined when it is no URL of HTTP. */
export function tracesUrl(text: string): string | undefined {
	const url = URL.parse(text);
	if (url === null || (url.protocol !== "http:" && url.protocol !== "https:") || url.username !== "" || url.password !== "")
		return undefined;
	if (url.pathname === "/") url.pathname = "/v1/traces";
	return url.href;
}
