import { parseAddress } from "../../../provider/net/address.ts";
import type { HttpAnswer } from "../../../provider/net/exchange.ts";
import { Transport } from "../../../provider/net/transport.ts";

/** What a probe prints: resident memory in MiB and microseconds of CPU. */
export interface ProbeResult {
	/** After the first reads. */
	readonly idle: number;
	/** After all of them. */
	readonly used: number;
	readonly perRead: number;
}

const { SECRET = "", SERVER = "", TOKEN = "" } = process.env;
const [firstReads, reads, atOnce] = [20, 3000, 10];

/** The version of the secret that is read, by its full name. */
export const secretName = SECRET;
export const serverUrl = SERVER;
export const accessToken = TOKEN;

const address = parseAddress(SERVER);
if ("problem" in address) throw new Error(`SERVER ${address.problem}`);
const transport = new Transport({ address });

function send(path: string, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
	return transport.request({ method: "GET", path, headers, signal: AbortSignal.timeout(30_000), allowsAddress: () => true });
}

/** `fetch` over the provider's own transport, as Google's clients want it. */
export async function carry(input: Parameters<typeof fetch>[0], init: RequestInit = {}): Promise<Response> {
	const { pathname, search } = new URL(String(input));
	const { body, status, headers } = await send(`${pathname}${search}`, Object.fromEntries(new Headers(init.headers)));
	return new Response(body.toString("utf8"), { status, headers: { "content-type": headers["content-type"] ?? "" } });
}

/** Reads the secret as the provider does. */
export async function readPlainly(): Promise<Buffer> {
	const { body } = await send(`/v1/${secretName}:access`, { authorization: `Bearer ${accessToken}` });
	const { payload } = JSON.parse(body.toString("utf8")) as { readonly payload: { readonly data: string } };
	return Buffer.from(payload.data, "base64");
}

/** Loads a client, reads with it, and prints a {@link ProbeResult}. @param load gives what reads */
export async function probe(load: () => Promise<() => Promise<Buffer>>): Promise<void> {
	const resident = () => process.memoryUsage.rss() / 2 ** 20;
	const read = await load();
	for (let count = 0; count < firstReads; count += 1) await read();
	const idle = resident();
	const began = process.cpuUsage();
	for (let count = 0; count < reads; count += atOnce) await Promise.all(Array.from({ length: atOnce }, read));
	const { user, system } = process.cpuUsage(began);
	const result: ProbeResult = { idle, used: resident(), perRead: (user + system) / reads };
	console.log(JSON.stringify(result));
	transport.close();
}
