import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import { buffer } from "node:stream/consumers";
import type { ExecutionContext } from "ava";
import fc from "fast-check";
import { listenDuring } from "./loopback.ts";

/** What a request brought, as far as an answer may repeat it. */
export interface HostileRequest {
	readonly method: string;
	/** Below the number of the attack, with its query. */
	readonly path: string;
	readonly authorization: string;
	readonly body: string;
}

/** What a server that behaves would answer. */
export interface GoodAnswer {
	readonly status?: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body: string;
}

/** One way to misbehave, from one of a login's or read's requests on. */
export interface Attack {
	/** How many requests are answered well before. */
	readonly patience: number;
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Body;
	readonly ending: "whole" | "cut" | "reset";
}

type Body =
	| { readonly kind: "text"; readonly text: string }
	/** What the request brought, in the place of a part of an answer. */
	| { readonly kind: "echo"; readonly form: EchoForm; readonly shape: number }
	/** The good answer, with some of its members replaced. */
	| { readonly kind: "changed"; readonly changes: readonly Change[] };

interface Change {
	/** Which member, counted over the whole document. */
	readonly member: number;
	/** Undefined: what the request brought. */
	readonly json: string | undefined;
}

const echoForms = ["raw", "base64", "uri"] as const;
type EchoForm = (typeof echoForms)[number];

/** Error bodies of all stores, around a text. */
const shapes: readonly ((text: string) => string)[] = [
	(text) => text,
	(text) => JSON.stringify(text),
	(text) => JSON.stringify({ error: { code: "not_found", message: `no such thing: ${text} ` } }),
	(text) => JSON.stringify({ error: `cannot open ${text}` }),
	(text) => JSON.stringify({ ErrorCode: "APPAP004E", ErrorMsg: text }),
	(text) => JSON.stringify({ ErrorCode: text, ErrorMsg: text }),
	(text) => JSON.stringify({ kind: "Status", status: "Failure", reason: text, message: text, details: { kind: "secrets", name: text } }),
	(text) => JSON.stringify({ __type: "AccessDeniedException", message: text, Message: text }),
	(text) => `<ErrorResponse><Error><Code>AccessDenied</Code><Message>${text}</Message></Error></ErrorResponse>`,
	(text) => `<html><title>403</title>${text}</html>`,
];

const statuses = [200, 200, 201, 204, 206, 301, 307, 400, 401, 401, 403, 403, 403, 404, 404, 404, 405, 409, 410, 413, 422];
/** After these a call is made again, which takes its time. */
const passingStatuses = [412, 429, 500, 503, 599];
const oddJson = [
	"null",
	"true",
	"{}",
	"[]",
	'""',
	"-1",
	"1e400",
	"12345678901234567890",
	'{"a":{"b":[]}}',
	'"\\u0000\\n\\u001b[31m"',
	'"../../etc"',
];

const header = fc.constantFrom<Readonly<Record<string, string>>>(
	{},
	{ "content-type": "text/html" },
	{ "content-encoding": "gzip" },
	{ "content-encoding": "base64" },
	{ "retry-after": "abc" },
	{ "retry-after": "99999999" },
	{ "retry-after": "-5" },
	{ "x-amzn-errortype": "ExpiredTokenException" },
	{ "content-type": "application/json", date: "Thu, 01 Jan 1970 00:00:00 GMT" },
);

const text: fc.Arbitrary<Body> = fc.record({
	kind: fc.constant("text" as const),
	text: fc.oneof(fc.json(), fc.string({ unit: "binary" }), fc.constantFrom("", "[".repeat(5000))),
});
const echo: fc.Arbitrary<Body> = fc.record({
	kind: fc.constant("echo" as const),
	form: fc.constantFrom(...echoForms),
	shape: fc.nat({ max: shapes.length - 1 }),
});
const change: fc.Arbitrary<Change> = fc.record({ member: fc.nat(), json: fc.oneof(fc.constantFrom(...oddJson), fc.constant(undefined)) });
const changedBody: fc.Arbitrary<Body> = fc.record({
	kind: fc.constant("changed" as const),
	changes: fc.array(change, { minLength: 1, maxLength: 3 }),
});

const anyStatus = fc.oneof(
	{ weight: 15, arbitrary: fc.constantFrom(...statuses) },
	{ weight: 1, arbitrary: fc.constantFrom(...passingStatuses) },
);
/** What is changed in a good answer is mostly read where its status is good too. */
const answers = fc.oneof(
	fc.record({ status: anyStatus, body: fc.oneof(text, echo, changedBody) }),
	fc.record({ status: anyStatus, body: echo }),
	fc.record({ status: fc.constant(200), body: changedBody }),
);

