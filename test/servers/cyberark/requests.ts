import { type RequestOptions, request } from "node:https";
import { buffer } from "node:stream/consumers";
import type { Ccp } from "./ccp.ts";
import type { ClientCertificate } from "./certificates.ts";

export interface PlainAnswer {
	readonly status: number;
	readonly type: string;
	readonly text: string;
}

export interface PlainRequest {
	/** Default `/AIMWebService/api/Accounts`. */
	readonly path?: string;
	/** As it is sent, without the question mark. */
	readonly query?: string;
	readonly certificate?: ClientCertificate;
	/** In the place of the server's. */
	readonly address?: string;
	/** Further options of Node. */
	readonly options?: RequestOptions;
}

/** Asks the server as plainly as can be, for what no good client would send. */
export async function ask(ccp: Pick<Ccp, "address" | "authority">, asked: PlainRequest = {}): Promise<PlainAnswer> {
	const { path = "/AIMWebService/api/Accounts", query, certificate, address = ccp.address } = asked;
	const sent = request(`${address}${path}${query === undefined ? "" : `?${query}`}`, {
		ca: ccp.authority,
		agent: false,
		signal: AbortSignal.timeout(10_000),
		...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
		...asked.options,
	});
	const received = new Promise<PlainAnswer>((resolve, reject) => {
		sent.once("error", reject);
		sent.once("response", (response) => {
			const { statusCode: status = 0, headers } = response;
			buffer(response).then((bytes) => resolve({ status, type: headers["content-type"] ?? "", text: bytes.toString() }), reject);
		});
	});
	sent.end();
	return received;
}

/** What an error says, such as `403 APPAP008E` or `403 403.7 - Client certificate required`; `200` for none. */
export function verdict({ status, text, type }: PlainAnswer): string {
	if (status === 200) return "200";
	if (!type.startsWith("application/json")) return `${status} ${/<title>(.*)<\/title>/.exec(text)?.[1] ?? ""}`;
	const { ErrorCode: code } = JSON.parse(text) as Readonly<Record<string, unknown>>;
	return `${status} ${String(code)}`;
}
