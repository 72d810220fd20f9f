// Stands in for the command line of `aws`, as far as the documents use it: the same calls by the vendor's clients, to
// the servers of the test. What they do not have (IAM, EKS, who one is) the account's desk in the test takes.
import { readFileSync } from "node:fs";
import { noteFailure, variable } from "./call.ts";

const [service = "", operation = "", ...words] = process.argv.slice(2);
const options = optionsOf(words);
try {
	const { region, query, output, ...parameters } = options;
	print(await (services()[service]?.(parameters, region ?? "") ?? askDesk(parameters)), query, output);
} catch (error) {
	noteFailure(["aws", service, operation, ...words], String(error));
	process.exitCode = 1;
}

type Parameters = Readonly<Record<string, string>>;
type Caller = (parameters: Parameters, region: string) => Promise<unknown>;

/** The vendor's command line is made of the same descriptions as its clients: `create-secret` is `CreateSecretCommand`. */
function services(): Readonly<Record<string, Caller>> {
	return {
		secretsmanager: async (parameters, region) => {
			const library = await import("@aws-sdk/client-secrets-manager");
			return send(new library.SecretsManagerClient({ region }), library, parameters);
		},
		ssm: async (parameters, region) => {
			const library = await import("@aws-sdk/client-ssm");
			return send(new library.SSMClient({ region }), library, parameters);
		},
		kms: async (parameters, region) => {
			const library = await import("@aws-sdk/client-kms");
			return send(new library.KMSClient({ region }), library, parameters);
		},
	};
}

interface AnyClient {
	send(command: never): Promise<unknown>;
}

async function send(client: AnyClient, library: object, parameters: Parameters): Promise<unknown> {
	const command: unknown = Object.entries(library).find(([name]) => name === `${pascal(operation)}Command`)?.[1];
	if (typeof command !== "function") throw new Error("there is no such operation");
	const input = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [pascal(name), inputValue(value)]));
	return client.send(Reflect.construct(command, [input]) as never);
}

async function askDesk(parameters: Parameters): Promise<unknown> {
	const response = await fetch(variable("DOCS_AWS_DESK"), {
		method: "POST",
		body: JSON.stringify({ operation: `${service} ${operation}`, parameters }),
	});
	const text = await response.text();
	if (!response.ok) throw new Error(text);
	return JSON.parse(text);
}

/** Options by their names, each with one value; `file://NAME` is what the file holds. */
function optionsOf(list: readonly string[]): Parameters & { readonly region?: string; readonly query?: string; readonly output?: string } {
	const pairs = Array.from({ length: list.length / 2 }, (_, index) => list.slice(2 * index, 2 * index + 2));
	return Object.fromEntries(
		pairs.map(([name = "", value = ""]) => {
			if (!name.startsWith("--") || value === "") throw new Error(`${name} is no option with a value`);
			return [name.slice(2), value.startsWith("file://") ? readFileSync(value.slice("file://".length), "utf8") : value];
		}),
	);
}

/** `Key=VALUE` is a list with one structure. */
function inputValue(text: string): unknown {
	const [, key, value] = /^([A-Z]\w+)=([^=\s]+)$/.exec(text) ?? [];
	return key === undefined ? text : [{ [key]: value }];
}

function pascal(name: string): string {
	return name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function print(answer: unknown, query: string | undefined, output: string | undefined): void {
	const wanted = (query ?? "").split(".").reduce((value, key) => (key === "" ? value : Object(value)[key]), answer);
	if (wanted === undefined) throw new Error(`the answer has no ${query}`);
	process.stdout.write(output === "text" ? `${String(wanted)}\n` : `${JSON.stringify(wanted, undefined, 4)}\n`);
}
