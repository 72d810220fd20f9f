import { type Answer, Refusal } from "../stand-in.ts";

const jsonType = "application/json; charset=utf-8";

export function json(status: number, body: object): Answer {
	return { status, headers: { "content-type": jsonType }, body: JSON.stringify(body) };
}

/** An error in the words of the web service. */
export class CcpRefusal extends Refusal {
	readonly code: string;

	constructor(status: number, code: string, text: string) {
		super(text, json(status, { ErrorCode: code, ErrorMsg: `${code} ${text}` }));
		this.code = code;
	}
}

/** What IIS says before the web service hears of a request. */
export function page(status: number, title: string, headers: Readonly<Record<string, string>> = {}): Refusal {
	const text = `<!DOCTYPE html><html><head><title>${title}</title></head><body><h2>${title}</h2></body></html>`;
	return new Refusal(title, { status, headers: { "content-type": "text/html", server: "Microsoft-IIS/10.0", ...headers }, body: text });
}

export function badQuery(text: string): CcpRefusal {
	return new CcpRefusal(400, "AIMWS030E", `Invalid query format. ${text}`);
}

export function vaultUnreachable(): CcpRefusal {
	return new CcpRefusal(
		400,
		"APPAP007E",
		"Connection to the Vault has failed. Further attempts to connect to the Vault will be avoided for [1] minutes.",
	);
}

/** Also said where a safe is not to be known. */
export function notFound(criteria: string): CcpRefusal {
	return new CcpRefusal(
		404,
		"APPAP004E",
		`Password object matching query [${criteria}] was not found (Diagnostic Info: 9). Please check that there is a password object that answers your query in the Vault and that both the Provider and the application user have the appropriate permissions needed in order to use the password.`,
	);
}