/** @param requests how many requests a mount makes when all goes well */
export function attacks(requests: number): fc.Arbitrary<Attack> {
	const ending = fc.oneof(
		{ weight: 12, arbitrary: fc.constant("whole" as const) },
		{ weight: 1, arbitrary: fc.constantFrom("cut" as const, "reset" as const) },
	);
	return fc
		.record({ patience: fc.nat({ max: requests - 1 }), headers: header, answer: answers, ending })
		.map(({ answer, ...attack }) => ({ ...attack, ...answer }));
}

export interface HostileServer {
	/** The address of one attack. */
	address(number: number): string;
	readonly origin: string;
	/** All that was sent in confidence, as it was sent. */
	readonly confidences: Confidences;
}

export interface HostileServerOptions {
	readonly attacks: readonly Attack[];
	/** For https. */
	readonly tls?: ServerOptions;
	good(request: HostileRequest): GoodAnswer;
	/** What of a request nobody may repeat. */
	confidences(request: HostileRequest): readonly string[];
}

/** Starts a server on loopback that misbehaves in one way below each of its addresses. */
export async function startHostileServer(t: ExecutionContext<unknown>, options: HostileServerOptions): Promise<HostileServer> {
	const confidences = new Confidences();
	const counts = new Map<number, number>();
	const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
		const [, digits = "", path = ""] = /^\/(\d+)(.*)$/.exec(incoming.url ?? "") ?? [];
		const { method = "", headers } = incoming;
		const request = { method, path, authorization: headers.authorization ?? "", body: (await buffer(incoming)).toString("latin1") };
		for (const confidence of options.confidences(request)) confidences.add(confidence);
		const attack = options.attacks[Number(digits)];
		const count = counts.get(Number(digits)) ?? 0;
		counts.set(Number(digits), count + 1);
		const good = options.good(request);
		if (attack === undefined || count < attack.patience) response.writeHead(good.status ?? 200, { ...good.headers }).end(good.body);
		else misbehave(attack, { request, good, confidences: options.confidences(request) }, response);
	};
	const listen = (incoming: IncomingMessage, response: ServerResponse) => void serve(incoming, response).catch(() => response.destroy());
	const server = options.tls === undefined ? createPlainServer(listen) : createServer(options.tls, listen);
	const origin = `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${await listenDuring(t, server)}`;
	return { origin, address: (number) => `${origin}/${number}`, confidences };
}

interface Asked {
	readonly request: HostileRequest;
	readonly good: GoodAnswer;
	readonly confidences: readonly string[];
}

function misbehave({ status, headers, body, ending }: Attack, asked: Asked, response: ServerResponse): void {
	if (ending === "reset") {
		response.destroy();
		return;
	}
	const text = bodyOf(body, asked);
	const isGood = body.kind === "changed" && status === 200;
	response.writeHead(status, {
		...(status >= 300 && status < 400 ? { location: "http://127.0.0.1:1/elsewhere" } : {}),
		...(isGood ? asked.good.headers : headers),
		...(ending === "cut" ? { "content-length": Buffer.byteLength(text) + 10 } : {}),
	});
	if (ending === "whole") response.end(text);
	else response.write(text === "" ? " " : text, () => response.destroy());
}

function bodyOf(body: Body, asked: Asked): string {
	switch (body.kind) {
		case "text":
			return body.text;
		case "echo":
			return (shapes[body.shape] ?? String)(asked.confidences.map((text) => echoed(text, body.form)).join(" "));
		case "changed":
			return changed(body.changes, asked);
	}
}

function echoed(text: string, form: EchoForm): string {
	if (form === "base64") return Buffer.from(text).toString("base64");
	return form === "uri" ? encodeURIComponent(text) : text;
}

/** The good answer with some members replaced, where it is JSON. */
function changed(changes: readonly Change[], { good, confidences }: Asked): string {
	let text = good.body;
	for (const { member, json } of changes) {
		const members = [...text.matchAll(/:(?:"(?:[^"\\]|\\.)*"|[\w.+-]+|\{\}|\[\])/g)];
		const found = members[member % Math.max(1, members.length)];
		if (found === undefined) continue;
		const start = found.index + 1;
		text = `${text.slice(0, start)}${json ?? JSON.stringify(confidences.join(" "))}${text.slice(found.index + found[0].length)}`;
	}
	return text;
}

const pieceLength = 24;

/** What was sent in confidence, as the pieces by which it is found again, plainly or in a usual encoding. */
export class Confidences {
	readonly #pieces = new Set<string>();
	readonly #known = new Set<string>();

	add(confidence: string): void {
		if (this.#known.has(confidence)) return;
		this.#known.add(confidence);
		for (const form of echoForms.map((encoding) => echoed(confidence, encoding))) {
			for (let start = 0; start + pieceLength <= form.length; start += 1) this.#pieces.add(form.slice(start, start + pieceLength));
		}
	}

	/** Whether a text holds a piece of any of them. */
	isIn(text: string): boolean {
		for (let start = 0; start + pieceLength <= text.length; start += 1)
			if (this.#pieces.has(text.slice(start, start + pieceLength))) return true;
		return false;
	}
}
