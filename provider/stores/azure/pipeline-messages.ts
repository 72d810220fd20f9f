import { createHttpHeaders, type PipelineRequest, type PipelineResponse, type RequestBodyType } from "@azure/core-rest-pipeline";
import type { HttpAnswer } from "../../net/exchange.ts";

/** The path and query of what an SDK wants to ask, as a transport takes them. */
export function pathOf(url: URL): string {
	return `${url.pathname}${url.search}`;
}

/** An SDK's headers, without its wish for compressed answers, of which a small one can be made of a large one. */
export function headersOf(request: PipelineRequest): Record<string, string> {
	const headers = request.headers.toJSON();
	delete headers["accept-encoding"];
	return headers;
}

/** JSON bodies and forms are texts, whichever of the two an SDK hands over. */
export function bodyOf(body: RequestBodyType | undefined): { readonly body?: string } {
	if (typeof body === "string") return { body };
	if (ArrayBuffer.isView(body)) return { body: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8") };
	if (body === undefined || body === null) return {};
	throw new Error("the SDK wants to send something that is no text");
}

/** Our transport's answer as SDKs read it. */
export function responseOf(request: PipelineRequest, { status, headers, body }: HttpAnswer): PipelineResponse {
	const plain = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
	return { request, status, headers: createHttpHeaders(plain), bodyAsText: body.toString("utf8") };
}
