import type { ExecutionContext } from "ava";
import type { JSONWebKeySet } from "jose";
import { isMap, isScalar, isSeq, type ParsedNode, parseDocument } from "yaml";
import type { Conjur } from "../servers/conjur/conjur.ts";
import type { Privilege } from "../servers/conjur/policy.ts";
import { type Options, openDesk, option } from "./desk.ts";

/** Where an authenticator's settings lie. */
const authenticatorForm = /^conjur\/(authn-jwt\/([\w-]+))\/([\w-]+)$/;

/** Conjur's side of the guide: policies, the values of variables, and the authenticators that they set up. */
export class ConjurDesk {
	readonly #conjur: Conjur;
	/** What policies have declared, as `variable:ID` and `webservice:ID`. */
	readonly #resources = new Set<string>();
	/** Of authenticators, by the variable's id. */
	readonly #settings = new Map<string, string>();

	private constructor(conjur: Conjur) {
		this.#conjur = conjur;
	}

	/** @returns its address. It ends with the test */
	static open(t: ExecutionContext<unknown>, conjur: Conjur): Promise<string> {
		const desk = new ConjurDesk(conjur);
		return openDesk(t, {
			"policy load": { options: ["branch", "file"], names: 0, perform: (given) => desk.#load(given) },
			"variable set": { options: ["id", "value"], names: 0, perform: (given) => desk.#set(given) },
			"authenticator enable": { options: ["id"], names: 0, perform: (given) => desk.#enable(given) },
		});
	}

	#load(options: Options): void {
		if (options["branch"] !== "root") throw new Error("the documents load into the branch root");
		// Its tags are Conjur's own.
		const { contents, errors } = parseDocument(option(options, "file"), { logLevel: "silent" });
		if (errors.length > 0 || contents === null) throw new Error("the policy is no YAML");
		this.#declareAll(contents, "");
	}

	#declareAll(body: ParsedNode | null, branch: string): void {
		if (!isSeq<ParsedNode>(body)) throw new Error("a policy is a list");
		for (const item of body.items) this.#declare(item, branch);
	}

	#declare(item: ParsedNode, branch: string): void {
		const id = idOf(item, branch);
		const kind = item.tag?.slice(1);
		if (kind === "policy") this.#declareAll(entry(item, "body") ?? null, `${id}/`);
		else if (kind === "webservice" || kind === "variable") this.#resources.add(`${kind}:${id}`);
		else if (kind === "host") this.#conjur.policy.addHost(`host/${id}`, Object(entry(item, "annotations")?.toJSON()));
		else if (kind === "permit") this.#permit(item, branch);
		else throw new Error(`the test does not know ${item.tag}`);
	}

	#permit(item: ParsedNode, branch: string): void {
		const [role, resource] = [entry(item, "role"), entry(item, "resource")];
		if (role?.tag !== "!host" || resource === undefined) throw new Error("a permission is for a host, on one resource");
		const name = `${resource.tag?.slice(1)}:${idOf(resource, branch)}`;
		if (!this.#resources.has(name)) throw new Error(`there is no ${name}`);
		this.#conjur.policy.permit(`host/${idOf(role, branch)}`, entry(item, "privilege")?.toJSON() as readonly Privilege[], name);
	}

	#set(options: Options): void {
		const id = option(options, "id");
		if (!this.#resources.has(`variable:${id}`)) throw new Error(`there is no variable ${id}`);
		if (authenticatorForm.test(id)) this.#settings.set(id, option(options, "value"));
		else this.#conjur.variables.set(id, option(options, "value"));
	}

	#enable(options: Options): void {
		const path = `conjur/${option(options, "id")}`;
		const service = authenticatorForm.exec(`${path}/any`)?.[2];
		if (service === undefined || !this.#resources.has(`webservice:${path}`)) throw new Error(`there is no ${path}`);
		const setting = (name: string) => {
			const value = this.#settings.get(`${path}/${name}`);
			if (value === undefined) throw new Error(`the variable ${name} has no value`);
			return value;
		};
		const { type, value: keys } = JSON.parse(setting("public-keys")) as { readonly type: string; readonly value: JSONWebKeySet };
		if (type !== "jwks") throw new Error("public-keys are of the type jwks");
		this.#conjur.authenticators.add(service, {
			keys,
			issuer: setting("issuer"),
			audience: setting("audience"),
			tokenAppProperty: setting("token-app-property"),
			identityPath: setting("identity-path"),
		});
	}
}

function entry(item: ParsedNode, key: string): ParsedNode | undefined {
	const node = isMap(item) ? item.get(key, true) : undefined;
	return node === undefined ? undefined : (node as ParsedNode);
}

/** An id counts from the policy that it stands in; the policy's own webservice has none, and is called as the policy. */
function idOf(item: ParsedNode, branch: string): string {
	const written = isScalar(item) ? item.value : entry(item, "id")?.toJSON();
	return typeof written === "string" && written !== "" ? `${branch}${written}` : branch.replace(/\/$/, "");
}
