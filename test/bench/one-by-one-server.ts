// Fetching without sharing: each Mount logs in to Vault by itself and reads its objects one after another.
//   node one-by-one-server.cjs SOCKET VAULT-ADDRESS OBJECTS
import { Agent, request as httpRequest } from "node:http";
import { json } from "node:stream/consumers";
import { answerWith, type MountMessage, serveMounts } from "./mount-server.ts";

const [socket = "", address = "", objects = "1"] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });

interface Login {
	readonly auth: { readonly client_token: string };
}
interface KeyValue {
	readonly data: { readonly data: { readonly value: string } };
}

serveMounts(socket, async (request) => {
	const login = (await callVault("POST", "/v1/auth/jwt/login", "", { role: "bench", jwt: podToken(request) })) as Login;
	const contents: Buffer[] = [];
	for (let index = 0; index < Number(objects); index += 1) {
		const secret = (await callVault("GET", `/v1/secret/data/bench/${index}`, login.auth.client_token)) as KeyValue;
		contents.push(Buffer.from(secret.data.data.value));
	}
	return answerWith(contents);
});

function podToken(request: MountMessage): string {
	const attributes = JSON.parse(request.attributes ?? "{}") as Record<string, string>;
	const tokens = JSON.parse(attributes["csi.storage.k8s.io/serviceAccount.tokens"] ?? "{}") as Record<string, { token: string }>;
	return tokens["vault"]?.token ?? "";
}

function callVault(method: string, path: string, token: string, body?: unknown): Promise<unknown> {
	return new Promise((resolve, reject) => {
		const sent = httpRequest(`${address}${path}`, { method, agent, headers: { "x-vault-token": token } }, (response) => {
			if (response.statusCode === 200) json(response).then(resolve, reject);
			else reject(new Error(`Vault answered ${response.statusCode} to ${method} ${path}`));
		});
		sent.once("error", reject);
		sent.end(body === undefined ? undefined : JSON.stringify(body));
	});
}
