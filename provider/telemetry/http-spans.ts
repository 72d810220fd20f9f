import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage } from "node:http";
import { type Span, SpanKind, type Tracer } from "@opentelemetry/api";
import { errorCodeOf } from "../shared/error-code.ts";
import { fail, type Scope, timeIn } from "./spans.ts";

/** Node tells these of every HTTP request of the process ("Built-in Channels" in its documentation). */
const channels = { created: "http.client.request.created", answered: "http.client.response.finish", failed: "http.client.request.error" };

export interface HttpSpansOptions {
	readonly tracer: Tracer;
	/** What is running when a request is made; undefined for what no trace is about. */
	scope(): Scope | undefined;
	/** @param time in milliseconds since 1970 */
	end(span: Span, time: number): void;
}

interface OpenSpan {
	readonly span: Span;
	readonly scope: Scope;
}

/**
 * A span for each HTTP request that is made within another span, whichever client makes it. Paths and queries
 * stay out: they name secrets.
 */
export class HttpSpans {
	readonly #options: HttpSpansOptions;
	readonly #spans = new WeakMap<ClientRequest, OpenSpan>();

	constructor(options: HttpSpansOptions) {
		this.#options = options;
		subscribe(channels.created, this.#created);
		subscribe(channels.answered, this.#answered);
		subscribe(channels.failed, this.#failed);
	}

	stop(): void {
		unsubscribe(channels.created, this.#created);
		unsubscribe(channels.answered, this.#answered);
		unsubscribe(channels.failed, this.#failed);
	}

	readonly #created = (message: unknown): void => {
		const scope = this.#options.scope();
		const { request } = message as { request: ClientRequest };
		if (scope === undefined) return;
		const attributes = {
			"http.request.method": request.method,
			"server.address": request.host,
			"url.scheme": request.protocol.slice(0, -1),
		};
		const options = { kind: SpanKind.CLIENT, attributes, startTime: timeIn(scope) };
		this.#spans.set(request, { span: this.#options.tracer.startSpan(request.method, options, scope.context), scope });
	};

	readonly #answered = (message: unknown): void => {
		const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
		const open = this.#take(request);
		if (open === undefined) return;
		const { span, scope } = open;
		const status = response.statusCode ?? 0;
		span.setAttribute("http.response.status_code", status);
		if (status >= 400) fail(span, String(status));
		this.#options.end(span, timeIn(scope));
	};

	readonly #failed = (message: unknown): void => {
		const { request, error } = message as { request: ClientRequest; error: unknown };
		const open = this.#take(request);
		if (open === undefined) return;
		const { span, scope } = open;
		fail(span, errorCodeOf(error) ?? "error");
		this.#options.end(span, timeIn(scope));
	};

	#take(request: ClientRequest): OpenSpan | undefined {
		const open = this.#spans.get(request);
		this.#spans.delete(request);
		return open;
	}
}
