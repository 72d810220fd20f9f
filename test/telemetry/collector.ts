import { createServer } from "node:http";
import type { ExecutionContext } from "ava";
import { listenDuring } from "../support/loopback.ts";

/** A span as it arrives by OTLP/HTTP in JSON (opentelemetry-proto, `trace/v1/trace.proto`). */
export interface ReceivedSpan {
	readonly traceId: string;
	readonly spanId: string;
	readonly parentSpanId: string | undefined;
	readonly name: string;
	readonly startNanoseconds: bigint;
	readonly endNanoseconds: bigint;
	readonly attributes: Readonly<Record<string, unknown>>;
	/** 2 is an error. */
	readonly status: number;
}

export interface Collector {
	readonly address: string;
	readonly paths: readonly string[];
	readonly spans: readonly ReceivedSpan[];
	readonly resource: Readonly<Record<string, unknown>>;
	/** All that came, as text. */
	text(): string;
}

interface Attribute {
	readonly key: string;
	readonly value: Readonly<Record<string, unknown>>;
}

interface Export {
	readonly resourceSpans: readonly {
		readonly resource: { readonly attributes: readonly Attribute[] };
		readonly scopeSpans: readonly {
			readonly spans: readonly {
				readonly traceId: string;
				readonly spanId: string;
				readonly parentSpanId?: string;
				readonly name: string;
				readonly startTimeUnixNano: string;
				readonly endTimeUnixNano: string;
				readonly attributes: readonly Attribute[];
				readonly status: { readonly code?: number };
			}[];
		}[];
	}[];
}

/** A collector of traces on loopback. @param status what it answers */
export async function startCollector(t: ExecutionContext<unknown>, status = 200): Promise<Collector> {
	const bodies: string[] = [];
	const paths: string[] = [];
	const spans: ReceivedSpan[] = [];
	const resource: Record<string, unknown> = {};
	const server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			paths.push(request.url ?? "");
			bodies.push(Buffer.concat(chunks).toString());
			const exported = JSON.parse(bodies.at(-1) ?? "") as Export;
			for (const one of exported.resourceSpans) {
				Object.assign(resource, valuesOf(one.resource.attributes));
				spans.push(...one.scopeSpans.flatMap((scope) => scope.spans.map(toSpan)));
			}
			response.writeHead(status, { "content-type": "application/json" }).end("{}");
		});
	});
	const port = await listenDuring(t, server);
	return { address: `http://127.0.0.1:${port}`, paths, spans, resource, text: () => bodies.join("\n") };
}

type ExportedSpan = Export["resourceSpans"][number]["scopeSpans"][number]["spans"][number];

function toSpan(span: ExportedSpan): ReceivedSpan {
	return {
		traceId: span.traceId,
		spanId: span.spanId,
		parentSpanId: span.parentSpanId || undefined,
		name: span.name,
		startNanoseconds: BigInt(span.startTimeUnixNano),
		endNanoseconds: BigInt(span.endTimeUnixNano),
		attributes: valuesOf(span.attributes),
		status: span.status.code ?? 0,
	};
}

function valuesOf(attributes: readonly Attribute[]): Readonly<Record<string, unknown>> {
	return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
