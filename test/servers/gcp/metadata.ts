import { type AccessTokens, cloudPlatformScope } from "./access-tokens.ts";
import { type Answer, type Call, json, Refusal, type Route } from "./answers.ts";
import { serviceAccount } from "./iam.ts";
import type { Project } from "./projects.ts";

export interface NodeIdentity {
	/** The node's Google service account. */
	readonly email: string;
	/** GKE's attributes of the instance; none unless given. */
	readonly clusterName?: string;
	readonly clusterLocation?: string;
}

const flavor = { "metadata-flavor": "Google" };

/** The metadata server of a node, which gives the node's own identity to whoever asks. Source: Compute Engine, "About VM metadata". */
export class MetadataServer {
	readonly #project: Project;
	readonly #tokens: AccessTokens;
	readonly #node: NodeIdentity;

	constructor(project: Project, tokens: AccessTokens, node: NodeIdentity) {
		this.#project = project;
		this.#tokens = tokens;
		this.#node = node;
	}

	get routes(): readonly Route[] {
		const texts: Readonly<Record<string, string | undefined>> = {
			"project/project-id": this.#project.id,
			"project/numeric-project-id": this.#project.number,
			"universe/universe-domain": "googleapis.com",
			"instance/attributes/cluster-name": this.#node.clusterName,
			"instance/attributes/cluster-location": this.#node.clusterLocation,
			"instance/service-accounts/default/email": this.#node.email,
			"instance/service-accounts/default/scopes": `${cloudPlatformScope}\n`,
		};
		const handle = (call: Call) => this.#answer(call, texts);
		return [
			{
				operation: "metadata.token",
				service: "metadata",
				method: "GET",
				path: /^\/computeMetadata\/v1\/instance\/service-accounts\/[^/]+\/token$/,
				handle: (call) => this.#token(call),
			},
			{ operation: "metadata.get", service: "metadata", method: "GET", path: /^\/(?:computeMetadata\/v1\/?.*)?$/, handle },
		];
	}

	#answer(call: Call, texts: Readonly<Record<string, string | undefined>>): Answer {
		requireHeader(call);
		const path = call.path.replace(/^\/(computeMetadata\/v1)?\/?/, "").replace(/\/$/, "");
		const text = texts[path] ?? listing(path, Object.keys(texts));
		if (text === undefined) throw new Refusal("no such value", { status: 404, headers: flavor, body: "Not Found" });
		return { status: 200, headers: { ...flavor, "content-type": "application/text" }, body: text };
	}

	#token(call: Call): Answer {
		requireHeader(call);
		const principal = serviceAccount(this.#node.email);
		call.principal = principal.name;
		const { token, expiresAt } = this.#tokens.issue(principal, [cloudPlatformScope]);
		const expiresIn = Math.floor((expiresAt.getTime() - Date.now()) / 1000);
		return { ...json({ access_token: token, expires_in: expiresIn, token_type: "Bearer" }), headers: flavor };
	}
}

/** What lies in a directory, a line each; undefined when there is no such directory. */
function listing(path: string, texts: readonly string[]): string | undefined {
	const prefix = path === "" ? "" : `${path}/`;
	const names = texts.filter((text) => text.startsWith(prefix)).map((text) => text.slice(prefix.length).replace(/\/.*$/, "/"));
	return names.length === 0 ? undefined : [...new Set(names)].map((name) => `${name}\n`).join("");
}

/** A request that a browser or a proxy was made to send lacks the header, or brings the other one. */
function requireHeader(call: Call): void {
	if (call.headers["metadata-flavor"] === "Google" && call.headers["x-forwarded-for"] === undefined) return;
	throw new Refusal("the header is missing", { status: 403, headers: flavor, body: "Missing Metadata-Flavor:Google header." });
}
