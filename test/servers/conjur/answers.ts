import { type Answer, Refusal } from "../stand-in.ts";

const jsonType = "application/json; charset=utf-8";

export function json(body: object, headers: Readonly<Record<string, string>> = {}): Answer {
	return { status: 200, headers: { "content-type": jsonType, ...headers }, body: JSON.stringify(body) };
}

/** An answer that explains nothing, which is how Conjur denies. */
export function silent(status: 401 | 403 | 404): Refusal {
	return new Refusal(String(status), { status, headers: { "content-type": "text/html" } });
}

/** What is said to a request whose access token cannot be used. */
export function unauthorized(text: string): Refusal {
	return new Refusal(text, { status: 401, headers: { "content-type": "text/plain" }, body: text });
}

const codes = {
	400: "bad_request",
	401: "unauthorized",
	404: "not_found",
	406: "not_acceptable",
	422: "unprocessable_entity",
	503: "service_unavailable",
} as const;

/** An error with its explanation. */
export function explained(status: keyof typeof codes, message: string): Refusal {
	const body = JSON.stringify({ error: { code: codes[status], message } });
	return new Refusal(message, { status, headers: { "content-type": jsonType }, body });
}

/** @param id with account and kind */
export function missingValue(id: string): Refusal {
	return explained(404, `CONJ00076E Variable ${id} is empty or not found.`);
}

/** What the web server before Conjur says to a request line that is too long for it. */
export const uriTooLong: Answer = {
	status: 414,
	headers: { "content-type": "text/html" },
	body: "<html><head><title>414 Request-URI Too Large</title></head><body><center><h1>414 Request-URI Too Large</h1></center></body></html>",
};
