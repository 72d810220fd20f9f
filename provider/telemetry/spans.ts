import { type Context, type Span, SpanStatusCode } from "@opentelemetry/api";

/** What runs within a span. When the span has ended, what still runs on (a patch, a poll) is no part of it. */
export interface Scope {
	readonly context: Context;
	ended: boolean;
}

/** Marks a span as failed by a code alone: messages name objects. */
export function fail(span: Span, code: string): void {
	span.setAttribute("error.type", code);
	span.setStatus({ code: SpanStatusCode.ERROR });
}
