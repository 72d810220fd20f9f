import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, type Desk, type Purpose, Refusal, type StandInRequest } from "../stand-in.ts";
import { CcpRefusal, json, notFound, page, vaultUnreachable } from "./answers.ts";
import type { Applications, Peer } from "./applications.ts";
import { readCriteria } from "./criteria.ts";
import { readFlag, readParameters, readTimeout } from "./parameters.ts";
import { type Account, type Accounts, folderOf, type Safes } from "./vault.ts";
import type { WebServices } from "./web-services.ts";

/** One request that came to the web service, as the vault's audit tells it. */
export interface LogEntry extends Peer {
	readonly webService: string;
	readonly appId: string;
	/** Of the account that was found; empty without one. */
	readonly safe: string;
	readonly object: string;
	readonly reason: string;
	readonly status: number;
	/** Empty for a value that was given. */
	readonly errorCode: string;
}

export interface DeskParts {
	readonly webServices: WebServices;
	readonly applications: Applications;
	readonly safes: Safes;
	readonly accounts: Accounts;
}

/** What lies behind the web service, and how it is. */
export interface VaultState {
	isDown: boolean;
	/** How long the vault takes for each answer; more than the request's ConnectionTimeout is as bad as being down. */
	delayMilliseconds: number;
	/** Whether `PasswordChangeInProcess` is a boolean, as in some releases, rather than the text `True` or `False`. */
	usesBooleans: boolean;
	/** What is said to a read without the reason that its safe demands. */
	missingReason: { readonly status: number; readonly code: string };
}

const accountsPath = /^\/(.+)\/api\/accounts\/?$/i;
const livenessPath = /^\/(.+)\/v1\.1\/aim\.asmx$/i;

/** The Central Credential Provider's REST service, behind IIS. */
export class CcpDesk implements Desk {
	readonly log: LogEntry[] = [];
	readonly vault: VaultState = {
		isDown: false,
		delayMilliseconds: 0,
		usesBooleans: false,
		missingReason: { status: 403, code: "APPAP999E" },
	};
	readonly #parts: DeskParts;

	constructor(parts: DeskParts) {
		this.#parts = parts;
	}

	read({ path, query = "" }: StandInRequest): Purpose {
		if (livenessPath.test(path)) return { operation: "liveness", resource: "", caller: "" };
		if (!accountsPath.test(path)) return { operation: "", resource: "", caller: "" };
		const parameters = new Map(Array.from(new URLSearchParams(query), ([name, value]) => [name.toLowerCase(), value]));
		const resource = parameters.get("query") ?? [parameters.get("safe") ?? "", parameters.get("object") ?? ""].join("/");
		return { operation: "accounts.get", resource, caller: parameters.get("appid") ?? "" };
	}

	async answer(request: StandInRequest): Promise<Answer> {
		const { webServices } = this.#parts;
		const path = decoded(request.path);
		const [, liveness] = livenessPath.exec(path) ?? [];
		if (liveness !== undefined) {
			await webServices.admit(liveness, request);
			return { status: 200, headers: { "content-type": "text/html; charset=utf-8" }, body: "<html><body>AIM</body></html>" };
		}
		const [, webService] = accountsPath.exec(path) ?? [];
		if (webService === undefined) throw page(404, "404 - File or directory not found.");
		const peer = await webServices.admit(webService, request);
		if (request.method !== "GET") return json(405, { Message: `The requested resource does not support http method '${request.method}'.` });
		return this.#serve(webService, peer, request.query ?? "");
	}

	async #serve(webService: string, peer: Peer, query: string): Promise<Answer> {
		const entry = { webService, ...peer, appId: "", safe: "", object: "", reason: "", status: 200, errorCode: "" };
		this.log.push(entry);
		try {
			const parameters = readParameters(query);
			entry.appId = parameters.get("appid") ?? "";
			entry.reason = parameters.get("reason") ?? "";
			const account = await this.#find(parameters, peer);
			entry.safe = account.safe;
			entry.object = account.name;
			return json(200, this.#open(account, parameters));
		} catch (error) {
			if (error instanceof Refusal) entry.status = error.answer.status;
			if (error instanceof CcpRefusal) entry.errorCode = error.code;
			throw error;
		}
	}

	/** The one account that is asked for. @throws Refusal */
	async #find(parameters: ReadonlyMap<string, string>, peer: Peer): Promise<Account> {
		const appId = parameters.get("appid");
		if (appId === undefined) throw new CcpRefusal(400, "AIMWS031E", "Invalid request. The AppID parameter is required");
		const criteria = readCriteria(parameters);
		await this.#reachVault(readTimeout(parameters));
		this.#parts.applications.authenticate(appId, peer);
		const [account, ...more] = this.#parts.accounts.find(appId, criteria);
		if (account === undefined) throw notFound(criteria.text);
		if (more.length > 0) throw new CcpRefusal(400, "APPAP229E", `Too many password objects matching query [${criteria.text}] were found.`);
		return account;
	}

	/** What is told of an account. @throws Refusal */
	#open(account: Account, parameters: ReadonlyMap<string, string>): object {
		const { status, code } = this.vault.missingReason;
		if (this.#parts.safes.demandsReason(account.safe) && !parameters.has("reason"))
			throw new CcpRefusal(status, code, "A reason is required.");
		if (readFlag(parameters, "failrequestonpasswordchange") && account.isChanging === true)
			throw new CcpRefusal(500, "APPAP282E", `Password [${account.name}] is currently being changed by the CPM.`);
		return this.#describe(account);
	}

	async #reachVault(timeoutMilliseconds: number): Promise<void> {
		const { isDown, delayMilliseconds } = this.vault;
		if (delayMilliseconds > 0) await sleep(Math.min(delayMilliseconds, timeoutMilliseconds));
		if (isDown || delayMilliseconds > timeoutMilliseconds) throw vaultUnreachable();
	}

	#describe(account: Account): object {
		const { content, userName, address, database, policyId, properties = {}, isChanging = false } = account;
		const flag = this.vault.usesBooleans ? isChanging : isChanging ? "True" : "False";
		const all = {
			...properties,
			...{ Content: content, UserName: userName, Address: address, Database: database, PolicyID: policyId },
			...{ Safe: account.safe, Folder: folderOf(account), Name: account.name, PasswordChangeInProcess: flag },
		};
		return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
	}
}

function decoded(path: string): string {
	try {
		return decodeURIComponent(path);
	} catch {
		throw page(400, "Bad Request");
	}
}
