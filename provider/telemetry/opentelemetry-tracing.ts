import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, ROOT_CONTEXT, type Span, SpanKind, TraceFlags, type Tracer, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import { ProviderError } from "../errors.ts";
import { runtimeVersion } from "../shared/runtime-version.ts";
import { HttpSpans } from "./http-spans.ts";
import type { MountStage, StoreLabels, StoreOperation } from "./metrics.ts";
import { currentEpoch, fail, type Scope, timeIn } from "./spans.ts";
import type { TracedMount, Tracing, TracingOptions } from "./tracing.ts";

const stopMilliseconds = 2_000;

/** Sends spans to a collector in batches. Nothing waits for it, and spans that find no room are dropped. */
export class OpenTelemetryTracing implements Tracing {
	readonly #provider: TracerProvider;
	readonly #tracer: Tracer;
	readonly #scopes = new AsyncLocalStorage<Scope | undefined>();
	readonly #http: HttpSpans;

	constructor({ url, nodeName, exportFailed }: TracingOptions) {
		const attributes = { "service.name": "claviger", "service.version": runtimeVersion };
		this.#provider = new TracerProvider({
			resource: resourceFromAttributes(nodeName === undefined ? attributes : { ...attributes, "k8s.node.name": nodeName }),
			spanProcessors: [new BatchSpanProcessor({ exporter: reporting(new OTLPTraceExporter({ url }), exportFailed) })],
		});
		this.#tracer = this.#provider.getTracer("claviger", runtimeVersion);
		this.#http = new HttpSpans({ tracer: this.#tracer, scope: () => this.#scope(), end: (span, time) => this.#end(span, time) });
	}

	mount<T>(mount: TracedMount, parent: string | undefined, run: () => Promise<T>): Promise<T> {
		const attributes = {
			"claviger.provider": mount.provider,
			"k8s.namespace.name": mount.namespace,
			"k8s.pod.name": mount.pod,
			"k8s.pod.uid": mount.podUid,
			"claviger.service_account": mount.serviceAccount,
		};
		const epoch = currentEpoch();
		const options = { kind: SpanKind.SERVER, attributes, startTime: timeIn({ epoch }) };
		return this.#within(this.#tracer.startSpan("Mount", options, parentContext(parent)), epoch, run);
	}

	stage(stage: MountStage, began: number, ended: number): void {
		const scope = this.#scope();
		if (scope === undefined) return;
		const span = this.#tracer.startSpan(stage, { startTime: scope.epoch + began }, scope.context);
		this.#end(span, scope.epoch + ended);
	}

	storeCall<T>(operation: StoreOperation, { type, store }: StoreLabels, run: () => Promise<T>): Promise<T> {
		const scope = this.#scope();
		if (scope === undefined) return run();
		const attributes = { "claviger.store": store, "claviger.store.type": type };
		const span = this.#tracer.startSpan(`store ${operation}`, { attributes, startTime: timeIn(scope) }, scope.context);
		return this.#within(span, scope.epoch, run);
	}

	async stop(): Promise<void> {
		this.#http.stop();
		const { promise: late, resolve } = Promise.withResolvers<void>();
		const timer = setTimeout(resolve, stopMilliseconds);
		// What a collector that is gone makes of the last spans is counted where it is sent.
		await Promise.race([this.#provider.shutdown().catch(() => undefined), late]);
		clearTimeout(timer);
	}

	#scope(): Scope | undefined {
		const scope = this.#scopes.getStore();
		return scope === undefined || scope.ended ? undefined : scope;
	}

	async #within<T>(span: Span, epoch: number, run: () => Promise<T>): Promise<T> {
		const scope: Scope = { context: trace.setSpan(ROOT_CONTEXT, span), epoch, ended: false };
		try {
			return await this.#scopes.run(scope, run);
		} catch (reason) {
			fail(span, ProviderError.from(reason).code);
			throw reason;
		} finally {
			scope.ended = true;
			this.#end(span, timeIn(scope));
		}
	}

	/** Outside of every scope: ending a span may start the timer of the next batch, whose request is no part of a Mount. */
	#end(span: Span, time: number): void {
		this.#scopes.run(undefined, () => span.end(time));
	}
}

/** The context of a `traceparent` of version 00; a malformed one begins a trace. */
function parentContext(header: string | undefined): Context {
	const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(header ?? "") ?? [];
	if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return ROOT_CONTEXT;
	const traceFlags = Number.parseInt(flags ?? "", 16) & TraceFlags.SAMPLED;
	return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function reporting(exporter: SpanExporter, failed: () => void): SpanExporter {
	return {
		export(spans: ReadableSpan[], done) {
			exporter.export(spans, (result) => {
				// 0 is success in the SDK's ExportResultCode.
				if (result.code !== 0) failed();
				done(result);
			});
		},
		shutdown: () => exporter.shutdown(),
		forceFlush: async () => exporter.forceFlush?.(),
	};
}
