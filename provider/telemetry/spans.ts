import { type Context, type Span, SpanStatusCode } from "@opentelemetry/api";

/** What runs within a span. When the span has ended, what still runs on (a patch, a poll) is no part of it. */
export interface Scope {
	readonly context: Context;
	/**
	 * What makes a time of it out of `performance.now()`. Of one Mount all spans have the same, because the SDK's own
	 * times are whole milliseconds at a span's start: a part would seem to outlast the whole. Another Mount has its
	 * own: the system's clock is corrected while the process runs, and performance.timeOrigin is not.
	 */
	readonly epoch: number;
	ended: boolean;
}

/** The epoch of what begins now; see {@link Scope}. */
export function currentEpoch(): number {
	return Date.now() - performance.now();
}

/** The time now, in milliseconds since 1970, by a scope's own clock. */
export function timeIn({ epoch }: Pick<Scope, "epoch">): number {
	return epoch + performance.now();
}

/** Marks a span as failed by a code alone: messages name objects. */
export function fail(span: Span, code: string): void {
	span.setAttribute("error.type", code);
	span.setStatus({ code: SpanStatusCode.ERROR });
}
